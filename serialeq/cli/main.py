"""The command line: ``serialeq demo | train | predict | plan | verify | diff | lecture``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from serialeq.errors import SerialeqError
from serialeq.problems.cut.command import train_cut
from serialeq.problems.embed.command import train_embedding, train_topics
from serialeq.problems.linear.command import train_linear
from serialeq.problems.network.command import train_network

from .options import (
    DigestEvery,
    EngineName,
    Every,
    Jobs,
    Json,
    Keep,
    OrderName,
    Out,
    Seconds,
    Seed,
    TestFraction,
)
from .plan import plan
from .predict import predict
from .runs import Trained, diff, start, train, trains, verify

if TYPE_CHECKING:
    from serialeq.training.callbacks import Callback

app = typer.Typer(
    help="Train on any number of workers and get the bits of the serial run.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
train_app = typer.Typer(help="Train a model.", invoke_without_command=True)
app.add_typer(train_app, name="train")
train_app.callback()(train)
train_app.command("linear")(train_linear)
train_app.command("network")(train_network)
train_app.command("cut")(train_cut)
train_app.command("embed")(train_embedding)
train_app.command("topics")(train_topics)


@app.command()
def demo(
    ratings: Annotated[int, typer.Option(help="Number of generated ratings.")] = 1_000_000,
    factors: Annotated[int, typer.Option(help="Rank.")] = 32,
    epochs: Annotated[int, typer.Option(help="Epochs of each run.")] = 10,
    jobs: Jobs = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Train one model with every engine, and compare seconds, RMSE and digest."""
    from serialeq.native.team import count_workers
    from serialeq.problems.mf.training import FactorizationParameters

    from .demo import run_demo
    from .report import notices, print_json, print_table

    FactorizationParameters(n_factors=factors, n_epochs=epochs, seed=seed, n_jobs=jobs).check()
    if ratings < 100:
        raise SerialeqError(f"ratings: expected at least 100, got {ratings}")
    rows: list[dict[str, Any]] = []
    notices.print(f"{ratings:,} generated ratings, rank {factors}, {epochs} epochs each")
    for result in run_demo(ratings, factors, epochs, count_workers(jobs), seed):
        row = asdict(result.contestant) | asdict(result)
        del row["contestant"]
        row["speedup"] = (rows[0]["seconds"] if rows else result.seconds) / result.seconds
        rows.append(row)
        notices.print(
            f"  {row['engine']} {row['order']} on {row['jobs']}: {row['seconds']:.2f} s, "
            f"{row['digest'][:16]}"
        )
    digests = {}
    for order in ("shuffled", "blocked"):
        same = {row["digest"] for row in rows if row["equivalent"] and row["order"] == order}
        if len(same) != 1:
            raise SerialeqError(f"demo: the {order} order gave {len(same)} digests, expected one")
        digests[order] = same.pop()
    if as_json:
        print_json({"rows": rows})
        return
    print_table(
        "Same digest, same bits. Speedup over the serial run in shuffled order.",
        ["order", "engine", "workers", "seconds", "speedup", "RMSE", "serial bits?", "digest"],
        [
            [
                row["order"],
                row["engine"],
                str(row["jobs"]),
                f"{row['seconds']:.3f}",
                f"{row['speedup']:.2f}",
                f"{row['rmse']:.4f}",
                "yes" if row["equivalent"] else "no promise",
                row["digest"][:16],
            ]
            for row in rows
        ],
    )
    for order, digest in digests.items():
        print(f"{order}: every equivalent run has digest {digest}")


@train_app.command("mf")
def train_factorization(
    ratings: Annotated[Path, typer.Argument(help="CSV, TSV, MovieLens '::' or RecBole '.inter'.")],
    out: Out = None,
    test_fraction: TestFraction = 0.0,
    factors: Annotated[int, typer.Option(help="Rank.")] = 32,
    epochs: Annotated[int, typer.Option(help="Passes over the ratings.")] = 20,
    learning_rate: Annotated[float, typer.Option(help="Step size.")] = 0.05,
    schedule: Annotated[str, typer.Option(help="decay, constant, inverse or adagrad.")] = "decay",
    decay: Annotated[float, typer.Option(help="Parameter of the step schedule.")] = 0.85,
    l2: Annotated[float, typer.Option(help="L2 penalty.")] = 0.05,
    bias: Annotated[str, typer.Option(help="all, global or none.")] = "all",
    nonnegative: Annotated[bool, typer.Option(help="Keep the factors >= 0.")] = False,
    order: OrderName = "blocked",
    engine: EngineName = "auto",
    best: Annotated[
        bool, typer.Option("--best", help="End with the epoch of the lowest (held-out) loss.")
    ] = False,
    jobs: Jobs = None,
    seed: Seed = 0,
    checkpoint_every: Every = None,
    checkpoint_seconds: Seconds = None,
    keep_checkpoints: Keep = False,
    digest_every: DigestEvery = 1,
    as_json: Json = False,
) -> None:
    """Factorise a file of ratings."""
    start("mf", locals())


@trains("mf", "ratings")
def _factorise(o: SimpleNamespace, callbacks: Sequence[Callback]) -> Trained:
    from serialeq.problems.mf.reading import read_ratings
    from serialeq.problems.mf.training import FactorizationParameters, fit_factorization
    from serialeq.reading.splits import split_indices
    from serialeq.training.callbacks import BestEpoch, EpochRecord, best_epoch

    from .report import epoch_progress, notices, print_json

    parameters = FactorizationParameters(
        n_factors=o.factors,
        n_epochs=o.epochs,
        learning_rate=o.learning_rate,
        schedule=o.schedule,
        decay=o.decay,
        l2=o.l2,
        bias=o.bias,
        nonnegative=o.nonnegative,
        order=o.order,
        engine=o.engine,
        n_jobs=o.jobs,
        seed=o.seed,
    )
    parameters.check()
    data = read_ratings(o.ratings)
    kept, test = split_indices(len(data), o.test_fraction, o.seed)
    notices.print(f"{len(data):,} ratings of {data.n_users:,} users and {data.n_items:,} items")
    held_out = parameters.entries(data.subset(test), data.shape) if test.size else None
    with epoch_progress(o.epochs) as progress:
        model = fit_factorization(
            parameters,
            parameters.entries(data.subset(kept), data.shape),
            n_epochs=o.epochs,
            validation=held_out,
            on_epoch=progress,
            callbacks=[*callbacks, *([BestEpoch()] if o.best else [])],
        )
    records = [EpochRecord(**record) for record in model.history]
    epoch = best_epoch(records) if o.best else len(records)
    last = model.history[epoch - 1] if epoch else {"loss": None, "validation_loss": None}
    ids = {"user_ids": data.user_ids, "item_ids": data.item_ids}
    about = {
        "kind": "ratings",
        "digest": model.digest,
        "equivalent": model.engine != "hogwild",
        "order": o.order,
        "parameters": parameters.told(),
        "rmse": last["validation_loss"] if test.size else last["loss"],
        "trained": sorted(model.trained),
    }

    def tell() -> None:
        if o.as_json:
            told = {"engine": model.engine, "engine_reason": model.engine_reason}
            seconds = sum(record["seconds"] for record in model.history)
            jobs_used = {"jobs": model.n_workers, "seconds": seconds, "history": model.history}
            print_json(about | told | jobs_used)
            return
        print(f"engine   {model.engine} ({model.engine_reason}), {model.n_workers} workers")
        if model.history:
            print(f"loss     {last['loss']:.4f} (RMSE on the training ratings)")
        if model.history and test.size:
            print(f"held out {last['validation_loss']:.4f} (RMSE, epoch {epoch})")
        print(f"digest   {model.digest}")

    return Trained(model.trained | ids, about, tell)


app.command()(predict)
app.command()(plan)
app.command()(verify)
app.command()(diff)


def main() -> None:
    """Run the command line; errors become one line on stderr and exit status 1."""
    try:
        try:
            app(standalone_mode=True)
        finally:
            if sys.stdout is not None:  # closed by who called
                sys.stdout.flush()  # what is still in its buffer may not fit, either
    except SerialeqError as error:
        print(f"serialeq: {error}", file=sys.stderr)
        sys.exit(1)
    except OSError as error:
        if not isinstance(error, BrokenPipeError):  # who reads has seen enough
            print(f"serialeq: {error}", file=sys.stderr)
        sys.stdout = sys.stderr  # or the interpreter would try again, and have its own status
        sys.exit(1)

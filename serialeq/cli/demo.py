"""``serialeq demo``: the promise, shown in a minute, at a factorisation of generated ratings."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from serialeq.errors import SerialeqError

from .options import Jobs, Json, Seed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from serialeq.training.compare import Result


def demo(
    ratings: Annotated[int, typer.Option(help="Number of generated ratings.")] = 1_000_000,
    factors: Annotated[int, typer.Option(help="Rank.")] = 32,
    epochs: Annotated[int, typer.Option(help="Epochs of each run.")] = 10,
    jobs: Jobs = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Train one model with every engine, and compare seconds, RMSE and digest."""
    from .report import notices, print_json, print_table

    if ratings < 100:
        raise SerialeqError(f"ratings: expected at least 100, got {ratings}")
    rows: list[dict[str, Any]] = []
    notices.print(f"{ratings:,} generated ratings, rank {factors}, {epochs} epochs each")
    for result in _results(ratings, factors, epochs, jobs, seed):
        row = asdict(result)
        rows.append(row.pop("contestant") | {"rmse": row.pop("error")} | row)
        rows[-1]["speedup"] = rows[0]["seconds"] / result.seconds
        who = result.contestant
        notices.print(
            f"  {who.engine} {who.order} on {who.jobs}: {result.seconds:.2f} s, "
            f"{result.digest[:16]}"
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


def _results(
    n_ratings: int, n_factors: int, n_epochs: int, n_jobs: int | None, seed: int
) -> Iterable[Result]:
    """Yield results on generated ratings, a tenth held out: engines, and Hogwild! three times."""
    from serialeq.native.team import count_workers
    from serialeq.problems.mf.estimator import MatrixFactorization
    from serialeq.problems.mf.problem import Entries, Factorization
    from serialeq.problems.mf.ratings import generate_ratings
    from serialeq.reading.splits import split_indices
    from serialeq.training.compare import Contestant, compare

    estimator = MatrixFactorization(n_factors, n_epochs, n_jobs=n_jobs, random_state=seed)
    estimator.check_parameters()
    ratings = generate_ratings(n_ratings, seed=seed)
    kept, test = (ratings.subset(index) for index in split_indices(len(ratings), 0.1, seed))
    entries = Entries(kept.users, kept.items, kept.values, ratings.shape)

    def held_out(problem: Factorization) -> float:
        return problem.rmse(test.users, test.items, test.values)

    jobs, rows = count_workers(n_jobs), []
    for order in ("shuffled", "blocked"):
        rows.append(Contestant("serial", order, 1))
        rows += [Contestant(engine, order, jobs) for engine in ("groups", "cyclades", "locked")]
        rows += [Contestant("dataflow", order, n) for n in sorted({1, jobs, 2 * jobs})]
        rows += [Contestant("hogwild", order, jobs)] * 3
    yield from compare(
        lambda: Factorization(entries, estimator, seed=seed), held_out, rows, n_epochs, seed
    )

"""The command line's networks: ``serialeq train network``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Annotated

import typer

from serialeq.cli.options import (
    DigestEvery,
    EngineName,
    Every,
    Features,
    HashedFeatures,
    Jobs,
    Json,
    Keep,
    OrderName,
    Out,
    Seconds,
    Seed,
    TestFraction,
    Text,
)
from serialeq.cli.runs import Trained, start, trains
from serialeq.problems.linear.command import held_out_score

if TYPE_CHECKING:
    from serialeq.training.callbacks import Callback


def train_network(
    data: Annotated[Path | None, typer.Argument(help="svmlight (LIBSVM) file.")] = None,
    text: Text = None,
    features: Features = None,
    hashed_features: HashedFeatures = 1 << 18,
    out: Out = None,
    test_fraction: TestFraction = 0.0,
    hidden_units: Annotated[int, typer.Option(help="A multiple of the groups.")] = 256,
    groups: Annotated[int, typer.Option(help="Groups of hidden units.")] = 16,
    kept: Annotated[int, typer.Option(help="Groups that a sample trains; all: no dropout.")] = 4,
    masks: Annotated[str, typer.Option(help="partition or independent.")] = "partition",
    loss: Annotated[str, typer.Option(help="log_loss or squared_error.")] = "log_loss",
    learning_rate: Annotated[float, typer.Option(help="AdaGrad's step.")] = 0.05,
    epochs: Annotated[int, typer.Option(help="Passes over the samples.")] = 20,
    order: OrderName = "blocked",
    engine: EngineName = "auto",
    jobs: Jobs = None,
    seed: Seed = 0,
    checkpoint_every: Every = None,
    checkpoint_seconds: Seconds = None,
    keep_checkpoints: Keep = False,
    digest_every: DigestEvery = 1,
    as_json: Json = False,
) -> None:
    """Train a classifier with one hidden layer by sparsified backprop (dropout)."""
    start("network", locals())


@trains("network", "data", "text")
def _train(o: SimpleNamespace, callbacks: Sequence[Callback]) -> Trained:
    from serialeq.cli.report import epoch_progress, notices, print_json
    from serialeq.reading.samples import errors_named, read_training
    from serialeq.training.callbacks import EpochFunction
    from serialeq.training.saving import add_inputs

    from .estimator import DropoutMLPClassifier

    estimator = DropoutMLPClassifier(
        o.hidden_units,
        n_groups=o.groups,
        n_kept=o.kept,
        masks=o.masks,
        loss=o.loss,
        learning_rate=o.learning_rate,
        max_iter=o.epochs,
        order=o.order,
        engine=o.engine,
        random_state=o.seed,
        n_jobs=o.jobs,
    )
    estimator._check_parameters()
    data = read_training(
        o.data, o.text, o.features, o.hashed_features, False, o.test_fraction, o.seed
    )
    notices.print(data.described)
    with errors_named(data.path), epoch_progress(o.epochs) as progress:
        estimator.fit(data.X, data.y, callbacks=[*callbacks, EpochFunction(progress)])
    arrays, features = data.features()
    arrays, about = add_inputs(estimator._describe(), arrays, features=features)
    about["accuracy"] = score = held_out_score(estimator, data)
    about["loss"] = estimator.history_[-1]["loss"]

    def tell() -> None:
        history, reason = estimator.history_, estimator.engine_reason_
        if o.as_json:
            seconds = sum(record["seconds"] for record in history)
            told = {"engine": estimator.engine_, "engine_reason": reason, "history": history}
            print_json(about | told | {"jobs": estimator.n_workers_, "seconds": seconds})
            return
        print(f"engine    {estimator.engine_} ({reason}), {estimator.n_workers_} workers")
        print(f"loss      {about['loss']:.6g} ({estimator.n_iter_} epochs)")
        if score is not None:
            print(f"held out  {score:.4f} (accuracy on {data.y_held.size:,} samples)")
        print(f"digest    {estimator.digest_}")

    return Trained(arrays, about, tell)

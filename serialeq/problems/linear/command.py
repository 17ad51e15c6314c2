"""The command line's linear models: ``serialeq train linear``, and its part of the others."""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from serialeq.cli.options import (
    Alpha,
    BlockSize,
    DigestEvery,
    Every,
    Features,
    HashedFeatures,
    Jobs,
    Json,
    Keep,
    Loss,
    Out,
    Regression,
    Seconds,
    Seed,
    TestFraction,
    Text,
)
from serialeq.cli.runs import Trained, start, trains
from serialeq.errors import SerialeqError

if TYPE_CHECKING:
    import numpy as np

    from serialeq.reading.samples import TrainingData
    from serialeq.training.callbacks import Callback


def train_linear(
    data: Annotated[Path | None, typer.Argument(help="svmlight (LIBSVM) file.")] = None,
    text: Text = None,
    features: Features = None,
    hashed_features: HashedFeatures = 1 << 18,
    out: Out = None,
    test_fraction: TestFraction = 0.0,
    regression: Regression = False,
    loss: Loss = None,
    alpha: Alpha = 1e-4,
    epochs: Annotated[int, typer.Option(help="Passes over the samples, at most.")] = 20,
    tol: Annotated[
        float | None,
        typer.Option(help="Stop when 5 epochs do not lower the objective by this."),
    ] = None,
    learning_rate: Annotated[
        str | None,
        typer.Option(
            help="optimal (the default), constant, invscaling (the default of --regression) "
            "or pegasos."
        ),
    ] = None,
    eta0: Annotated[float, typer.Option(help="First step of constant and invscaling.")] = 0.01,
    order: Annotated[str, typer.Option(help="reshuffled, shuffled or given.")] = "reshuffled",
    engine: Annotated[
        str,
        typer.Option(
            help="auto, serial, lookahead or minibatch; with --arithmetic float64: auto, serial, "
            "dataflow, groups, cyclades, locked or hogwild."
        ),
    ] = "auto",
    arithmetic: Annotated[str, typer.Option(help="lattice or float64.")] = "lattice",
    batch_size: Annotated[int, typer.Option(help="Samples per update of minibatch.")] = 64,
    block_size: BlockSize = None,
    class_weight: Annotated[
        str | None, typer.Option(help="balanced, or LABEL=WEIGHT,LABEL=WEIGHT.")
    ] = None,
    average: Annotated[
        bool, typer.Option("--average", help="Keep the mean of the weights, and predict with it.")
    ] = False,
    jobs: Jobs = None,
    seed: Seed = 0,
    checkpoint_every: Every = None,
    checkpoint_seconds: Seconds = None,
    keep_checkpoints: Keep = False,
    digest_every: DigestEvery = 1,
    as_json: Json = False,
) -> None:
    """Train a linear classifier, or a regression, on svmlight data or on texts."""
    start("linear", locals())


@trains("linear", "data", "text")
def _train(o: SimpleNamespace, callbacks: Sequence[Callback]) -> Trained:
    from serialeq.cli.report import epoch_progress, notices, print_json
    from serialeq.reading.samples import errors_named, read_training
    from serialeq.training.callbacks import EpochFunction
    from serialeq.training.saving import add_inputs

    given: dict[str, Any] = {
        "loss": o.loss,
        "alpha": o.alpha,
        "max_iter": o.epochs,
        "tol": o.tol,
        "learning_rate": o.learning_rate,
        "eta0": o.eta0,
        "order": o.order,
        "engine": o.engine,
        "arithmetic": o.arithmetic,
        "batch_size": o.batch_size,
        "block_size": o.block_size,
        "average": o.average,
        "random_state": o.seed,
        "n_jobs": o.jobs,
    }
    if o.regression and o.class_weight is not None:
        raise SerialeqError("class_weight: expected none with --regression")
    estimator = make_estimator(o.regression, given)
    data = read_training(
        o.data, o.text, o.features, o.hashed_features, o.regression, o.test_fraction, o.seed
    )
    notices.print(data.described)
    if not o.regression:
        estimator.class_weight = class_weights(o.class_weight, data.y)
    with errors_named(data.path), epoch_progress(o.epochs) as progress:
        estimator.fit(data.X, data.y, callbacks=[*callbacks, EpochFunction(progress)])
    score = held_out_score(estimator, data)
    arrays, features = data.features()
    arrays, about = add_inputs(estimator._describe(), arrays, features=features)
    about["objective"] = estimator.history_[-1]["loss"] if estimator.history_ else None
    about["r2" if o.regression else "accuracy"] = score

    def tell() -> None:
        if o.as_json:
            history = estimator.history_
            told = {
                "engine": estimator.engine_,
                "engine_reason": estimator.engine_reason_,
                "jobs": estimator.n_workers_,
                "plan_bytes": estimator.plan_bytes_,
                "seconds": sum(record["seconds"] for record in history),
                "history": history,
            }
            print_json(about | told)
            return
        workers = f"{estimator.n_workers_} workers"
        print(f"engine    {estimator.engine_} ({estimator.engine_reason_}), {workers}")
        if estimator.plan_bytes_:
            print(f"plan      {memory_told(estimator.plan_bytes_)}")
        print(
            f"objective {about['objective']:.6g} ({estimator.loss}, alpha {o.alpha:g}, "
            f"{estimator.n_iter_} epochs)"
        )
        if score is not None:
            name = "R2" if o.regression else "accuracy"
            print(f"held out  {score:.4f} ({name} on {data.y_held.size:,} samples)")
        print(f"lattice   {lattice_told(estimator.lattice_)}")
        print(f"digest    {estimator.digest_}")

    return Trained(arrays, about, tell)


def make_estimator(regression: bool, given: dict[str, Any]) -> Any:
    """Return a checked estimator; what is None has the estimator's default."""
    from .estimator import LinearClassifier, LinearRegressor

    named = {name: value for name, value in given.items() if value is not None}
    made = LinearRegressor if regression else LinearClassifier
    estimator = made(**{"tol": None, "n_jobs": None} | named)
    estimator._check_parameters()
    return estimator


def class_weights(given: str | None, y: np.ndarray) -> Any:
    """Return scikit-learn's class_weight from "balanced" or "label=weight,label=weight"."""
    import numpy as np

    if given is None or given == "balanced":
        return given
    labels = {str(label): label for label in np.unique(y).tolist()}
    weights = {}
    for part in given.split(","):
        label, _, weight = part.rpartition("=")
        try:
            value = float(weight)
        except ValueError:
            value = -1.0
        if label not in labels or not 0 <= value < np.inf:
            raise SerialeqError(
                "class_weight: expected balanced, or a label of the data = a weight of at least "
                f"0, got {part!r}"
            )
        weights[labels[label]] = value
    return weights


def lattice_told(lattice: Any) -> str:
    """Return a lattice in words."""
    if lattice is None:
        return "none (float64)"
    return (
        f"features {lattice.feature_bits} bits (scale {lattice.scale:g}), factors "
        f"{lattice.factor_bits} bits, weights up to {lattice.largest_weight / lattice.scale:.4g}"
    )


def memory_told(plan_bytes: dict[str, int]) -> str:
    """Say how much memory a plan takes, and for what."""
    parts = ", ".join(f"{name} {size / 1e6:,.1f}" for name, size in plan_bytes.items())
    return f"{sum(plan_bytes.values()) / 1e6:,.1f} MB ({parts})"


def held_out_score(estimator: Any, data: TrainingData) -> float | None:
    """Return the accuracy, or R2 where it is defined, on the samples held out, if there are any."""
    y = data.y_held
    if not y.size:
        return None
    predicted = estimator.predict(data.held_matrix())
    if hasattr(estimator, "classes_"):
        return float((predicted == y).mean())
    variation = float(((y - y.mean()) ** 2).sum())
    return 1.0 - float(((y - predicted) ** 2).sum()) / variation if variation else None


def predict_samples(arrays: dict[str, np.ndarray], about: dict[str, Any], path: str) -> None:
    """Write predictions of a linear model or a network for a file of samples as CSV."""
    import numpy as np

    from serialeq.cli.report import notices
    from serialeq.reading.samples import errors_named
    from serialeq.reading.svmlight import read_svmlight
    from serialeq.reading.texts import read_texts
    from serialeq.runs.loading import restore, restore_features

    estimator = restore(arrays, about)
    vectoriser = restore_features(arrays, about)
    if vectoriser is not None:
        X = vectoriser.transform(read_texts(path))
    else:
        zero_based = about.get("features", {}).get("zero_based")
        read = read_svmlight(path, estimator.n_features_in_, zero_based)
        X = read.X
        if read.n_ignored:
            notices.print(
                f"{read.n_ignored:,} entries ignored: the model has {X.shape[1]:,} features"
            )
    with errors_named(path):
        predicted = estimator.predict(X)
    out = csv.writer(sys.stdout, lineterminator="\n")
    if about["task"] == "regression":
        out.writerow(["prediction"])
        out.writerows([f"{value:.6g}"] for value in predicted)
        return
    columns = [predicted]
    margins = estimator.decision_function(X)
    found = np.abs(margins) if margins.ndim == 1 else margins.max(axis=1)
    columns.append([f"{margin:.6g}" for margin in found])
    if hasattr(estimator, "predict_proba"):
        columns.append([f"{p:.6g}" for p in estimator.predict_proba(X).max(axis=1)])
    out.writerow(["label", "margin", "probability"][: len(columns)])
    out.writerows(zip(*columns, strict=True))

"""The command line's linear models: ``serialeq train linear``, and its part of the others."""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .cli_options import (
    Alpha,
    BlockSize,
    Features,
    HashedFeatures,
    Jobs,
    Json,
    Loss,
    Out,
    Regression,
    Seed,
    TestFraction,
    Text,
)
from .errors import DataError, SerialeqError

if TYPE_CHECKING:
    import numpy as np


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
    as_json: Json = False,
) -> None:
    """Train a linear classifier, or a regression, on svmlight data or on texts."""
    from .data import split_ratings
    from .linear_file import describe
    from .report import epoch_progress, notices, print_json
    from .runs.model_file import prepare_directory, save_model
    from .samples import (
        as_matrix,
        check_labels,
        class_weights,
        classes_told,
        errors_named,
        features_kind,
        lattice_told,
        make_estimator,
        memory_told,
        read_samples,
        take,
    )

    given: dict[str, Any] = {
        "loss": loss,
        "alpha": alpha,
        "max_iter": epochs,
        "tol": tol,
        "learning_rate": learning_rate,
        "eta0": eta0,
        "order": order,
        "engine": engine,
        "arithmetic": arithmetic,
        "batch_size": batch_size,
        "block_size": block_size,
        "average": average,
        "random_state": seed,
        "n_jobs": jobs,
    }
    if regression and class_weight is not None:
        raise SerialeqError("class_weight: expected none with --regression")
    estimator = make_estimator(regression, given)
    kind = features_kind(data, text, features, hashed_features)
    if out is not None:
        prepare_directory(out)
    samples = read_samples(data, text, regression)
    kept, held = split_ratings(len(samples.y), test_fraction, seed)
    X, vectoriser = as_matrix(take(samples.rows, kept), kind, hashed_features)
    y = samples.y[kept]
    if not regression:
        check_labels(samples.path, y)
        estimator.class_weight = class_weights(class_weight, y)
    notices.print(
        f"{len(samples.y):,} samples, {X.shape[1]:,} features{classes_told(y, regression)}"
    )
    with errors_named(samples.path), epoch_progress(epochs) as progress:
        estimator._on_epoch = progress
        estimator.fit(X, y)
    score = None
    if held.size:
        test = take(samples.rows, held)
        test = vectoriser.transform(test) if vectoriser else test
        score = _score(estimator.predict(test), samples.y[held], regression)
    arrays, about = describe(estimator, vectoriser, samples.zero_based)
    about["order"] = order
    about["parameters"]["class_weight"] = class_weight
    about["objective"] = estimator.history_[-1]["loss"]
    about["r2" if regression else "accuracy"] = score
    if out is not None:
        save_model(out, arrays, about)
    if as_json:
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
        f"objective {about['objective']:.6g} ({estimator.loss}, alpha {alpha:g}, "
        f"{estimator.n_iter_} epochs)"
    )
    if score is not None:
        name = "R2" if regression else "accuracy"
        print(f"held out  {score:.4f} ({name} on {held.size:,} samples)")
    print(f"lattice   {lattice_told(estimator.lattice_)}")
    print(f"digest    {estimator.digest_}")


def _score(predicted: np.ndarray, y: np.ndarray, regression: bool) -> float | None:
    """Return the accuracy, or R2 where it is defined."""
    if not regression:
        return float((predicted == y).mean())
    variation = float(((y - y.mean()) ** 2).sum())
    return 1.0 - float(((y - predicted) ** 2).sum()) / variation if variation else None


def predict_linear(arrays: dict[str, np.ndarray], about: dict[str, Any], path: str) -> None:
    """Write predictions for a file of samples as CSV."""
    import numpy as np

    from .linear_file import restore
    from .reading_linear import read_svmlight, read_texts
    from .report import notices
    from .samples import errors_named

    try:
        estimator, vectoriser = restore(arrays, about)
        zero_based = about["features"].get("zero_based")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"model: expected a whole linear model, got: {error!r}") from error
    if vectoriser is not None:
        X = vectoriser.transform(read_texts(path))
    else:
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

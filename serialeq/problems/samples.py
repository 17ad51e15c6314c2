"""Commands of kinds that are trained on samples with labels: svmlight, or texts."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from serialeq.native.incidence import LIMIT
from serialeq.reading.features import KINDS, restore_features
from serialeq.reading.samples import TrainingData, errors_named, read_training
from serialeq.reading.svmlight import read_svmlight
from serialeq.reading.texts import read_texts
from serialeq.training.parameters import Number, OneOf, Parameter, Whole

from . import command
from .command import Answer, Data, File, Report, Request


class SamplesCommand(command.Command):
    """Samples, a part of which may be held out; `predict` tells their labels, or numbers."""

    data: Annotated[Path | None, File("svmlight (LIBSVM) file.")] = None
    text: Annotated[
        Path | None,
        File("Text per line, after label and tab, instead of svmlight.", argument=False),
    ] = None
    features: Annotated[
        str | None, Parameter("Features of texts: tfidf (the default) or hashing.", OneOf(*KINDS))
    ] = None
    hashed_features: Annotated[
        int, Parameter("Number of features of hashing.", Whole(1, LIMIT - 1))
    ] = 1 << 18
    test_fraction: Annotated[
        float, Parameter("Part of the data to hold out.", Number(0, below=1))
    ] = 0.0

    regression = False
    """Whether labels are numbers to predict, instead of classes."""

    def read(self, estimator: Any) -> Data:
        """Read the samples."""
        read = read_training(
            self.data, self.text, self.features, self.hashed_features, self.regression,
            self.test_fraction, estimator.random_state,
        )  # fmt: skip
        arrays, features = read.features()
        return Data(
            (read.X, read.y), read.described, inputs=arrays, about={"features": features}, rest=read
        )

    def report(self, estimator: Any, data: Data) -> Report:
        """Tell how good predictions are on the samples held out."""
        read: TrainingData = data.rest
        name, score = ("R2" if self.regression else "accuracy"), _score(estimator, read)
        lines = [] if score is None else [(name, f"{score:.4f} of {read.y_held.size:,} held out")]
        return Report({name.lower(): score}, lines, {})

    @classmethod
    def predict(cls, estimator: Any, arrays: Any, about: Any, request: Request) -> Answer:
        """Tell labels with margins and probabilities, or numbers, of a file of samples."""
        path, vectoriser, notice = request.file, restore_features(arrays, about), ""
        if vectoriser is not None:
            X = vectoriser.transform(read_texts(path))
        else:
            zero_based = about.get("features", {}).get("zero_based")
            read = read_svmlight(path, estimator.n_features_in_, zero_based)
            X = read.X
            if read.n_ignored:
                notice = (
                    f"{read.n_ignored:,} entries ignored: the model has {X.shape[1]:,} features"
                )
        with errors_named(path):
            predicted = estimator.predict(X)
        if not hasattr(estimator, "classes_"):
            return Answer(["prediction"], ([f"{value:.6g}"] for value in predicted), notice)
        margins = estimator.decision_function(X)
        margins = np.abs(margins) if margins.ndim == 1 else margins.max(axis=1)
        columns: list[Iterable[Any]] = [predicted, [f"{margin:.6g}" for margin in margins]]
        if hasattr(estimator, "predict_proba"):
            columns.append([f"{p:.6g}" for p in estimator.predict_proba(X).max(axis=1)])
        names = ["label", "margin", "probability"][: len(columns)]
        return Answer(names, zip(*columns, strict=True), notice)


def _score(estimator: Any, read: TrainingData) -> float | None:
    """Return the accuracy, or R2 where it is defined, on the samples held out, if there are any."""
    y = read.y_held
    if not y.size:
        return None
    predicted = estimator.predict(read.held_matrix())
    if hasattr(estimator, "classes_"):
        return float((predicted == y).mean())
    variation = float(((y - y.mean()) ** 2).sum())
    return 1.0 - float(((y - predicted) ** 2).sum()) / variation if variation else None

"""Samples with labels, as the command line is told: svmlight, or texts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from serialeq.errors import DataError, SerialeqError

from .features import TextFeatures, describe_features
from .splits import split_indices
from .svmlight import read_svmlight
from .texts import read_labelled_texts


class TrainingData(NamedTuple):
    """Training samples as a matrix, and the samples held out.

    `vectoriser` makes matrices from texts, if there were any; `described` says in words how many
    samples, features and classes there are.
    """

    zero_based: bool
    vectoriser: TextFeatures | None
    X: Any
    y: np.ndarray
    rows_held: Any
    y_held: np.ndarray
    described: str

    def held_matrix(self) -> Any:
        """Return the matrix of the samples held out."""
        return self.vectoriser.transform(self.rows_held) if self.vectoriser else self.rows_held

    def features(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Return what a model file needs to make matrices again: arrays and description."""
        arrays = self.vectoriser.arrays() if self.vectoriser else {}
        return arrays, describe_features(self.vectoriser, self.zero_based)


def read_training(
    data: Path | None,
    text: Path | None,
    features: str | None,
    n_hashed: int,
    regression: bool,
    test_fraction: float,
    seed: int,
) -> TrainingData:
    """Read samples, hold some out, and check the labels.

    They are in a svmlight file, `data`, or in a file of lines of label, tab and `text`, whose
    features are "tfidf" or `n_hashed` ones by "hashing". Labels are numbers for a regression, and
    otherwise int64, or str if of texts.

    SerialeqError: if the arguments do not go together, or what was read is not to be trained on.
    """
    if (data is None) == (text is None):
        raise SerialeqError("expected either a svmlight file or --text FILE")
    path, zero_based, vectoriser = str(text or data), False, None
    rows: Any
    if text is not None:
        vectoriser = TextFeatures.make(features or "tfidf", n_hashed)
        y, rows = read_labelled_texts(path, numbers=regression)
    elif features is not None:
        raise SerialeqError("features: expected --text FILE with --features")
    else:
        rows, y, zero_based, _ = read_svmlight(path, integer_labels=not regression)
    kept, held = split_indices(y.size, test_fraction, seed)
    X = vectoriser.fit_transform(rows[kept]) if vectoriser else rows[kept]
    if regression and not np.isfinite(y).all():
        bad = int(np.flatnonzero(~np.isfinite(y))[0])
        raise DataError(
            f"{path}: expected finite numbers as labels, got {y[bad]} in sample {bad + 1}"
        )
    described = f"{y.size:,} samples, {X.shape[1]:,} features"
    if not regression:
        described += f", {_count_classes(path, y[kept]):,} classes"
    return TrainingData(zero_based, vectoriser, X, y[kept], rows[held], y[held], described)


def _count_classes(path: str, y: np.ndarray) -> int:
    """Return how many classes there are; raise DataError unless they are at least two."""
    labels = np.unique(y)
    if labels.size < 2:
        raise DataError(
            f"{path}: expected training samples of at least two classes, got only the label "
            f"{labels.tolist()[0]!r}"
        )
    if labels.size > max(20, y.size // 2):
        raise DataError(
            f"{path}: expected labels that repeat, got {labels.size} different ones in {y.size} "
            "samples; predict numbers with --regression"
        )
    return labels.size


@contextmanager
def errors_named(path: str) -> Iterator[None]:
    """Turn what scikit-learn's checks raise into errors of one line."""
    try:
        yield
    except SerialeqError:
        raise
    except ValueError as error:
        raise DataError(f"{path}: {str(error).strip().splitlines()[0]}") from error

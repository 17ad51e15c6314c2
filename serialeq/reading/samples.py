"""Samples with labels, as the command line is told: svmlight, or texts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from serialeq.errors import DataError, SerialeqError

from .features import TextFeatures, check_features, features_told
from .splits import split_indices
from .svmlight import read_svmlight
from .texts import numbers_of, read_labelled_texts


class Samples(NamedTuple):
    """What a file holds: `rows` is a matrix, or texts that become one."""

    path: str
    rows: Any
    y: np.ndarray
    zero_based: bool


def features_kind(data: Path | None, text: Path | None, kind: str | None, n_hashed: int) -> str:
    """Return svmlight, tfidf or hashing."""
    if (data is None) == (text is None):
        raise SerialeqError("expected either a svmlight file or --text FILE")
    if text is None:
        if kind is not None:
            raise SerialeqError("features: expected --text FILE with --features")
        return "svmlight"
    kind = kind or "tfidf"
    check_features(kind, n_hashed)
    return kind


def read_samples(data: Path | None, text: Path | None, regression: bool) -> Samples:
    """Read samples; the labels of a classification are int64 or str."""
    if text is not None:
        texts = read_labelled_texts(str(text))
        labels = numbers_of(str(text), texts) if regression else np.array(texts.labels)
        return Samples(str(text), texts.texts, labels, False)
    read = read_svmlight(str(data), integer_labels=not regression)
    return Samples(str(data), read.X, read.y, read.zero_based)


class TrainingData(NamedTuple):
    """Training samples as a matrix, and the samples held out.

    `vectoriser` makes matrices from texts, if there were any.
    """

    path: str
    zero_based: bool
    vectoriser: TextFeatures | None
    X: Any
    y: np.ndarray
    rows_held: Any
    y_held: np.ndarray
    described: str
    """How many there are, in words."""

    def held_matrix(self) -> Any:
        """Return the matrix of the samples held out."""
        return self.vectoriser.transform(self.rows_held) if self.vectoriser else self.rows_held

    def features(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Return what a model file needs to make matrices again: arrays and description."""
        arrays = self.vectoriser.arrays() if self.vectoriser else {}
        return arrays, features_told(self.vectoriser, self.zero_based)


def read_training(
    data: Path | None,
    text: Path | None,
    features: str | None,
    n_hashed: int,
    regression: bool,
    test_fraction: float,
    seed: int,
) -> TrainingData:
    """Read samples, hold some out, and check the labels."""
    kind = features_kind(data, text, features, n_hashed)
    samples = read_samples(data, text, regression)
    kept, held = split_indices(len(samples.y), test_fraction, seed)
    X, vectoriser = as_matrix(take(samples.rows, kept), kind, n_hashed)
    y = samples.y[kept]
    if not regression:
        check_labels(samples.path, y)
    described = f"{len(samples.y):,} samples, {X.shape[1]:,} features{classes_told(y, regression)}"
    return TrainingData(
        samples.path,
        samples.zero_based,
        vectoriser,
        X,
        y,
        take(samples.rows, held),
        samples.y[held],
        described,
    )


def take(rows: Any, index: np.ndarray) -> Any:
    """Return some of the rows of a matrix, or of the texts."""
    return [rows[i] for i in index] if isinstance(rows, list) else rows[index]


def as_matrix(rows: Any, kind: str, n_hashed: int) -> tuple[Any, TextFeatures | None]:
    """Return the matrix of training samples, and what makes matrices from texts."""
    if kind == "svmlight":
        return rows, None
    vectoriser = TextFeatures.make(kind, n_hashed)
    return vectoriser.fit_transform(rows), vectoriser


def check_labels(path: str, y: np.ndarray) -> None:
    """Raise DataError unless these are labels of at least two classes."""
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


def classes_told(y: np.ndarray, regression: bool) -> str:
    """Return how many classes there are, in words."""
    return "" if regression else f", {np.unique(y).size:,} classes"


@contextmanager
def errors_named(path: str) -> Iterator[None]:
    """Turn what scikit-learn's checks raise into errors of one line."""
    try:
        yield
    except SerialeqError:
        raise
    except ValueError as error:
        raise DataError(f"{path}: {str(error).strip().splitlines()[0]}") from error

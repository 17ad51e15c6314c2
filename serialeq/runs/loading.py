"""`serialeq.load`: a complete run directory as arrays, as an estimator, as scikit-learn's."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

import serialeq
from serialeq.errors import DataError, SerialeqError
from serialeq.reading.features import TextFeatures

from .directory import RunDirectory
from .model_file import check_model


@dataclass(frozen=True, eq=False)
class SavedRun:
    """A run that was read from its directory and checked.

    Attributes
    ----------
    arrays : dict of arrays
        Factors, coefficients and what belongs to them, as plain NumPy arrays.
    about : dict
        What else is known of the model: ``kind``, ``digest``, parameters.
    run : dict
        What was trained: ``problem``, ``parameters``, ``order``, ``seed``, ``data``.
    chain : tuple of str
        A link for each epoch, from the start on.
    history : list of dict
        Per epoch: epoch, seconds, loss, validation_loss.
    epoch : int
        Whose model it is: the last one, or the best (see `BestEpoch`).
    """

    arrays: dict[str, np.ndarray]
    about: dict[str, Any]
    run: dict[str, Any]
    chain: tuple[str, ...]
    history: list[dict[str, Any]]
    epoch: int

    @property
    def digest(self) -> str:
        """The sha256 of the trained arrays."""
        return str(self.about["digest"])

    def estimator(self) -> Any:
        """Return the fitted estimator; `partial_fit` and `warm_start` go on in its bits.

        Raises
        ------
        SerialeqError
            If the run is of a problem that has none.
        """
        return restore(self.arrays, self.about, self.history)

    def features(self) -> TextFeatures | None:
        """Return what makes the estimator's matrices from texts, if it was trained on texts."""
        return restore_features(self.arrays, self.about)

    def to_sklearn(self) -> Any:
        """Return scikit-learn's SGDClassifier or SGDRegressor with a linear model's weights.

        Raises
        ------
        SerialeqError
            If the run is not of a linear model.
        """
        from sklearn.linear_model import SGDClassifier, SGDRegressor

        if self.about["kind"] != "linear":
            raise SerialeqError(f"to_sklearn: expected a linear model, got {self.about['kind']!r}")
        own = self.estimator()
        given = self.about["parameters"]
        same = ("loss", "penalty", "alpha", "fit_intercept", "epsilon", "eta0", "power_t")
        made = SGDClassifier if hasattr(own, "classes_") else SGDRegressor
        rate = given["learning_rate"]
        rate = "optimal" if rate == "pegasos" else rate  # which scikit-learn does not have
        made = made(learning_rate=rate, **{name: given[name] for name in same})
        made.coef_, made.intercept_ = own.coef_, own.intercept_
        made.n_features_in_, made.t_, made.n_iter_ = own.n_features_in_, own.t_, own.n_iter_
        if hasattr(own, "classes_"):
            made.classes_ = own.classes_
        return made


_ESTIMATORS = {
    "ratings": "MatrixFactorization",
    "cut": "MultiwayCut",
    "embedding": "WordEmbedding",
    "topics": "TopicModel",
    "network": "DropoutMLPClassifier",
    "linear": "LinearClassifier",
}


def restore(
    arrays: dict[str, np.ndarray], about: dict[str, Any], history: Sequence[dict[str, Any]] = ()
) -> Any:
    """Return the fitted estimator that a model file holds.

    Raises
    ------
    SerialeqError
        If it is of no estimator, or not whole.
    """
    kind = about.get("kind")
    if not isinstance(kind, str) or kind not in _ESTIMATORS:
        raise SerialeqError(f"estimator: expected a model of one, got {kind!r}; see arrays")
    name = "LinearRegressor" if about.get("task") == "regression" else _ESTIMATORS[kind]
    try:
        return getattr(serialeq, name)._restore(arrays, about, history)
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise DataError(f"model: expected a whole {kind} model, got: {error!r}") from error


def restore_features(arrays: dict[str, np.ndarray], about: dict[str, Any]) -> TextFeatures | None:
    """Return the vectoriser of texts that a model file holds, if it does."""
    try:
        told = about.get("features") or {"kind": "svmlight"}
        if told["kind"] == "svmlight":
            return None
        return TextFeatures.restore(told["kind"], told["parameters"], arrays)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"model: expected whole features, got: {error!r}") from error


def load(directory: str | os.PathLike[str]) -> SavedRun:
    """Read and check a complete run directory.

    Raises
    ------
    DataError
        If it is damaged, of a newer version, or not complete; names file and field.
    """
    run = RunDirectory.open(Path(directory))
    arrays, about = check_model(run)
    history = [asdict(record) for record in run.history]
    links = run.manifest.chain.links
    epoch = run.manifest.model.epoch if run.manifest.model else 0
    return SavedRun(arrays, about, run.manifest.run, links, history, epoch)

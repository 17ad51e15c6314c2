"""`serialeq.load`: a complete run directory as arrays, as an estimator, as scikit-learn's."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .errors import DataError, SerialeqError
from .runs.directory import RunDirectory
from .runs.model_file import check_model


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
    """

    arrays: dict[str, np.ndarray]
    about: dict[str, Any]
    run: dict[str, Any]
    chain: tuple[str, ...]
    history: list[dict[str, Any]]

    @property
    def digest(self) -> str:
        """The sha256 of the trained arrays."""
        return str(self.about["digest"])

    def estimator(self) -> Any:
        """Return the fitted estimator; its `partial_fit` goes on in the bits of the first one.

        Raises
        ------
        SerialeqError
            If the run is not of a factorisation or a linear model.
        """
        kind = self.about["kind"]
        try:
            if kind == "ratings":
                return self._factorization(self.about["parameters"])
            if self.run["problem"] == "MatrixFactorization":  # trained in Python
                return self._factorization(self.run["parameters"])
            if kind == "linear":
                from .linear_file import restore

                return restore(self.arrays, self.about, self.history)[0]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DataError(f"model: expected a whole {kind} model, got: {error!r}") from error
        raise SerialeqError(f"estimator: expected a run of mf or linear, got {kind!r}; see arrays")

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

    def _factorization(self, parameters: dict[str, Any]) -> Any:
        from .estimators.factorization import MatrixFactorization
        from .runs.factorization import FactorizationModel

        given = dict(parameters)
        seed = given.pop("seed")
        estimator = MatrixFactorization(**given, random_state=seed)
        estimator.seed_ = seed
        trained = {name: self.arrays[name] for name in self.about["trained"]}
        mean = float(trained["mean"][0])
        return estimator._take(FactorizationModel(trained, mean, history=list(self.history)))


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
    return SavedRun(arrays, about, run.manifest.run, run.manifest.chain.links, history)

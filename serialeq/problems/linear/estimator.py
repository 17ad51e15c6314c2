"""scikit-learn estimators over the linear models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY
from typing import Annotated, Any, Self

import numpy as np
from scipy.special import expit
from sklearn.utils import compute_class_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import column_or_1d

from serialeq.errors import SerialeqError
from serialeq.training.parameters import Number, OneOf, Parameter
from serialeq.training.scikit import ClassifierMixin, RegressorMixin

from .base import LinearEstimator, Rows
from .losses import REGRESSION
from .parameters import STEP_RULES


def _check_weights(name: str, value: Any) -> None:
    if not isinstance(value, (str, Mapping)):  # which texts there are, data say
        raise SerialeqError(f"{name}: expected 'balanced' or weights by label, got {value!r}")


class LinearClassifier(ClassifierMixin, LinearEstimator):
    """Linear classifier trained by SGD, the same bits on any number of workers.

    Parameters whose names are those of scikit-learn's `SGDClassifier` mean the same.

    Attributes
    ----------
    coef_ : array, shape (1 or n_classes, n_features)
    intercept_ : array, shape (1 or n_classes,)
    classes_ : array
    digest_ : str
        sha256 over coefficients and intercept.
    lattice_, block_size_, plan_bytes_, n_iter_, t_
        As in `serialeq.problems.linear.base.LinearEstimator`.
    engine_, engine_reason_, n_workers_, seed_, history_
        As in `serialeq.training.estimator.Estimator`.
    """

    _sklearn = "SGDClassifier"

    _: KW_ONLY
    class_weight: Annotated[
        Mapping[Any, float] | str | None,
        Parameter(
            "Weights of the samples by label, or balanced: in inverse proportion to how often the "
            "labels occur. On the command line: balanced, or LABEL=WEIGHT,LABEL=WEIGHT.",
            _check_weights,
        ),
    ] = None

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Train one epoch on from the state; name all `classes` in the first call."""
        self._begin()
        first = not hasattr(self, "trained_")
        X, y, found, multilabel = self._samples(X, y, reset=first, warm=not first)
        if first and classes is None:
            raise ValueError("classes must be passed on the first call to partial_fit.")
        known = np.unique(classes) if first else self.classes_
        if classes is not None and not np.array_equal(np.unique(classes), known):
            raise ValueError("`classes` is not the same as on last call to partial_fit")
        if not multilabel and np.setdiff1d(found, known).size:
            raise ValueError(f"y: expected classes {known}, got {found}")
        if isinstance(self.class_weight, str) and self.class_weight == "balanced":
            raise ValueError("class_weight 'balanced' is not supported for partial_fit")
        return self._go_on(self._labelled(X, y, known, multilabel, sample_weight))

    def _rows(self, X: Any, y: Any, sample_weight: Any, *, warm: bool = False) -> Rows:
        X, y, found, multilabel = self._samples(X, y, reset=True, warm=warm)
        if warm and not np.array_equal(found, self.classes_):
            raise SerialeqError("warm_start: expected the classes of the first fit")
        if not multilabel and found.size < 2:
            raise ValueError(
                f"y: expected at least two classes, got {found.size} class: {found.tolist()}"
            )
        return self._labelled(X, y, found, multilabel, sample_weight)

    def _samples(self, X: Any, y: Any, *, reset: bool, warm: bool) -> tuple[Any, Any, Any, bool]:
        """Return checked samples, the labels that occur, and whether y has a column for each."""
        X, y = self._data(X, y, reset=reset, multi_output=True)
        check_classification_targets(y)
        multilabel = type_of_target(y) == "multilabel-indicator"
        if warm and multilabel != self._multilabel:
            raise SerialeqError("y: expected labels of the same kind as in the first fit")
        if multilabel:
            return X, y, np.arange(y.shape[1]), True
        y = column_or_1d(y, warn=True)
        return X, y, np.unique(y), False

    def _labelled(
        self, X: Any, y: np.ndarray, classes: np.ndarray, multilabel: bool, sample_weight: Any
    ) -> Rows:
        """Return a row of −1 and 1 for each sample, and its weight in each."""
        two = classes.size == 2
        positive = y > 0 if multilabel else y[:, None] == (classes[1:] if two else classes)
        targets = np.where(positive, 1.0, -1.0)
        importance = self._weights(sample_weight, X, targets.shape[1])
        if self.class_weight is not None:
            if multilabel:
                raise SerialeqError("class_weight: expected None for multi-label data")
            weights = compute_class_weight(self.class_weight, classes=classes, y=y)
            factors = np.where(positive, *((weights[1:], weights[:1]) if two else (weights, 1.0)))
            importance = factors if importance is None else importance * factors
        facts = {"task": "classification", "multilabel": multilabel}
        return Rows(X, targets, importance, {"classes": classes}, facts)

    def _take(self, trained: Any, others: Any, facts: dict[str, Any]) -> None:
        self.classes_, self._multilabel = others["classes"], facts["multilabel"]
        super()._take(trained, others, facts)

    def _n_outputs(self) -> int:
        return 1 if self.classes_.size == 2 and not self._multilabel else self.classes_.size

    def decision_function(self, X: Any) -> np.ndarray:
        """Return margins, shape (n,) for two classes, else (n, C)."""
        margins = self._margins(X)
        return margins.ravel() if margins.shape[1] == 1 and not self._multilabel else margins

    def predict(self, X: Any) -> np.ndarray:
        """Return labels, (n,), or (n, C) of 0 and 1 after a multi-label fit."""
        margins = self.decision_function(X)
        if self._multilabel:
            return (margins > 0).astype(int)
        if margins.ndim == 1:
            return self.classes_[(margins > 0).astype(int)]
        return self.classes_[margins.argmax(axis=1)]

    def _has_probabilities(self) -> bool:
        if self.loss not in ("log_loss", "modified_huber"):
            raise AttributeError(f"probability estimates are not available for loss={self.loss!r}")
        return True

    @available_if(_has_probabilities)
    def predict_proba(self, X: Any) -> np.ndarray:
        """Return probabilities (n, C), after training with log_loss or modified_huber.

        One-vs-rest probabilities are normalised to one (Zadrozny and Elkan 2002).
        """
        margins = self._margins(X)
        p = expit(margins) if self.loss == "log_loss" else (np.clip(margins, -1, 1) + 1) / 2
        if self._multilabel:
            return p
        if p.shape[1] == 1:
            return np.hstack([1 - p, p])
        total = p.sum(axis=1, keepdims=True)
        return np.where(total > 0, p / np.where(total > 0, total, 1), 1 / p.shape[1])


class LinearRegressor(RegressorMixin, LinearEstimator):
    """Linear regression by SGD, the same bits on any number of workers.

    Losses and defaults are those of scikit-learn's `SGDRegressor`.

    Attributes
    ----------
    coef_ : array, shape (n_features,)
    intercept_ : array, shape (1,)
    digest_, lattice_, block_size_, plan_bytes_, n_iter_, t_, engine_, engine_reason_, n_workers_,
    seed_, history_
        As in `LinearClassifier`.
    """

    _sklearn = "SGDRegressor"

    loss: Annotated[
        str,
        Parameter(
            "squared_error, huber, epsilon_insensitive or squared_epsilon_insensitive.",
            OneOf(*REGRESSION),
        ),
    ] = "squared_error"
    _: KW_ONLY
    learning_rate: Annotated[
        str,
        Parameter("invscaling, optimal, constant or pegasos: see LinearClassifier.",
                  OneOf(*STEP_RULES)),
    ] = "invscaling"  # fmt: skip
    power_t: Annotated[float, Parameter("Exponent of invscaling.", Number())] = 0.25

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train one epoch on from the state."""
        self._begin()
        return self._go_on(self._rows(X, y, sample_weight, reset=not hasattr(self, "trained_")))

    def _rows(
        self, X: Any, y: Any, sample_weight: Any, *, warm: bool = False, reset: bool = True
    ) -> Rows:
        X, y = self._data(X, y, reset=reset, y_numeric=True)
        targets = np.asarray(y, dtype=np.float64)[:, None]
        facts = {"task": "regression", "multilabel": False}
        return Rows(X, targets, self._weights(sample_weight, X, 1), {}, facts)

    def _take(self, trained: Any, others: Any, facts: dict[str, Any]) -> None:
        super()._take(trained, others, facts)
        self.coef_ = trained["coef"][0]

    def predict(self, X: Any) -> np.ndarray:
        """Return predictions, shape (n,)."""
        return self._margins(X).ravel()

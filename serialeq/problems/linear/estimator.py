"""scikit-learn estimators over the linear models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from scipy.special import expit
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils import compute_class_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import column_or_1d

from serialeq.errors import SerialeqError
from serialeq.training.callbacks import Callback

from .base import LinearEstimator
from .losses import CLASSIFICATION, REGRESSION


class LinearClassifier(ClassifierMixin, LinearEstimator):
    """Linear classifier trained by SGD, the same bits on any number of workers.

    Parameters whose names are those of scikit-learn's `SGDClassifier` mean the same.

    Parameters
    ----------
    loss : str, default="hinge"
        hinge (a linear SVM), log_loss, modified_huber, squared_hinge, perceptron,
        squared_error, huber, epsilon_insensitive, squared_epsilon_insensitive.
    penalty : {"l2", None}, default="l2"
    alpha : float, default=1e-4
        Weight of the penalty ``alpha / 2 |w|^2``.
    fit_intercept : bool, default=True
        Steps of the intercept are a hundredth of the others' on sparse data, as in scikit-learn.
    max_iter : int, default=1000
        Epochs at most.
    tol : float or None, default=1e-3
        Stop when the objective (the loss held out, if `early_stopping`) has not fallen by `tol`
        for `n_iter_no_change` epochs. None: run `max_iter` epochs.
    epsilon : float, default=0.1
    learning_rate : {"optimal", "constant", "invscaling", "pegasos"}, default="optimal"
        As in `serialeq.problems.linear.problem.LinearModel`.
    eta0, power_t : float
    early_stopping : bool, default=False
    validation_fraction : float, default=0.1
    n_iter_no_change : int, default=5
    class_weight : dict, "balanced" or None
    warm_start : bool, default=False
    average : bool or int, default=False
        Keep the mean of the weights after each update (Polyak and Ruppert), from the update of
        that number on, and predict with it. The mean has the bits of the serial run, too.
    batch_size : int, default=64
        Samples per update of ``engine="minibatch"``.
    order : {"reshuffled", "shuffled", "given"} or array of int, default="reshuffled"
        Two-level shuffle anew in each epoch; one permutation; the order of the data; yours.
    engine : str, default="auto"
        auto, serial or lookahead (the same bits); minibatch (another algorithm, the same bits on
        any number of workers). With ``arithmetic="float64"`` also hogwild (no promise), locked,
        groups, cyclades, dataflow.
    arithmetic : {"lattice", "float64"}, default="lattice"
        Features, factors and weights on a lattice where float64 sums are exact, which is what
        makes lookahead possible; or plain float64.
    lattice_bits : (int, int), optional
        Bits of features and of factors; by default chosen from the data.
    block_size : int, optional
        Samples per block of lookahead and of the two-level shuffle: 1, 2, 4, … 64.
    random_state : int, RandomState or None, default=0
    n_jobs : int or None
        Workers; None and -1: all cores.

    Attributes
    ----------
    coef_ : array, shape (1 or n_classes, n_features)
    intercept_ : array, shape (1 or n_classes,)
    classes_ : array
    digest_ : str
        sha256 over coefficients and intercept.
    engine_, engine_reason_ : str
    lattice_ : Lattice or None
    block_size_ : int
    plan_bytes_ : dict
        Memory of lookahead's plan, by what it is for; empty for other engines.
    history_ : list of dict
    n_iter_ : int
    t_ : float
    """

    _losses = CLASSIFICATION
    classes_: np.ndarray
    _multilabel: bool

    def __init__(
        self,
        loss: str = "hinge",
        *,
        penalty: str | None = "l2",
        alpha: float = 1e-4,
        fit_intercept: bool = True,
        max_iter: int = 1000,
        tol: float | None = 1e-3,
        epsilon: float = 0.1,
        learning_rate: str = "optimal",
        eta0: float = 0.01,
        power_t: float = 0.5,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 5,
        class_weight: Any = None,
        warm_start: bool = False,
        average: bool | int = False,
        batch_size: int = 64,
        order: Any = "reshuffled",
        engine: str = "auto",
        arithmetic: str = "lattice",
        lattice_bits: tuple[int, int] | None = None,
        block_size: int | None = None,
        random_state: Any = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.loss = loss
        self.penalty = penalty
        self.alpha = alpha
        self.fit_intercept = fit_intercept
        self.max_iter = max_iter
        self.tol = tol
        self.epsilon = epsilon
        self.learning_rate = learning_rate
        self.eta0 = eta0
        self.power_t = power_t
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.class_weight = class_weight
        self.warm_start = warm_start
        self.average = average
        self.batch_size = batch_size
        self.order = order
        self.engine = engine
        self.arithmetic = arithmetic
        self.lattice_bits = lattice_bits
        self.block_size = block_size
        self.random_state = random_state
        self.n_jobs = n_jobs

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        callbacks: Sequence[Callback] = (),
    ) -> Self:
        """Train on X (dense or sparse, (n, d)) and labels y, (n,), or (n, C) of 0 and 1.

        `callbacks` (`serialeq.Callback`) are told of each epoch.
        """
        self._check_parameters()
        X, y = self._data(X, y, reset=True, multi_output=True)
        self._continues = bool(self.warm_start and hasattr(self, "coef_"))
        y, labels = self._read_labels(y)
        if self._continues and not np.array_equal(labels, self.classes_):
            raise SerialeqError("warm_start: expected the classes of the first fit")
        self.classes_ = labels
        if self._multilabel is False and labels.size < 2:
            raise ValueError(
                f"y: expected at least two classes, got {labels.size} class: {labels.tolist()}"
            )
        return self._fit(X, y, sample_weight, self.max_iter, True, callbacks)

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Train one epoch on from the state; name all `classes` in the first call."""
        self._check_parameters()
        first = not hasattr(self, "coef_")
        self._continues = not first
        X, y = self._data(X, y, reset=first, multi_output=True)
        y, labels = self._read_labels(y)
        if first:
            if classes is None:
                raise ValueError("classes must be passed on the first call to partial_fit.")
            self.classes_ = np.unique(classes)
        elif classes is not None and not np.array_equal(np.unique(classes), self.classes_):
            raise ValueError("`classes` is not the same as on last call to partial_fit")
        if not self._multilabel and np.setdiff1d(labels, self.classes_).size:
            raise ValueError(f"y: expected classes {self.classes_}, got {labels}")
        if self.class_weight == "balanced":
            raise ValueError("class_weight 'balanced' is not supported for partial_fit")
        self._continues = not first
        return self._fit(X, y, sample_weight, 1, False, ())

    def _read_labels(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        check_classification_targets(y)
        multilabel = type_of_target(y) == "multilabel-indicator"
        if self._continues and (multilabel != self._multilabel):
            raise SerialeqError("y: expected labels of the same kind as in the first fit")
        self._multilabel = multilabel
        if self._multilabel:
            return y, np.arange(y.shape[1])
        y = column_or_1d(y, warn=True)
        return y, np.unique(y)

    def _fit(
        self,
        X: Any,
        y: np.ndarray,
        sample_weight: Any,
        max_iter: int,
        stops: bool,
        callbacks: Sequence[Callback],
    ) -> Self:
        if self._multilabel:
            targets = np.where(y > 0, 1.0, -1.0)
        else:
            columns = self.classes_[1:] if self.classes_.size == 2 else self.classes_
            targets = np.where(y[:, None] == columns, 1.0, -1.0)
        importance = self._weights(sample_weight, X)
        weighted = (
            None if importance is None else np.repeat(importance[:, None], targets.shape[1], 1)
        )
        if self.class_weight is not None:
            if self._multilabel:
                raise SerialeqError("class_weight: expected None for multi-label data")
            of_class = compute_class_weight(self.class_weight, classes=self.classes_, y=y)
            positive = of_class[1:] if self.classes_.size == 2 else of_class
            negative = of_class[:1] if self.classes_.size == 2 else 1.0
            factors = np.where(targets > 0, positive, negative)
            weighted = factors if weighted is None else weighted * factors
        return self._train(X, targets, weighted, max_iter, stops, callbacks)

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

    Parameters and attributes are those of `LinearClassifier`, with the losses and defaults of
    scikit-learn's `SGDRegressor`; ``coef_`` has shape (n_features,).
    """

    _losses = REGRESSION

    def __init__(
        self,
        loss: str = "squared_error",
        *,
        penalty: str | None = "l2",
        alpha: float = 1e-4,
        fit_intercept: bool = True,
        max_iter: int = 1000,
        tol: float | None = 1e-3,
        epsilon: float = 0.1,
        learning_rate: str = "invscaling",
        eta0: float = 0.01,
        power_t: float = 0.25,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 5,
        warm_start: bool = False,
        average: bool | int = False,
        batch_size: int = 64,
        order: Any = "reshuffled",
        engine: str = "auto",
        arithmetic: str = "lattice",
        lattice_bits: tuple[int, int] | None = None,
        block_size: int | None = None,
        random_state: Any = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.loss = loss
        self.penalty = penalty
        self.alpha = alpha
        self.fit_intercept = fit_intercept
        self.max_iter = max_iter
        self.tol = tol
        self.epsilon = epsilon
        self.learning_rate = learning_rate
        self.eta0 = eta0
        self.power_t = power_t
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.warm_start = warm_start
        self.average = average
        self.batch_size = batch_size
        self.order = order
        self.engine = engine
        self.arithmetic = arithmetic
        self.lattice_bits = lattice_bits
        self.block_size = block_size
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        callbacks: Sequence[Callback] = (),
    ) -> Self:
        """Train on X (dense or sparse, (n, d)) and y, (n,), with `callbacks` told of each epoch."""
        self._check_parameters()
        X, y = self._data(X, y, reset=True, y_numeric=True)
        self._continues = bool(self.warm_start and hasattr(self, "coef_"))
        return self._fit(X, y, sample_weight, self.max_iter, True, callbacks)

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train one epoch on from the state."""
        self._check_parameters()
        first = not hasattr(self, "coef_")
        X, y = self._data(X, y, reset=first, y_numeric=True)
        self._continues = not first
        return self._fit(X, y, sample_weight, 1, False, ())

    def _fit(
        self,
        X: Any,
        y: np.ndarray,
        sample_weight: Any,
        max_iter: int,
        stops: bool,
        callbacks: Sequence[Callback],
    ) -> Self:
        importance = self._weights(sample_weight, X)
        weighted = None if importance is None else importance[:, None]
        targets = np.asarray(y, dtype=np.float64)[:, None]
        return self._train(X, targets, weighted, max_iter, stops, callbacks)

    def _public(self, coef: np.ndarray, intercept: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return coef[0], intercept

    def predict(self, X: Any) -> np.ndarray:
        """Return predictions, shape (n,)."""
        return self._margins(X).ravel()

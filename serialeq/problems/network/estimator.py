"""`DropoutMLPClassifier`: a network with one hidden layer, trained by sparsified backprop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Self

import numpy as np
import scipy.sparse as sp
from scipy.special import expit, softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from serialeq.digest import digest_arrays
from serialeq.engines.auto import check_engine
from serialeq.errors import DivergenceError, SerialeqError
from serialeq.native.team import WorkerTeam, available_cores, count_workers
from serialeq.training.callbacks import Callback
from serialeq.training.parameters import draw_seed, expect_number, expect_one_of, told_parameters
from serialeq.training.saving import (
    Described,
    describe,
    parameters_of,
    plain_labels,
    remade,
    tell_model,
)
from serialeq.training.session import OrderSource, Session, check_order
from serialeq.training.trainer import train

from .masks import MASKS, check_groups
from .problem import DropoutNetwork, feed_forward, plain_network

LOSSES = ("log_loss", "squared_error")


class DropoutMLPClassifier(ClassifierMixin, BaseEstimator):
    """Classifier with one layer of rectified units, the same bits on any number of workers.

    In each epoch each sample trains `n_kept` of the `n_groups` groups of hidden units and the
    weights into and out of them, nothing else ("sparsified backprop"). What two samples do not
    share can be trained at the same time. No variable is in every sample: each group has an
    output bias of its own, and what the samples of a group share is updated in their order.
    With ``n_kept=1`` that makes an ensemble of narrow networks, whose outputs are averaged before
    the softmax.

    Parameters
    ----------
    hidden_units : int, default=256
        A multiple of `n_groups`; of 16 times it, to leave no lane of a vector empty.
    n_groups : int, default=16
        ``n_groups=hidden_units``: masks of single units.
    n_kept : int, default=4
        Groups that a sample keeps; ``n_kept=n_groups`` is no dropout.
    masks : {"partition", "independent"}, default="partition"
        Where the masks come from, see `serialeq.problems.network.problem.DropoutNetwork`. Partition: the
        groups are cut into parts anew in every epoch, and a sample keeps one part; this trains in
        parallel whatever `n_kept` is, and needs an `n_kept` that divides `n_groups`.
    loss : {"log_loss", "squared_error"}, default="log_loss"
        Cross entropy after a softmax (two classes: one logistic output), or squared error.
    learning_rate : float, default=0.05
        Step of AdaGrad, which keeps a sum of squares for each row of weights: for each group, the
        weights out of a feature, or out of a unit.
    initial_square : float, default=1e-4
        What these sums start from.
    max_iter : int, default=20
        Epochs.
    order : {"blocked", "shuffled", "reshuffled", "given"} or array of int, default="blocked"
        Serial order of an epoch. Blocked: samples that keep the same groups follow each other,
        shuffled by the seed.
    engine : str, default="auto"
        serial, dataflow, groups, cyclades, locked (all with the same bits), hogwild (not
        reproducible), or auto: serial or dataflow, whichever is predicted to be faster.
    with_loss : bool, default=False
        Whether ``history_`` tells the training loss of each epoch; its pass over all groups can
        take longer than the epoch.
    dtype : {"float32", "float64"}, default="float32"
    random_state : int, RandomState or None, default=0
        Seed of first weights, masks and order.
    n_jobs : int or None
        Workers; None and -1: all cores, and never more than there are.

    Attributes
    ----------
    classes_ : array
    coefs_, intercepts_ : lists of two arrays
        Of an ordinary network, as in scikit-learn's `MLPClassifier`: the mean over all masks.
    digest_ : str
        sha256 over the trained arrays: weights, biases and AdaGrad's sums.
    engine_, engine_reason_ : str
    history_ : list of dict
        Per epoch: ``epoch``, ``seconds``, ``loss``.
    n_iter_ : int
    n_workers_ : int
    seed_ : int
    """

    classes_: np.ndarray

    def __init__(
        self,
        hidden_units: int = 256,
        *,
        n_groups: int = 16,
        n_kept: int = 4,
        masks: str = "partition",
        loss: str = "log_loss",
        learning_rate: float = 0.05,
        initial_square: float = 1e-4,
        max_iter: int = 20,
        order: Any = "blocked",
        engine: str = "auto",
        with_loss: bool = False,
        dtype: str = "float32",
        random_state: Any = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.hidden_units = hidden_units
        self.n_groups = n_groups
        self.n_kept = n_kept
        self.masks = masks
        self.loss = loss
        self.learning_rate = learning_rate
        self.initial_square = initial_square
        self.max_iter = max_iter
        self.order = order
        self.engine = engine
        self.with_loss = with_loss
        self.dtype = dtype
        self.random_state = random_state
        self.n_jobs = n_jobs

    def _check_parameters(self) -> None:
        for name in ("hidden_units", "n_groups", "n_kept", "max_iter"):
            expect_number(name, getattr(self, name), 1, integer=True)
        for name in ("learning_rate", "initial_square"):
            expect_number(name, getattr(self, name), 0.0, above=True)
        expect_one_of("loss", self.loss, LOSSES)
        expect_one_of("masks", self.masks, MASKS)
        expect_one_of("dtype", self.dtype, ("float32", "float64"))
        for name in ("learning_rate", "initial_square"):
            given = getattr(self, name)
            with np.errstate(over="ignore"):
                rounded = np.dtype(self.dtype).type(given)
            if not 0.0 < rounded < np.inf:
                raise SerialeqError(f"{name}: expected a number of {self.dtype}, got {given!r}")
        check_groups(self.hidden_units, self.n_groups, self.n_kept, self.masks)
        check_engine(self.engine)
        if isinstance(self.order, str):
            check_order(self.order)
        count_workers(self.n_jobs)

    def fit(self, X: Any, y: Any, *, callbacks: Sequence[Callback] = ()) -> Self:
        """Train on X, dense or sparse, (n, d), and labels y, (n,), with `callbacks` told."""
        self._check_parameters()
        X, y = validate_data(
            self, X, y, accept_sparse="csr", dtype=[np.float64, np.float32], order="C"
        )
        check_classification_targets(y)
        self.classes_, number = np.unique(y, return_inverse=True)
        n_classes = self.classes_.size
        if n_classes < 2:
            raise ValueError(
                f"y: expected at least two classes, got {n_classes} class: {self.classes_.tolist()}"
            )
        targets = np.eye(n_classes)[number]
        output = "squared"
        if self.loss == "log_loss":
            output = "softmax" if n_classes > 2 else "logistic"
        if n_classes == 2:
            targets = targets[:, 1:]
        self.seed_ = draw_seed(self.random_state)
        asked_for = count_workers(self.n_jobs)
        self.n_workers_ = min(asked_for, available_cores())
        problem = DropoutNetwork(
            X,
            targets,
            hidden_units=int(self.hidden_units),
            n_groups=int(self.n_groups),
            n_kept=int(self.n_kept),
            masks=self.masks,
            output=output,
            step=float(self.learning_rate),
            initial_square=float(self.initial_square),
            dtype=self.dtype,
            seed=self.seed_,
        )
        with WorkerTeam(self.n_workers_) as team:
            session = Session(
                problem, OrderSource(problem, self.order, self.seed_, team), self.engine, team
            )
            history = train(
                session,
                int(self.max_iter),
                with_loss=bool(self.with_loss),
                callbacks=callbacks,
                description={"problem": type(self).__name__, "parameters": told_parameters(self)},
            )
        trained = problem.trained()
        if not all(np.isfinite(array).all() for array in trained.values()):
            raise DivergenceError(
                "training diverged: weights are not finite; lower the step (learning_rate) or "
                "scale the features"
            )
        self._take(trained, [asdict(record) for record in history])
        self.engine_ = session.engine.name if session.engine else ""
        self.engine_reason_ = session.engine_reason
        if self.n_workers_ < asked_for:
            self.engine_reason_ += f"; {asked_for} workers asked for, {self.n_workers_} cores"
        tell_model(callbacks, self)
        return self

    def _take(self, trained: dict[str, np.ndarray], history: list[dict[str, Any]]) -> None:
        self._trained = trained
        self.coefs_, self.intercepts_ = plain_network(trained, self.n_kept / self.n_groups)
        self.digest_ = digest_arrays(trained)
        self.history_, self.n_iter_ = history, len(history)

    def _describe(self) -> Described:
        others = {"classes": plain_labels(self.classes_)}
        arrays, about = describe("network", self, parameters_of(self), self._trained, others)
        return arrays, about | {"task": "classification", "n_features": int(self.n_features_in_)}

    @classmethod
    def _restore(cls, arrays: Any, about: dict[str, Any], history: Any) -> Self:
        estimator = remade(cls, about)
        estimator.classes_ = arrays["classes"]
        estimator._take({name: arrays[name] for name in about["trained"]}, list(history))
        estimator.n_features_in_ = estimator.coefs_[0].shape[0]
        n_outputs = estimator.intercepts_[1].size
        if n_outputs != (1 if estimator.classes_.size == 2 else estimator.classes_.size):
            raise ValueError(f"expected {n_outputs} outputs, got {estimator.classes_.size} classes")
        return estimator

    def _outputs(self, X: Any) -> np.ndarray:
        check_is_fitted(self, "coefs_")
        X = validate_data(self, X, accept_sparse="csr", dtype=[np.float64, np.float32], reset=False)
        rows = sp.csr_array(X) if sp.issparse(X) else X
        return feed_forward(self.coefs_, self.intercepts_, rows)

    def decision_function(self, X: Any) -> np.ndarray:
        """Return outputs before the softmax: (n,) for two classes, else (n, C)."""
        outputs = self._outputs(X)
        if self.classes_.size > 2:
            return outputs
        return outputs[:, 0] - (0.5 if self.loss == "squared_error" else 0.0)

    def predict(self, X: Any) -> np.ndarray:
        """Return labels, (n,)."""
        outputs = self.decision_function(X)
        if outputs.ndim == 1:
            return self.classes_[(outputs > 0).astype(int)]
        return self.classes_[outputs.argmax(axis=1)]

    def _has_probabilities(self) -> bool:
        if self.loss != "log_loss":
            raise AttributeError(f"probability estimates are not available for loss={self.loss!r}")
        return True

    @available_if(_has_probabilities)
    def predict_proba(self, X: Any) -> np.ndarray:
        """Return probabilities, (n, C), after training with log_loss."""
        outputs = self._outputs(X)
        if outputs.shape[1] == 1:
            positive = expit(outputs)
            return np.hstack([1 - positive, positive])
        return np.asarray(softmax(outputs, axis=1))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

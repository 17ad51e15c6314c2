"""`DropoutMLPClassifier`: a network with one hidden layer, trained by sparsified backprop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY
from typing import Annotated, Any, Self

import numpy as np
from scipy.special import expit, softmax
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from serialeq.errors import DivergenceError
from serialeq.training.callbacks import Callback, EpochFunction
from serialeq.training.estimator import Estimator
from serialeq.training.parameters import Flag, Parameter, Whole
from serialeq.training.scikit import ClassifierMixin

from .parameters import NetworkParameters
from .problem import DropoutNetwork, feed_forward, plain_network


class DropoutMLPClassifier(ClassifierMixin, Estimator, NetworkParameters):
    """Classifier with one layer of rectified units, the same bits on any number of workers.

    In each epoch each sample trains `n_kept` of the `n_groups` groups of hidden units and the
    weights into and out of them, nothing else ("sparsified backprop"). What two samples do not
    share can be trained at the same time. No variable is in every sample: each group has an
    output bias of its own, and what the samples of a group share is updated in their order.
    With ``n_kept=1`` that makes an ensemble of narrow networks, whose outputs are averaged before
    the softmax.

    Attributes
    ----------
    classes_ : array
    coefs_, intercepts_ : lists of two arrays
        Of an ordinary network, as in scikit-learn's `MLPClassifier`: the mean over all masks.
    digest_ : str
        sha256 over the trained arrays: weights, biases and AdaGrad's sums.
    n_iter_ : int
    engine_, engine_reason_, n_workers_, seed_, history_
        As in `serialeq.training.estimator.Estimator`.
    """

    kind = "network"

    _: KW_ONLY
    max_iter: Annotated[int, Parameter("Epochs.", Whole(1), option="epochs")] = 20
    with_loss: Annotated[
        bool,
        Parameter(
            "Whether history_ tells the training loss of each epoch; its pass over all groups can "
            "take longer than the epoch.",
            Flag(),
            option=None,  # the command line tells it
            makes_model=False,
        ),
    ] = False

    def fit(self, X: Any, y: Any, *, callbacks: Sequence[Callback | EpochFunction] = ()) -> Self:
        """Train from the start.

        Parameters
        ----------
        X : array or sparse matrix, shape (n, d)
        y : array, shape (n,)
            Labels.
        callbacks : sequence of Callback or of functions
            Such as `serialeq.RunRecorder`; a function is called with each epoch's `EpochRecord`.
        """
        self._begin()
        X, targets, classes = self._labelled(X, y)
        problem = DropoutNetwork(X, targets, self, seed=self.seed_)
        fitted = self._train(
            problem, self._epochs(), with_loss=bool(self.with_loss), callbacks=callbacks
        )
        if not all(np.isfinite(array).all() for array in fitted.trained.values()):
            raise DivergenceError(
                "training diverged: weights are not finite; lower the step (learning_rate) or "
                "scale the features"
            )
        facts = {"task": "classification", "n_features": problem.n_features}
        self._take(fitted.trained, {"classes": classes}, facts)
        return self._end(callbacks)

    def _problem(self, X: Any, y: Any) -> DropoutNetwork:
        return DropoutNetwork(*self._labelled(X, y)[:2], self, seed=self.seed_)

    def _labelled(self, X: Any, y: Any) -> tuple[Any, np.ndarray, np.ndarray]:
        """Return checked rows, a column of 0 and 1 for each class or for the second, classes."""
        X, y = validate_data(
            self, X, y, accept_sparse="csr", dtype=[np.float64, np.float32], order="C"
        )
        check_classification_targets(y)
        classes, number = np.unique(y, return_inverse=True)
        if classes.size < 2:
            raise ValueError(
                f"y: expected at least two classes, got {classes.size} class: {classes.tolist()}"
            )
        targets = np.eye(classes.size)[number]
        return X, (targets[:, 1:] if classes.size == 2 else targets), classes

    def _take(self, trained: dict[str, np.ndarray], others: Any, facts: dict[str, Any]) -> None:
        super()._take(trained, others, facts)
        self.classes_ = others["classes"]
        self.coefs_, self.intercepts_ = plain_network(trained, self.n_kept / self.n_groups)
        self.n_iter_, self.n_features_in_ = len(self.history_), self.coefs_[0].shape[0]
        n_outputs, n_classes = self.intercepts_[1].size, self.classes_.size
        if n_outputs != (1 if n_classes == 2 else n_classes):
            raise ValueError(f"expected {n_outputs} outputs, got {n_classes} classes")

    def _outputs(self, X: Any) -> np.ndarray:
        check_is_fitted(self, "coefs_")
        X = validate_data(self, X, accept_sparse="csr", dtype=[np.float64, np.float32], reset=False)
        return feed_forward(self.coefs_, self.intercepts_, X)

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

"""`MultiwayCut`: the estimator for graph cuts."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.utils import check_random_state

from serialeq.training.callbacks import Callback
from serialeq.training.saving import Described, describe, tell_model
from serialeq.training.trainer import EpochRecord

from .problem import UNKNOWN
from .training import CutModel, CutParameters, fit_cut


class MultiwayCut(ClusterMixin, BaseEstimator):
    """Multiway cut of an image, a volume or a graph, reproducible on any number of workers.

    Every label has seeds; the other nodes are labelled such that the edges between different
    labels weigh little: ``min 1/2 sum w_uv |x_u - x_v|_1`` over ``x_v`` on the simplex, seeds at
    their corners (Calinescu, Karloff, Rabani 2000; with SGD: Niu et al. 2011, section 2). Each
    edge in turn draws its two ends together, at most by a step, and the ends are projected on the
    simplex. With two labels the relaxation is exact, and the best threshold of x is taken; with
    more, each node takes the label with its largest share.

    Parameters
    ----------
    n_epochs : int, default=300
        Passes over the edges. Faint boundaries between large parts may need more, with a decay
        nearer to 1.
    learning_rate : float, default=1.0
        Step of the first epoch: how far the heaviest edge moves a share at most.
    decay : float, default=0.98
        The step of epoch t is ``learning_rate * decay**t``.
    beta : float, default=1.0
        Of an image: neighbours whose values differ by d are joined with weight
        ``exp(-beta d**2 / (2 mean d**2)) + 1e-6``.
    order : {"blocked", "shuffled", "reshuffled", "given"} or array of int, default="blocked"
        The serial order of an epoch. The result is that of the serial run in this order.
        Blocks are tiles of a grid, or runs of a graph's Cuthill–McKee order.
    engine : str, default="auto"
        "serial", "dataflow", "groups", "cyclades", "locked" (all with the same bits), "hogwild"
        (not reproducible), or "auto": the faster of serial and dataflow, as predicted.
    n_jobs : int, default=None
        Workers; None or -1: all cores, and never more than there are. The result does not depend
        on it.
    random_state : int, RandomState or None, default=0
        Seed of the order; None takes a fresh one.

    Attributes
    ----------
    labels_ : array of int64, shape of the image, or (n_nodes,)
        Label of each node; -1 where no seed is connected.
    cut_value_ : float
        Weight of the edges whose ends have different labels: at these labels, half the sum
        of ``w_uv |x_u - x_v|_1``.
    shares_ : array of float32, shape of the image, or (n_nodes,); with K > 2 labels and K more
        The relaxed solution x: the share of the second label, or of each label.
    classes_ : array of int64, shape (K,)
    digest_ : str
        sha256 over the relaxed solution: who has the same 64 digits has the same one.
    engine_, engine_reason_ : str
        The engine used and why.
    n_workers_ : int
    seed_ : int
    history_ : list of dict
        Per epoch: ``epoch``, ``seconds``, ``loss`` (the relaxed objective).
    """

    def __init__(
        self,
        n_epochs: int = 300,
        learning_rate: float = 1.0,
        *,
        decay: float = 0.98,
        beta: float = 1.0,
        order: Any = "blocked",
        engine: str = "auto",
        n_jobs: int | None = None,
        random_state: Any = 0,
    ) -> None:
        self.n_epochs = n_epochs
        self.learning_rate = learning_rate
        self.decay = decay
        self.beta = beta
        self.order = order
        self.engine = engine
        self.n_jobs = n_jobs
        self.random_state = random_state

    def fit(
        self,
        X: Any,
        y: Any,
        *,
        on_epoch: Callable[[EpochRecord], None] | None = None,
        callbacks: Sequence[Callback] = (),
    ) -> MultiwayCut:
        """Cut.

        Parameters
        ----------
        X : array (rows, columns) or (planes, rows, columns), or sparse matrix (n, n)
            Grey values of an image or a volume; or the symmetric weights of a graph, where 0 is
            no edge.
        y : array of int, shape of the image, or (n,)
            Seeds: a label of at least 0, or -1 for none. Nodes that no seed is connected
            with get the label -1 and a warning.
        on_epoch : callable, optional
            Called with each epoch's `EpochRecord`.
        callbacks : sequence of Callback
            Such as `serialeq.RunRecorder`.

        Raises
        ------
        DataError
            For an image or graph that is none, seeds of another shape, or of fewer than two labels.
        """
        parameters = self._parameters()
        graph = parameters.graph(X)
        model = fit_cut(parameters, graph, y, on_epoch=on_epoch, callbacks=callbacks)
        self._take(model)
        if model.n_unreached:
            warnings.warn(
                f"{model.n_unreached} of {graph.n_nodes} nodes are connected with no seed; their "
                "label is -1",
                stacklevel=2,
            )
        tell_model(callbacks, self)
        return self

    def fit_predict(self, X: Any, y: Any, **fit_params: Any) -> np.ndarray:
        """Cut, and return ``labels_``."""
        return self.fit(X, y, **fit_params).labels_

    def _take(self, model: CutModel) -> None:
        self.labels_, self.cut_value_ = model.labels, model.cut_value
        x = model.trained["x"]
        self.shares_ = x.reshape(model.labels.shape + x.shape[1:])
        self.classes_ = model.classes
        self.digest_ = model.digest
        self.engine_, self.engine_reason_ = model.engine, model.engine_reason
        self.n_workers_ = model.n_workers
        self.history_ = model.history

    def _describe(self) -> Described:
        told = self._parameters().told()
        trained = {
            "x": self.shares_.reshape(self.labels_.size, *self.shares_.shape[self.labels_.ndim :])
        }
        others = {"labels": self.labels_, "classes": self.classes_}
        arrays, about = describe("cut", self, told, trained, others)
        return arrays, about | {"cut_value": self.cut_value_}

    @classmethod
    def _restore(cls, arrays: Any, about: dict[str, Any], history: Any) -> MultiwayCut:
        given = dict(about["parameters"])
        seed = given.pop("seed")
        estimator = cls(**given, random_state=seed)
        estimator.seed_ = seed
        labels = arrays["labels"]
        unreached = int((labels == UNKNOWN).sum())
        estimator._take(
            CutModel(
                {"x": arrays["x"]}, arrays["classes"], labels, about["cut_value"], unreached,
                history=list(history),
            )
        )  # fmt: skip
        return estimator

    def _parameters(self) -> CutParameters:
        """Return the checked parameters."""
        given = self.get_params(deep=False)
        state = given.pop("random_state")
        fixed = isinstance(state, Integral)
        self.seed_ = int(state if fixed else check_random_state(state).randint(1 << 31))
        parameters = CutParameters(**given, seed=self.seed_)
        parameters.check()
        return parameters

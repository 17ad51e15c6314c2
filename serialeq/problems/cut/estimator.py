"""`MultiwayCut`: the estimator for graph cuts."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from serialeq.training.callbacks import Callback, EpochFunction
from serialeq.training.estimator import Estimator
from serialeq.training.scikit import ClusterMixin

from .graphs import graph_of
from .parameters import CutParameters
from .problem import GraphCut
from .seeds import UNKNOWN, check_seeds, unreached


class MultiwayCut(ClusterMixin, Estimator, CutParameters):
    """Multiway cut of an image, a volume or a graph, reproducible on any number of workers.

    Every label has seeds; the other nodes are labelled such that the edges between different
    labels weigh little: ``min 1/2 sum w_uv |x_u - x_v|_1`` over ``x_v`` on the simplex, seeds at
    their corners (Calinescu, Karloff, Rabani 2000; with SGD: Niu et al. 2011, section 2). Each
    edge in turn draws its two ends together, at most by a step, and the ends are projected on the
    simplex. With two labels the relaxation is exact, and the best threshold of x is taken; with
    more, each node takes the label with its largest share.

    Blocks of the order "blocked" are tiles of a grid, or runs of a graph's Cuthill–McKee order.

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
    digest_, engine_, engine_reason_, n_workers_, seed_, history_
        As in `serialeq.training.estimator.Estimator`; ``loss`` is the relaxed objective.
    """

    kind = "cut"

    def fit(self, X: Any, y: Any, *, callbacks: Sequence[Callback | EpochFunction] = ()) -> Self:
        """Cut.

        Parameters
        ----------
        X : array (rows, columns) or (planes, rows, columns), sparse matrix (n, n), or Graph
            Grey values of an image or a volume; or the symmetric weights of a graph, where 0 is
            no edge.
        y : array of int, shape of the image, or (n,)
            Seeds: a label of at least 0, or -1 for none. Nodes that no seed is connected
            with get the label -1 and a warning.
        callbacks : as in `serialeq.fit`

        Raises
        ------
        DataError
            For an image or graph that is none, seeds of another shape, or of fewer than two labels.
        """
        self._begin()
        problem = self._problem(X, y)
        graph = problem.graph
        fitted = self._train(problem, self._epochs(), callbacks=callbacks)
        numbers, cut_value = problem.cut()
        classes, _ = check_seeds(y, graph.shape)
        labels, lost = classes[numbers], unreached(graph, problem.seeds)
        labels[lost] = UNKNOWN
        others = {"labels": labels.reshape(graph.shape), "classes": classes}
        self._take(fitted.trained, others, {"cut_value": cut_value})
        if lost.any():
            warnings.warn(
                f"{int(lost.sum()):,} of {graph.n_nodes:,} nodes are connected with no seed: "
                "label -1",
                stacklevel=2,
            )
        return self._end(callbacks)

    def fit_predict(self, X: Any, y: Any, **fit_params: Any) -> np.ndarray:
        """Cut, and return ``labels_``."""
        return self.fit(X, y, **fit_params).labels_

    def _problem(self, X: Any, y: Any) -> GraphCut:
        graph = graph_of(X, float(self.beta))
        classes, seeds = check_seeds(y, graph.shape)
        step, decay = float(self.learning_rate), float(self.decay)
        return GraphCut(graph, seeds, classes.size, step=step, decay=decay)

    def _take(self, trained: dict[str, np.ndarray], others: Any, facts: dict[str, Any]) -> None:
        super()._take(trained, others, facts)
        self.labels_, self.classes_ = others["labels"], others["classes"]
        x = trained["x"]
        self.shares_ = x.reshape(self.labels_.shape + x.shape[1:])
        self.cut_value_ = facts["cut_value"]

"""Multiway cut: ``min ½ Σ w_uv ‖x_u − x_v‖₁`` over x_v on the simplex, seeds at their corners.

Nodes are the variables; an edge's support is its two ends (Niu et al. 2011, section 2).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from serialeq.hypergraph import Hypergraph
from serialeq.native.simd import aligned_zeros
from serialeq.native.sums import sequential_mean
from serialeq.native.team import WorkerTeam
from serialeq.order import Order, blocked_order
from serialeq.planning.prediction import DEFAULT_COSTS
from serialeq.problem import Problem, check_state

from .graphs import Graph
from .kernel import (
    CHUNK,
    CutContext,
    cut_weight,
    gather_edges,
    multiway_kernel,
    objective_worker,
    threshold_changes,
    two_way_kernel,
)
from .seeds import UNKNOWN

_TINY = np.finfo(np.float32).tiny


class GraphCut(Problem):
    """Cut a graph into K parts, one around each label's seeds.

    `seeds`, already checked, are the label 0 to K − 1 of each seed and −1 elsewhere, (n_nodes,).
    The heaviest edge moves its ends by ``step * decay**epoch`` at most.
    """

    def __init__(
        self, graph: Graph, seeds: np.ndarray, n_labels: int, *,
        step: float = 1.0, decay: float = 0.98,
    ) -> None:  # fmt: skip
        self.graph, self.seeds, self.n_labels = graph, seeds, n_labels
        self.step, self.decay = step, decay
        by_block = np.argsort(graph.blocks, kind="stable")
        self._row_of_node = np.empty(by_block.size, dtype=np.uint32)
        self._row_of_node[by_block] = np.arange(by_block.size, dtype=np.uint32)
        self._labels = graph.blocks[by_block]
        self._edges = np.take(self._row_of_node, graph.edges)
        self._weights = graph.weights
        self._scale = np.float32(1.0 / float(graph.weights.max(initial=_TINY)))
        self.hypergraph = Hypergraph(self._edges, 2, by_block.size, check=False)
        row_seeds = seeds[by_block]
        self._is_seed = row_seeds != UNKNOWN
        self._step = np.zeros(1, dtype=np.float32)
        # The projection on the simplex takes its time; two numbers are drawn together at once.
        self.costs = replace(DEFAULT_COSTS, sample=1.5 if n_labels == 2 else 7.0 * n_labels)
        if n_labels == 2:
            self.kernel = two_way_kernel
            self._x = aligned_zeros((by_block.size,), np.float32)
            self._x[:] = np.where(self._is_seed, row_seeds, np.float32(0.5))
        else:
            self.kernel = multiway_kernel
            self._x = aligned_zeros((by_block.size, n_labels), np.float32)
            self._x[:] = np.float32(1.0 / n_labels)
            self._x[self._is_seed] = np.eye(n_labels, dtype=np.float32)[row_seeds[self._is_seed]]

    def facts(self, n_workers: int) -> dict[str, str]:
        """Return how many parts, seeds and blocks there are."""
        seeds = f"{np.count_nonzero(self._is_seed):,} nodes of {self.n_labels} labels"
        return {"seeds": seeds, "blocks": f"{self.graph.n_blocks:,}"}

    def context(self, samples: np.ndarray, times: np.ndarray) -> CutContext:
        """Return the kernel's context with the edges of `samples` in that order."""
        pairs = np.empty((samples.size, 2), dtype=np.uint32)
        weights = np.empty(samples.size, dtype=np.float32)
        gather_edges(
            self._edges, self._weights, self._scale, self._is_seed, samples, pairs, weights
        )
        return CutContext(pairs=pairs, weights=weights, x=self._x, step=self._step)

    def variables(self) -> dict[str, np.ndarray]:
        """Every row of x belongs to the node of its number."""
        return {"x": np.arange(self._x.shape[0])}

    def begin_epoch(self, epoch: int, n_samples: int) -> None:
        """Set the step."""
        step = self.step
        for _ in range(epoch):  # a product, as pow differs between machines
            step *= self.decay
        self._step[0] = step

    def trained(self) -> dict[str, np.ndarray]:
        """Return x: (n_nodes,), the share of label 1, or (n_nodes, K) with more than two."""
        return {"x": self._x[self._row_of_node]}

    def load(self, arrays: dict[str, np.ndarray]) -> None:
        """Set the state to what `trained` returned before."""
        check_state(arrays, self.trained())
        self._x[self._row_of_node] = arrays["x"]

    def data(self) -> dict[str, np.ndarray]:
        """Return the edges, their weights and the seeds."""
        return {"edges": self.graph.edges, "weights": self._weights, "seeds": self.seeds}

    def loss(self, team: WorkerTeam | None = None) -> float:
        """Return the relaxed objective; at a corner for every node it is the weight cut."""
        team = team or WorkerTeam(1)
        partial = np.zeros(-(-self._weights.size // CHUNK))
        x = self._x.reshape(self._x.shape[0], -1)
        team.run(
            objective_worker, team.n_threads, x, self._edges, self._weights, partial,
            team.stop_flag,
        )  # fmt: skip
        both_ways = 1.0 if self.n_labels == 2 else 0.5
        return both_ways * float(sequential_mean(partial)) * partial.size if partial.size else 0.0

    def cut(self) -> tuple[np.ndarray, float]:
        """Round: return a label for each node, and the weight of the edges cut.

        With two labels the best of all thresholds, whose weights are on average the relaxed
        objective (coarea formula); with more, every node takes its largest coordinate.
        """
        if self.n_labels == 2:
            values, ranks = np.unique(self._x, return_inverse=True)
            ranks = ranks.astype(np.int32)
            change = threshold_changes(ranks, values.size, self._edges, self._weights)
            labels = (ranks > int(np.argmin(np.cumsum(change)[:-1]))).astype(np.int32)
        else:
            labels = np.argmax(self._x, axis=1).astype(np.int32)
        weight = float(cut_weight(labels, self._edges, self._weights))
        return labels[self._row_of_node], weight

    def blocked_order(self, seed: int, team: WorkerTeam | None = None) -> Order:
        """Group edges by the blocks of their ends; networkx colours the quotient."""
        return blocked_order(self.hypergraph, self._labels, self.graph.n_blocks, seed, team=team)

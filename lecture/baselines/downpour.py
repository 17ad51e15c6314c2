"""A parameter server in the manner of Downpour SGD (Dean et al. 2012), its delays simulated.

P workers take turns. Each fetches the server's weights every `fetch` of its steps, trains on its
own copy, and pushes the sum of its moves every `push` steps. (Downpour scales steps by Adagrad;
here the step is that of the other baselines.)
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from lecture.ridge import SparseRidge
from serialeq.hypergraph import Hypergraph
from serialeq.native.kernel import kernel

from .sgd import RidgeProblem


class DownpourContext(NamedTuple):
    """What the kernel works on: n samples, d variables, P workers."""

    samples: np.ndarray
    times: np.ndarray
    indptr: np.ndarray
    variables: np.ndarray
    values: np.ndarray
    targets: np.ndarray
    shares: np.ndarray
    server: np.ndarray
    """(d,) float64."""
    copies: np.ndarray
    """(P, d) float64: the workers' weights."""
    moves: np.ndarray
    """(P, d) float64: what they have not pushed yet."""
    plan: np.ndarray
    """(3,) int64: samples in the epoch, turns between fetches and between pushes."""
    step: np.ndarray
    l2: float


@kernel
def downpour_kernel(c: Any, start: int, stop: int) -> None:
    """Give each sample to the worker whose turn it is."""
    n_workers = c.copies.shape[0]
    length, fetch, push = c.plan[0], c.plan[1], c.plan[2]
    for k in range(start, stop):
        time = np.int64(c.times[k])
        worker, turn = time % n_workers, time // n_workers
        w, moves = c.copies[worker], c.moves[worker]
        if turn % fetch == 0:
            for v in range(w.size):
                w[v] = c.server[v] + moves[v]
        e = np.intp(c.samples[k])
        error = -c.targets[e]
        for j in range(c.indptr[e], c.indptr[e + 1]):
            error += c.values[j] * w[np.intp(c.variables[j])]
        for j in range(c.indptr[e], c.indptr[e + 1]):
            v = np.intp(c.variables[j])
            move = -(c.step[0] * (error * c.values[j] + c.l2 * c.shares[v] * w[v]))
            w[v] += move
            moves[v] += move
        last = time + n_workers >= length  # the worker's last turn in the epoch
        if turn % push == push - 1 or last:
            for v in range(w.size):
                c.server[v] += moves[v]
                moves[v] = 0.0


class Downpour(RidgeProblem):
    """A parameter server and its workers.

    Parameters
    ----------
    ridge : SparseRidge
    step : float
    decay : float
    n_workers : int
        Simulated ones: the result depends on them, and on nothing else.
    fetch, push : int
        Steps of a worker between two fetches, and between two pushes.
    """

    kernel = downpour_kernel
    timed = True

    def __init__(
        self,
        ridge: SparseRidge,
        step: float,
        decay: float = 1.0,
        *,
        n_workers: int = 8,
        fetch: int = 4,
        push: int = 4,
    ) -> None:
        super().__init__(ridge, step, decay)
        self.hypergraph = Hypergraph(np.zeros(ridge.n_samples, dtype=np.uint32), 1, 1)
        self._server = np.zeros(ridge.n_variables)
        self._copies, self._moves = np.zeros((2, n_workers, ridge.n_variables))
        self._plan = np.array([0, fetch, push], dtype=np.int64)

    def context(self, samples: np.ndarray, times: np.ndarray) -> DownpourContext:
        """Return the kernel's context."""
        return DownpourContext(
            samples, times, *self.ridge.arrays, self._server, self._copies, self._moves,
            self._plan, self.steps, self.ridge.l2,
        )  # fmt: skip

    def begin_epoch(self, epoch: int, n_samples: int) -> None:
        """Set the step and the length of the epoch."""
        super().begin_epoch(epoch, n_samples)
        self._plan[0] = n_samples

    def trained(self) -> dict[str, np.ndarray]:
        """Return the server's weights ``w``, shape (d,)."""
        return {"w": self._server}

"""Gradients that arrive late: round-robin, and at random.

*Round-robin* (Langford, Smola and Zinkevich 2009, "Slow learners are fast"): τ + 1 workers take
turns, so the gradient added in step k is that of step k − τ. *Random* (Tsitsiklis, Bertsekas and
Athans 1986): each gradient is late by any number of steps up to τ.

A cluster that is simulated on one thread: every sample depends on all before, and the cluster as a
whole is the one variable of the hypergraph.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from lecture.ridge import SparseRidge
from serialeq.hypergraph import Hypergraph
from serialeq.native.jit import inline
from serialeq.native.kernel import kernel
from serialeq.native.random import mix, stream_key

from .sgd import RidgeProblem


class DelayedContext(NamedTuple):
    """What the kernel works on; a gradient on its way has a slot, ``k % (tau + 2)``."""

    samples: np.ndarray
    times: np.ndarray
    indptr: np.ndarray
    variables: np.ndarray
    values: np.ndarray
    targets: np.ndarray
    shares: np.ndarray
    w: np.ndarray
    """(d,) float64."""
    pending: np.ndarray
    """(tau + 2, Ω) float64: gradients on their way."""
    due: np.ndarray
    """(tau + 2,) int64: the step before which each is added."""
    owner: np.ndarray
    """(tau + 2,) int64: whose gradient it is; −1: nobody's."""
    epoch: np.ndarray
    """(3,) int64: number of samples, where the epoch's random numbers start, τ + 1 if random."""
    step: np.ndarray
    key: np.ndarray
    """(1,) uint64."""
    l2: float


@inline
def _arrive(c: Any, slot: int) -> None:
    """Add the gradient of a slot."""
    e = c.owner[slot]
    for j in range(c.indptr[e], c.indptr[e + 1]):
        c.w[np.intp(c.variables[j])] -= c.step[0] * c.pending[slot, j - c.indptr[e]]
    c.owner[slot] = -1


@kernel
def delayed_kernel(c: Any, start: int, stop: int) -> None:
    """Send a gradient for each sample, and add those that arrive."""
    slots = c.due.size
    tau = slots - 2
    for k in range(start, stop):
        time = np.int64(c.times[k])
        for i in range(max(time - tau - 1, 0), time):
            if c.owner[i % slots] >= 0 and c.due[i % slots] <= time:
                _arrive(c, i % slots)
        e, slot = np.int64(c.samples[k]), time % slots
        error = -c.targets[e]
        for j in range(c.indptr[e], c.indptr[e + 1]):
            error += c.values[j] * c.w[np.intp(c.variables[j])]
        for j in range(c.indptr[e], c.indptr[e + 1]):
            v = np.intp(c.variables[j])
            g = error * c.values[j] + c.l2 * c.shares[v] * c.w[v]
            c.pending[slot, j - c.indptr[e]] = g
        delay = tau
        if c.epoch[2] > 0:
            delay = np.int64(mix(c.key[0], c.epoch[1] + time) % np.uint64(c.epoch[2]))
        c.owner[slot], c.due[slot] = e, time + delay + 1
        if time == c.epoch[0] - 1:  # the epoch ends when all have arrived
            for i in range(max(time - tau, 0), time + 1):
                if c.owner[i % slots] >= 0:
                    _arrive(c, i % slots)


class DelayedSgd(RidgeProblem):
    """SGD whose gradients are late.

    Parameters
    ----------
    ridge : SparseRidge
    step : float
    decay : float
    tau : int
        Delay, or the largest one: workers less one.
    at_random : bool
    seed : int
        Of the delays.
    """

    kernel = delayed_kernel
    timed = True

    def __init__(
        self,
        ridge: SparseRidge,
        step: float,
        decay: float = 1.0,
        *,
        tau: int = 7,
        at_random: bool = False,
        seed: int = 0,
    ) -> None:
        super().__init__(ridge, step, decay)
        self.hypergraph = Hypergraph(np.zeros(ridge.n_samples, dtype=np.uint32), 1, 1)
        self._w = np.zeros(ridge.n_variables)
        longest = int(np.diff(ridge.indptr).max(initial=1))
        self._pending = np.zeros((tau + 2, longest))
        self._due, self._owner = np.zeros(tau + 2, np.int64), np.full(tau + 2, -1, np.int64)
        self._epoch = np.array([0, 0, tau + 1 if at_random else 0], dtype=np.int64)
        self._key = np.array([stream_key(seed, "delays")])

    def context(self, samples: np.ndarray, times: np.ndarray) -> DelayedContext:
        """Return the kernel's context."""
        return DelayedContext(
            samples, times, *self.ridge.arrays, self._w, self._pending, self._due, self._owner,
            self._epoch, self.steps, self._key, self.ridge.l2,
        )  # fmt: skip

    def begin_epoch(self, epoch: int, n_samples: int) -> None:
        """Set the step and where the random delays of the epoch start."""
        super().begin_epoch(epoch, n_samples)
        self._epoch[:2] = n_samples, epoch * n_samples

    def trained(self) -> dict[str, np.ndarray]:
        """Return ``w``, shape (d,)."""
        return {"w": self._w}

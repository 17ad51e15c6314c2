"""When reads and adds of overlapping samples happen: at random, or as the adversary wants it.

Sample k is drawn at time k and is done by time k + τ + 1, so that it overlaps with the samples
``|i - k| <= τ`` only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from serialeq.errors import SerialeqError
from serialeq.hypergraph import Hypergraph
from serialeq.native.incidence import take_supports

TIMELINES = ("random", "stale", "ahead")


@dataclass(frozen=True, eq=False)
class Timeline:
    """When every sample reads and adds; `nnz` counts the variables of all draws.

    Attributes
    ----------
    draws : array of int64, shape (K,)
        Samples in the order in which they were drawn.
    ptr : array of int64, shape (K + 1,)
        The variables of draw k are ``variables[ptr[k]:ptr[k + 1]]``.
    variables : array of uint32, shape (nnz,)
    events : array of int64, shape (2 nnz,)
        In the order in which they happen: 2p for the read of entry p, 2p + 1 for its add.
    rank : array of int64, shape (2 nnz,)
        The inverse of `events`.
    tau : int
    """

    draws: np.ndarray
    ptr: np.ndarray
    variables: np.ndarray
    events: np.ndarray
    rank: np.ndarray
    tau: int

    def matrix(self, i: int, k: int, n_variables: int) -> np.ndarray:
        """Return the diagonal of S_i^k, shape (n_variables,) int8.

        A variable that draw k does not use counts as read with its first read.
        """
        diagonal = np.zeros(n_variables, dtype=np.int8)
        mine = slice(self.ptr[k], self.ptr[k + 1])
        if i == k or mine.start == mine.stop:
            return diagonal
        reads = self.rank[2 * np.arange(mine.start, mine.stop)]
        read_at = np.full(n_variables, reads.min())
        read_at[self.variables[mine]] = reads
        for p in range(self.ptr[i], self.ptr[i + 1]):
            v = self.variables[p]
            seen = self.rank[2 * p + 1] < read_at[v]
            diagonal[v] = -int(seen) if i > k else int(not seen)
        return diagonal


def make_timeline(
    hypergraph: Hypergraph, draws: np.ndarray, tau: int, kind: str = "random", seed: int = 0
) -> Timeline:
    """Return a timeline.

    Parameters
    ----------
    hypergraph : Hypergraph
        Without variables that are twice in a support.
    draws : array of int, shape (K,)
    tau : int
        0: one sample after the other.
    kind : {"random", "stale", "ahead"}
        Reads and adds at random times; every read misses the last τ draws, as late as all can
        be; or every other sample reads at the end of its time, and has seen what τ / 2 later ones
        added. The last two are the adversary's.
    seed : int

    Raises
    ------
    SerialeqError
        For an unknown kind or a negative τ.
    """
    if kind not in TIMELINES:
        raise SerialeqError(f"kind: expected one of {', '.join(TIMELINES)}, got {kind!r}")
    if tau < 0:
        raise SerialeqError(f"tau: expected at least 0, got {tau}")
    draws = np.asarray(draws, dtype=np.int64)
    indptr, arity, variables = take_supports(*hypergraph.csr, draws)
    ptr = np.arange(draws.size + 1, dtype=np.int64) * arity if arity else indptr
    owner = np.repeat(np.arange(draws.size), np.diff(ptr))
    read, add = _times(owner, draws.size, tau, kind, seed)
    # At equal times the earlier draw comes first: a sample is done when its time is over.
    time = np.stack([read, add], axis=1).ravel()
    events = np.lexsort((np.tile([0, 1], owner.size), np.repeat(owner, 2), time))
    rank = np.empty(events.size, dtype=np.int64)
    rank[events] = np.arange(events.size)
    return Timeline(draws, ptr, variables, events.astype(np.int64), rank, tau)


def _times(
    owner: np.ndarray, n_draws: int, tau: int, kind: str, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    begin, length = owner.astype(np.float64), tau + 1.0
    if kind == "stale":
        return begin, begin + length
    if kind == "ahead":
        slow = owner % 2 == 0
        read = np.where(slow, begin + tau + 0.5, begin)
        return read, np.where(slow, begin + tau + 0.75, begin + 0.25)
    rng = np.random.default_rng([seed, 2])
    turn = rng.random(n_draws)[owner]  # the part of its time that a sample spends reading
    early, late = rng.random((2, owner.size))
    return begin + length * turn * early, begin + length * (turn + (1.0 - turn) * late)


def random_draws(n_samples: int, n_draws: int, seed: int) -> np.ndarray:
    """Return independent uniform draws, shape (n_draws,): what the theorem is about."""
    return np.random.default_rng([seed, 3]).integers(0, n_samples, n_draws)

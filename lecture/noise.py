"""Hogwild! in slow motion: single reads and adds on a timeline, and the noise that comes of it.

Sample k is drawn at time k and is done by time k + τ + 1, so that it overlaps with the samples
``|i - k| <= τ`` only. In between it reads each of its variables once and then adds to each once,
at times that the *timeline* says. The memory is that of a run on one thread in the order of the
events: no thread decides anything, and the same timeline gives the same bits.

The perturbed iterate (Mania et al. 2017; lecture, "Asynchrony Noise"; `proofs/analysis.md`, 1.2):

    read_k - x_k = γ sum_{0 < |i-k| <= τ} S_i^k g_i        x_k = x_0 - γ sum_{i<k} g_i

with S_i^k diagonal: 1 where the add of an earlier sample came too late to be read, −1 where that of
a later one came early enough, 0 elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from serialeq.hypergraph import Hypergraph
from serialeq.native.jit import jit

from .ridge import SparseRidge
from .timeline import Timeline


@dataclass(frozen=True, eq=False)
class Run:
    """What a run read and added.

    Attributes
    ----------
    timeline : Timeline
    start : array, shape (d,)
    step : float
    read : array, shape (nnz,)
        The value that each entry read from memory.
    gradients : array, shape (nnz,)
        Entry by entry, the gradient of the draw's function at what it read.
    memory : array, shape (d,)
        At the end.
    """

    timeline: Timeline
    start: np.ndarray
    step: float
    read: np.ndarray
    gradients: np.ndarray
    memory: np.ndarray


def simulate(
    ridge: SparseRidge, timeline: Timeline, step: float, start: np.ndarray | None = None
) -> Run:
    """Play a timeline: SGD on a sparse ridge regression, from `start` (zero)."""
    first = np.zeros(ridge.n_variables) if start is None else start
    memory = first.copy()
    read, gradients = np.empty((2, timeline.variables.size))
    _play(
        *ridge.arrays, ridge.l2, step, timeline.draws, timeline.ptr, timeline.events, memory, read,
        gradients,
    )  # fmt: skip
    return Run(timeline, first, step, read, gradients, memory)


@dataclass(frozen=True, eq=False)
class Noise:
    """The noise of a run, draw by draw, and what it is compared with.

    Attributes
    ----------
    identity_error : float
        Largest difference between the two sides of the perturbed iterate, over all entries,
        in units of the largest magnitude that was in memory.
    first : array, shape (K,)
        R₁ = |x̂_k − x_k|², over all variables.
    second : array, shape (K,)
        R₂ = ⟨x̂_k − x_k, g_k⟩.
    distances : array, shape (K + 1,)
        |x_k − x*|².
    step : float
    largest_gradient : float
        M: the largest |g_k| of the run.
    conflicts : float
        The fraction of pairs with 0 < |i − k| <= τ whose supports meet; 0 if there are none.
    """

    identity_error: float
    first: np.ndarray
    second: np.ndarray
    distances: np.ndarray
    step: float
    largest_gradient: float
    conflicts: float

    @property
    def first_term(self) -> float:
        """Mean R₁ in units of γ²M²."""
        return float(self.first.mean()) / (self.step * self.largest_gradient) ** 2

    @property
    def second_term(self) -> float:
        """γ |mean R₂| in units of γ²M²: below 1 where the lecture's condition on τ holds."""
        return abs(float(self.second.mean())) / (self.step * self.largest_gradient**2)


def measure_noise(run: Run, optimum: np.ndarray) -> Noise:
    """Compare every read with the perturbed iterate, and measure both noise terms."""
    t = run.timeline
    n_draws = t.draws.size
    first, second, distances = np.zeros(n_draws), np.zeros(n_draws), np.zeros(n_draws + 1)
    error, largest, conflicts, pairs = _compare(
        t.ptr, t.variables, t.rank, t.tau, run.step, run.start, run.read, run.gradients, optimum,
        first, second, distances,
    )  # fmt: skip
    squares = np.bincount(
        np.repeat(np.arange(n_draws), np.diff(t.ptr)), run.gradients**2, minlength=n_draws
    )
    return Noise(
        identity_error=error / max(largest, np.finfo(np.float64).tiny),
        first=first,
        second=second,
        distances=distances,
        step=run.step,
        largest_gradient=float(np.sqrt(squares.max(initial=0.0))),
        conflicts=conflicts / max(pairs, 1),
    )


def conflict_probability(hypergraph: Hypergraph) -> float:
    """Return p = (Δ̄ + c) / n of two independent draws (`proofs/analysis.md`, 2.2).

    c is the fraction of samples with a support: who is drawn twice meets itself.
    """
    n = hypergraph.n_samples
    used = n if hypergraph.arity else int((np.diff(hypergraph.indptr) > 0).sum())
    return (hypergraph.statistics().mean_degree + used / n) / n


def first_bound(tau: int, p: float) -> float:
    """Return the bound of R₁ in units of γ²M²: 2τ (1 + (2τ − 1) p) (`proofs/analysis.md`, 2.6)."""
    return 2 * tau * (1 + max(2 * tau - 1, 0) * p)


def second_bound(tau: int, p: float) -> float:
    """Return the bound of γ|R₂| in units of γ²M²: 2τp (`proofs/analysis.md`, 2.3)."""
    return 2 * tau * p


@jit
def _play(
    indptr: Any, columns: Any, values: Any, targets: Any, shares: Any, l2: float, step: float,
    draws: Any, ptr: Any, events: Any, memory: Any, read: Any, gradients: Any,
) -> None:  # fmt: skip
    owner = np.empty(read.size, np.int64)
    for k in range(draws.size):
        owner[ptr[k] : ptr[k + 1]] = k
    computed = np.zeros(draws.size, np.bool_)
    for event in events:
        p = event >> 1
        k = owner[p]
        first = indptr[draws[k]]
        v = np.intp(columns[first + p - ptr[k]])
        if event & 1 == 0:
            read[p] = memory[v]
            continue
        if not computed[k]:  # its first add: it has read everything
            error = -targets[draws[k]]
            for q in range(ptr[k], ptr[k + 1]):
                error += values[first + q - ptr[k]] * read[q]
            for q in range(ptr[k], ptr[k + 1]):
                j = first + q - ptr[k]
                gradients[q] = error * values[j] + l2 * shares[np.intp(columns[j])] * read[q]
            computed[k] = True
        memory[v] -= step * gradients[p]


@jit
def _compare(
    ptr: Any, variables: Any, rank: Any, tau: int, step: float, start: Any, read: Any,
    gradients: Any, optimum: Any, first: Any, second: Any, distances: Any,
) -> Any:  # fmt: skip
    n_draws = ptr.size - 1
    x, difference = start.copy(), np.zeros(start.size)
    read_at = np.full(start.size, -1, np.int64)
    largest, error = np.abs(start).max(), 0.0
    conflicts, pairs = 0, 0
    for k in range(n_draws + 1):
        for v in range(x.size):
            distances[k] += (x[v] - optimum[v]) ** 2
        if k == n_draws:
            break
        begin = np.int64(rank.size)
        for p in range(ptr[k], ptr[k + 1]):
            read_at[np.intp(variables[p])] = rank[2 * p]
            begin = min(begin, rank[2 * p])
        low, high = max(k - tau, 0), min(k + tau, n_draws - 1)
        for i in range(low, high + 1):
            if i == k:
                continue
            meets = False
            for q in range(ptr[i], ptr[i + 1]):
                v = np.intp(variables[q])
                mine = read_at[v] >= 0
                meets = meets or mine
                seen = rank[2 * q + 1] < (read_at[v] if mine else begin)
                if ptr[k] < ptr[k + 1] and seen == (i > k):  # S is -1 if i > k, else 1
                    difference[v] += (-step if i > k else step) * gradients[q]
            pairs += 1
            conflicts += meets
        for p in range(ptr[k], ptr[k + 1]):
            v = np.intp(variables[p])
            error = max(error, abs((read[p] - x[v]) - difference[v]))
            second[k] += difference[v] * gradients[p]
            largest = max(largest, abs(read[p]))
        for i in range(low, high + 1):  # every variable once: the first visit sets it to zero
            for q in range(ptr[i], ptr[i + 1]):
                v = np.intp(variables[q])
                first[k] += difference[v] ** 2
                difference[v] = 0.0
        for p in range(ptr[k], ptr[k + 1]):
            v = np.intp(variables[p])
            read_at[v] = -1
            x[v] -= step * gradients[p]
            largest = max(largest, abs(x[v]))
    return error, largest, conflicts, pairs

"""Loops over the incidence of a hypergraph.

Compiled code takes a hypergraph as three arguments ``(indptr, arity, indices)``: sample ``e``
touches ``indices[lower:upper]`` with `bounds` giving the two ends; ``arity > 0`` marks an
r-uniform hypergraph, which has no `indptr`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .jit import inline, jit

LIMIT = 1 << 31  # of samples and of variables, as their numbers are 32-bit integers


@inline
def bounds(indptr: Any, arity: int, sample: int) -> Any:
    """Return where the support of a sample starts and ends in ``indices``."""
    if arity > 0:
        return sample * arity, (sample + 1) * arity
    return indptr[sample], indptr[sample + 1]


@jit
def count_degrees(indices: Any, n_variables: int) -> Any:
    """Return how often each variable occurs (int64)."""
    degrees = np.zeros(n_variables, np.int64)
    for k in range(indices.size):
        degrees[np.intp(indices[k])] += 1
    return degrees


@jit
def take_supports(indptr: Any, arity: int, indices: Any, samples: Any) -> Any:
    """Return ``(indptr, arity, indices)`` of some samples, one after the other.

    A scan with branches that depend on each support waits for memory at every step if it looks
    supports up at random places; this loop does not, as its loads are independent.
    """
    if arity == 2:
        pairs = np.empty(2 * samples.size, indices.dtype)
        for i in range(samples.size):
            first = np.uintp(2) * np.uintp(samples[i])
            pairs[2 * i] = indices[first]
            pairs[2 * i + 1] = indices[first + np.uintp(1)]
        return indptr, arity, pairs
    ptr = np.zeros(samples.size + 1, np.int64)
    for i in range(samples.size):
        lower, upper = bounds(indptr, arity, np.intp(samples[i]))
        ptr[i + 1] = ptr[i] + upper - lower
    taken = np.empty(ptr[-1], indices.dtype)
    for i in range(samples.size):
        lower, _ = bounds(indptr, arity, np.intp(samples[i]))
        for k in range(ptr[i + 1] - ptr[i]):
            taken[ptr[i] + k] = indices[lower + k]
    return (indptr if arity > 0 else ptr), arity, taken


@jit
def conflict_degrees(
    indptr: Any, arity: int, indices: Any, sample_ptr: Any, samples: Any, chosen: Any
) -> Any:
    """Return with how many other samples each chosen sample shares a variable (int64).

    ``samples[sample_ptr[v]:sample_ptr[v + 1]]`` are the samples that touch variable ``v``.
    """
    n_samples = samples.max() + 1 if samples.size else 0
    seen = np.full(max(n_samples, chosen.max() + 1), -1, np.int64)
    result = np.zeros(chosen.size, np.int64)
    for i in range(chosen.size):
        e = chosen[i]
        seen[e] = i
        lower, upper = bounds(indptr, arity, e)
        for k in range(lower, upper):
            v = np.intp(indices[k])
            for m in range(sample_ptr[v], sample_ptr[v + 1]):
                other = samples[m]
                if seen[other] != i:
                    seen[other] = i
                    result[i] += 1
    return result

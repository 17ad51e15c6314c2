"""Zeros of a sparse matrix to train on, and the topics of new documents."""

from __future__ import annotations

from typing import Any

import numpy as np

from serialeq.native.atomics import load_acquire
from serialeq.native.jit import inline, jit
from serialeq.native.random import mix

CHUNK = 64
"""Documents that a thread takes at once."""

_SWEEPS = 200  # of coordinate descent, at most
_PRECISION = 1e-7  # change of a sweep, relative to the largest weight, at which it ends


@jit
def sample_zeros(indptr: Any, indices: Any, n_zeros: int, key: Any) -> Any:
    """Draw `n_zeros` columns for each stored entry; return rows and columns that are not stored.

    A draw is the column of a random stored entry, so columns are drawn as often as they are
    stored. ``indices`` ascend within a row (CSR).
    """
    rows = np.empty(indices.size * n_zeros, np.int32)
    columns = np.empty(indices.size * n_zeros, np.int32)
    m = 0
    for row in range(indptr.size - 1):
        start, stop = indptr[row], indptr[row + 1]
        for k in range(start * n_zeros, stop * n_zeros):
            drawn = indices[np.intp(mix(key, k) % np.uint64(indices.size))]
            at = start + np.searchsorted(indices[start:stop], drawn)
            if at == stop or indices[at] != drawn:
                rows[m], columns[m] = row, drawn
                m += 1
    return rows[:m], columns[:m]


@jit
def gram_of(components: Any, frequencies: Any) -> Any:
    """Return ``sum_v p_v h_v h_v^T`` of (n_words, k) components h, added up in order."""
    gram = np.zeros((components.shape[1], components.shape[1]))
    for v in range(components.shape[0]):
        for i in range(gram.shape[0]):
            for j in range(gram.shape[0]):
                gram[i, j] += frequencies[v] * (components[v, i] * components[v, j])
    return gram


@inline
def _solve(gram: Any, target: Any, solution: Any) -> None:
    """Minimise ``w·gram·w / 2 - target·w`` over w >= 0 by cyclic coordinate descent from 0."""
    solution[:] = 0.0
    for _ in range(_SWEEPS):
        change = largest = 0.0
        for i in range(target.size):
            if gram[i, i] > 0.0:
                slope = target[i]
                for j in range(target.size):
                    slope -= gram[i, j] * solution[j]
                value = max(solution[i] + slope / gram[i, i], 0.0)
                change = max(change, abs(value - solution[i]))
                largest = max(largest, value)
                solution[i] = value
        if change <= _PRECISION * largest:
            break


@jit
def fold_in_worker(
    thread: int, n_threads: int, indptr: Any, indices: Any, values: Any, components: Any,
    expected: Any, frequencies: Any, n_zeros: float, penalty: float, result: Any, stop_flag: Any,
) -> bool:  # fmt: skip
    """Set ``result[d]`` to the topics of document d, for every n_threads-th chunk of documents.

    It minimises what training does, the sampled zeros replaced by their expectation: squared
    errors of the n stored entries, ``n n_zeros sum_v p_v (w·h_v)^2`` over what is not stored, and
    ``penalty |w|^2`` for each of these. A document's topics depend on nothing else. `frequencies`
    are p_v, how often each word is drawn, and `expected` is their `gram_of` the components h_v.
    """
    k = components.shape[1]
    gram, target = np.empty((k, k)), np.empty(k)
    for chunk in range(thread, (result.shape[0] + CHUNK - 1) // CHUNK, n_threads):
        if load_acquire(stop_flag, 0):
            break
        for d in range(chunk * CHUNK, min((chunk + 1) * CHUNK, result.shape[0])):
            draws = n_zeros * (indptr[d + 1] - indptr[d])
            n = (indptr[d + 1] - indptr[d]) + draws
            target[:] = 0.0
            for i in range(k):
                for j in range(k):
                    gram[i, j] = draws * expected[i, j]
            for e in range(indptr[d], indptr[d + 1]):
                v = indices[e]
                weight = 1.0 - draws * frequencies[v]
                n -= draws * frequencies[v]
                for i in range(k):
                    target[i] += values[e] * components[v, i]
                    for j in range(k):
                        gram[i, j] += weight * components[v, i] * components[v, j]
            for i in range(k):
                gram[i, i] += n * penalty
            _solve(gram, target, result[d])
    return False

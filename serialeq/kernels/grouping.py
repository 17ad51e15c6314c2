"""Group samples by a key, shuffled inside each group."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from serialeq.errors import SerialeqError

from .incidence import bounds
from .jit import jit
from .random import mix, shuffle

_DIRECT_KEYS = 1 << 20


Team = Callable[..., None]
"""``run(job, *arguments)``: call ``job(thread, n_threads, *arguments)`` on every thread."""


def signature_keys(
    indptr: np.ndarray,
    arity: int,
    indices: np.ndarray,
    labels: np.ndarray,
    n_blocks: int,
    run: Team,
) -> tuple[np.ndarray, int, int]:
    """Number the set of blocks that each sample touches.

    Returns
    -------
    keys : array of uint16 or int64, shape (n_samples,)
        The blocks plus one, ascending, without repeats, as digits: least significant first.
    base, width : int
        ``0 <= key < base ** width``.

    Raises
    ------
    SerialeqError
        If the keys would not fit into 62 bits (long supports over many blocks).
    """
    base = n_blocks + 1
    width = _widest_signature(indptr, arity, indices, labels)
    if base**width >= 1 << 62:
        raise SerialeqError(
            f"blocked order: expected few blocks per sample, got {width} of {n_blocks}; "
            "use fewer blocks, or order='shuffled'"
        )
    dtype = np.uint16 if base**width <= 1 << 16 else np.int64
    n_samples = indices.size // arity if arity else indptr.size - 1
    keys = np.empty(n_samples, dtype=dtype)
    if arity == 2:
        run(_fill_pair_keys, indices, labels, base, keys)
    else:
        run(_fill_keys, indptr, arity, indices, labels, base, width, keys)
    return keys, base, width


@jit
def _widest_signature(indptr: Any, arity: int, indices: Any, labels: Any) -> int:
    if arity > 0:
        return arity
    widest = 1
    for e in range(indptr.size - 1):
        lower, upper = bounds(indptr, arity, e)
        count = 0
        for k in range(lower, upper):
            fresh = 1
            for m in range(lower, k):
                if labels[np.intp(indices[m])] == labels[np.intp(indices[k])]:
                    fresh = 0
                    break
            count += fresh
        widest = max(widest, count)
    return widest


@jit
def _fill_keys(
    thread: int, n_threads: int, indptr: Any, arity: int, indices: Any, labels: Any, base: int,
    width: int, keys: Any,
) -> bool:  # fmt: skip
    found = np.empty(width, np.int64)
    for e in range(keys.size * thread // n_threads, keys.size * (thread + 1) // n_threads):
        lower, upper = bounds(indptr, arity, e)
        count = 0
        for k in range(lower, upper):
            block = np.int64(labels[np.intp(indices[k])]) + 1
            place = count
            while place > 0 and found[place - 1] > block:
                place -= 1
            if place > 0 and found[place - 1] == block:
                continue
            for m in range(count, place, -1):
                found[m] = found[m - 1]
            found[place] = block
            count += 1
        key = np.int64(0)
        for m in range(count - 1, -1, -1):
            key = key * base + found[m]
        keys[e] = key
    return False


@jit
def _fill_pair_keys(
    thread: int, n_threads: int, indices: Any, labels: Any, base: int, keys: Any
) -> bool:
    """Do as `_fill_keys` for graphs, where the general loop would cost an epoch."""
    for e in range(keys.size * thread // n_threads, keys.size * (thread + 1) // n_threads):
        a = np.intp(labels[np.intp(indices[2 * e])]) + 1
        b = np.intp(labels[np.intp(indices[2 * e + 1])]) + 1
        keys[e] = min(a, b) + (base * max(a, b) if a != b else 0)
    return False


def group_by_key(
    keys: np.ndarray, n_keys: int, key: np.uint64, run: Team, n_threads: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Group samples by their key.

    Returns
    -------
    distinct : array of int64, shape (n_groups,)
        The keys that occur, ascending.
    members : array of int32, shape (n_samples,)
        Samples, group after group; inside a group shuffled by the stream `key`. The same for
        any number of threads: each scatters its part of the samples behind the parts before.
    bounds : array of int64, shape (n_groups + 1,)
    """
    distinct = np.arange(n_keys) if n_keys <= _DIRECT_KEYS else None
    if distinct is None:
        distinct, keys = np.unique(keys, return_inverse=True)
    counts = np.zeros((n_threads, distinct.size), dtype=np.int64)
    run(_count, keys, counts)
    totals = counts.sum(axis=0)
    ends = np.cumsum(totals)
    places = ends - totals + np.cumsum(counts, axis=0) - counts
    members = np.empty(keys.size, dtype=np.int32)
    run(_scatter, keys, places, members)
    used = totals > 0
    limits = np.concatenate([[0], ends[used]]).astype(np.int64)
    run(_shuffle_groups, members, limits, key)
    return distinct[used].astype(np.int64), members, limits


@jit
def _count(thread: int, n_threads: int, keys: Any, counts: Any) -> bool:
    mine = counts[thread]
    for k in range(keys.size * thread // n_threads, keys.size * (thread + 1) // n_threads):
        mine[np.uintp(keys[k])] += 1
    return False


@jit
def _scatter(thread: int, n_threads: int, keys: Any, places: Any, members: Any) -> bool:
    mine = places[thread]
    for k in range(keys.size * thread // n_threads, keys.size * (thread + 1) // n_threads):
        group = np.uintp(keys[k])
        members[np.uintp(mine[group])] = k
        mine[group] += 1
    return False


@jit
def _shuffle_groups(thread: int, n_threads: int, members: Any, limits: Any, key: Any) -> bool:
    for group in range(thread, limits.size - 1, n_threads):
        shuffle(members, limits[group], limits[group + 1], mix(key, group))
    return False

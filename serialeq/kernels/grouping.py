"""Group samples by a key, shuffled inside each group."""

from __future__ import annotations

from typing import Any

import numpy as np

from serialeq.errors import SerialeqError

from .incidence import bounds
from .jit import jit
from .random import mix, shuffle

_DIRECT_KEYS = 1 << 20


def signature_keys(
    indptr: np.ndarray, arity: int, indices: np.ndarray, labels: np.ndarray, n_blocks: int
) -> tuple[np.ndarray, int, int]:
    """Number the set of blocks that each sample touches.

    Returns
    -------
    keys : array of int64 or int32, shape (n_samples,)
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
    dtype = np.int32 if base**width < 1 << 31 else np.int64
    n_samples = indices.size // arity if arity else indptr.size - 1
    keys = np.empty(n_samples, dtype=dtype)
    if arity == 2:
        _fill_pair_keys(indices, labels, base, keys)
    else:
        _fill_keys(indptr, arity, indices, labels, base, np.empty(width, np.int64), keys)
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
    indptr: Any, arity: int, indices: Any, labels: Any, base: int, found: Any, keys: Any
) -> None:
    for e in range(keys.size):
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


@jit
def _fill_pair_keys(indices: Any, labels: Any, base: int, keys: Any) -> None:
    """Do as `_fill_keys` for graphs, where the general loop would cost an epoch."""
    for e in range(keys.size):
        a = np.intp(labels[indices[2 * e]]) + 1
        b = np.intp(labels[indices[2 * e + 1]]) + 1
        keys[e] = min(a, b) + (base * max(a, b) if a != b else 0)


def group_by_key(
    keys: np.ndarray, n_keys: int, key: np.uint64
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Group samples by their key.

    Returns
    -------
    distinct : array of int64, shape (n_groups,)
        The keys that occur, ascending.
    members : array of int32, shape (n_samples,)
        Samples, group after group; inside a group shuffled by the stream `key`.
    bounds : array of int64, shape (n_groups + 1,)
    """
    if n_keys <= _DIRECT_KEYS:
        counts = _count(keys, n_keys)
        distinct = np.flatnonzero(counts)
        ends = np.cumsum(counts[distinct])
        starts = np.zeros(n_keys, dtype=np.int64)
        starts[distinct] = ends - counts[distinct]
    else:
        distinct, keys, counts = np.unique(keys, return_inverse=True, return_counts=True)
        ends = np.cumsum(counts)
        starts = ends - counts
    limits = np.concatenate([[0], ends]).astype(np.int64)
    members = np.empty(keys.size, dtype=np.int32)
    _scatter(keys, starts, members)
    _shuffle_groups(members, limits, key)
    return distinct.astype(np.int64), members, limits


@jit
def _count(keys: Any, n_keys: int) -> Any:
    counts = np.zeros(n_keys, np.int64)
    for k in range(keys.size):
        counts[np.uintp(keys[k])] += 1
    return counts


@jit
def _scatter(keys: Any, starts: Any, members: Any) -> None:
    for k in range(keys.size):
        group = np.uintp(keys[k])
        members[np.uintp(starts[group])] = k
        starts[group] += 1


@jit
def _shuffle_groups(members: Any, limits: Any, key: Any) -> None:
    for group in range(limits.size - 1):
        shuffle(members, limits[group], limits[group + 1], mix(key, group))

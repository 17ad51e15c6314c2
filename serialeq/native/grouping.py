"""Group samples by a key, shuffled inside each group."""

from __future__ import annotations

from typing import Any

import numpy as np

from serialeq.errors import SerialeqError

from .atomics import LINE, meet
from .incidence import bounds
from .jit import jit
from .random import mix, shuffle
from .team import WorkerTeam

_DIRECT_KEYS = 1 << 20


def signature_keys(
    indptr: np.ndarray,
    arity: int,
    indices: np.ndarray,
    labels: np.ndarray,
    n_blocks: int,
    team: WorkerTeam,
) -> tuple[np.ndarray, int]:
    """Number the set of blocks that each sample touches.

    Returns
    -------
    keys : array of uint16 or int64, shape (n_samples,)
        The blocks plus one, ascending, without repeats, as digits: least significant first.
    width : int
        Number of digits; their base is ``n_blocks + 1``.

    SerialeqError: if the keys would not fit into 62 bits (long supports over many blocks).
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
        team.run(_fill_pair_keys, team.n_threads, indices, labels, base, keys)
    else:
        team.run(_fill_keys, team.n_threads, indptr, arity, indices, labels, base, width, keys)
    return keys, width


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


def grid_keys(
    rows: np.ndarray,
    columns: np.ndarray,
    row_digit: np.ndarray,
    column_digit: np.ndarray,
    team: WorkerTeam,
) -> np.ndarray:
    """Return ``row_digit[rows[e]] + column_digit[columns[e]]`` for every entry of a matrix.

    That is what `signature_keys` gives if all blocks of rows come before those of columns.
    """
    n_keys = int(row_digit.max(initial=0)) + int(column_digit.max(initial=0)) + 1
    dtype = np.uint16 if n_keys <= 1 << 16 else np.int64
    keys = np.empty(rows.size, dtype=dtype)
    team.run(
        _fill_grid_keys, team.n_threads, rows, columns, row_digit.astype(dtype),
        column_digit.astype(dtype), keys,
    )  # fmt: skip
    return keys


@jit
def _fill_grid_keys(
    thread: int, n_threads: int, rows: Any, columns: Any, row_digit: Any, column_digit: Any,
    keys: Any,
) -> bool:  # fmt: skip
    for e in range(keys.size * thread // n_threads, keys.size * (thread + 1) // n_threads):
        keys[e] = row_digit[np.uintp(rows[e])] + column_digit[np.uintp(columns[e])]
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
    keys: np.ndarray, n_keys: int, key: np.uint64, team: WorkerTeam
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
    counts = np.zeros((team.n_threads, distinct.size), dtype=np.int64)
    limits = np.zeros((team.n_threads, distinct.size + 1), dtype=np.int64)
    members = np.empty(keys.size, dtype=np.int32)
    arrived = np.zeros(team.n_threads * LINE, dtype=np.int64)
    team.run(_group, team.n_threads, keys, counts, limits, members, key, arrived, team.stop_flag)
    used = np.diff(limits[0]) > 0
    bounds = np.concatenate([[0], limits[0, 1:][used]]).astype(np.int64)
    return distinct[used].astype(np.int64), members, bounds


@jit
def _group(
    thread: int, n_threads: int, keys: Any, counts: Any, limits: Any, members: Any, key: Any,
    arrived: Any, stop_flag: Any,
) -> bool:  # fmt: skip
    """Count, scatter and shuffle in one job: waking the threads thrice would take longer."""
    begin, end = keys.size * thread // n_threads, keys.size * (thread + 1) // n_threads
    mine = counts[thread]
    for k in range(begin, end):
        mine[np.uintp(keys[k])] += 1
    if not meet(arrived, thread, n_threads, 1, stop_flag):
        return False
    limit = limits[thread]  # every thread finds where groups end and where its own part starts
    place = np.empty(mine.size, np.int64)
    for group in range(mine.size):
        limit[group + 1] = limit[group]
        for t in range(n_threads):
            if t == thread:
                place[group] = limit[group + 1]
            limit[group + 1] += counts[t, group]
    for k in range(begin, end):
        group = np.uintp(keys[k])
        members[np.uintp(place[group])] = k
        place[group] += 1
    if not meet(arrived, thread, n_threads, 2, stop_flag):
        return False
    for group in range(thread, mine.size, n_threads):
        shuffle(members, limit[group], limit[group + 1], mix(key, group))
    return False

"""Lay a matrix out in slices of columns, one contiguous piece of memory for each worker."""

from __future__ import annotations

from typing import Any

import numpy as np

from serialeq.native.atomics import PARTS, claim, meet
from serialeq.native.elementary import round_small
from serialeq.native.jit import inline, jit
from serialeq.native.simd import load_wide, prefetch, splat, whole_pages

from .gram import dense_products
from .shorts import store_digit

_SAMPLED_ENTRIES = 1 << 15
_AHEAD = 4  # rows


def cut_columns(
    indptr: np.ndarray, indices: np.ndarray, n_columns: int, n_slices: int, frequent_first: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cut the columns into runs of equal numbers of entries, as a sample of the rows has them.

    Each slice's columns may be sorted by how often they occur, by powers of two (`frequent_first`):
    a few words make up most of a text, and side by side they stay in the nearest cache. Not for
    workers that share columns: they would fight for the cache lines.

    Returns cuts, (n_slices + 1,) int64: slice p holds the columns ``cuts[p]`` to ``cuts[p + 1]``;
    the row of the weights where each slice starts, likewise (see `whole_pages`); and the row of
    the weights that belongs to each column, (n_columns,) uint32.
    """
    degrees = _sampled_degrees(indptr, indices, n_columns)
    cuts = _cut(degrees, n_slices)
    first = np.concatenate([[0], np.cumsum(whole_pages(np.diff(cuts)))])
    if not frequent_first:
        degrees[:] = 0
    return cuts, first, _places(degrees, cuts, first)


@jit
def _cut(degrees: Any, n_slices: int) -> Any:
    """Return where slices begin: each has an equal share of the degrees, to a column."""
    cuts = np.full(n_slices + 1, degrees.size, np.int64)
    cuts[0] = 0
    total, so_far, p = degrees.sum(), 0, 1
    for j in range(degrees.size):
        so_far += degrees[j]
        while p < n_slices and so_far > total * p / n_slices:
            cuts[p] = j
            p += 1
    return cuts


@jit
def _places(degrees: Any, cuts: Any, first: Any) -> Any:
    """Return the columns' places: in each slice those whose degree has the most bits first."""
    place = np.empty(degrees.size, np.uint32)
    for p in range(cuts.size - 1):
        following = np.zeros(33, np.int64)  # place of the next column with 32, 31, …, no bits
        for j in range(np.uintp(cuts[p]), np.uintp(cuts[p + 1])):
            following[32 - _bits(degrees[j])] += 1
        at = first[p]
        for r in range(33):
            following[r], at = at, at + following[r]
        for j in range(np.uintp(cuts[p]), np.uintp(cuts[p + 1])):
            r = 32 - _bits(degrees[j])
            place[j] = following[r]
            following[r] += 1
    return place


@inline
def _bits(number: int) -> int:
    bits = 0
    while number > 0:
        number >>= 1
        bits += 1
    return bits


@jit
def _sampled_degrees(indptr: Any, indices: Any, n_columns: int) -> Any:
    """Return how often each column occurs in evenly spaced rows, with few entries in all."""
    degrees = np.zeros(n_columns, np.int32)
    stride = max(1, indices.size // _SAMPLED_ENTRIES)
    for i in range(0, indptr.size - 1, stride):
        for k in range(np.uintp(indptr[i]), np.uintp(indptr[i + 1])):
            degrees[np.uintp(indices[k])] += 1
    return degrees


@inline
def _copy_values(
    data: Any, source: Any, count: Any, scale: float, lattice: bool, values: Any, there: Any
) -> None:
    """Copy entries (1-d), on the lattice as integers ``rint(x scale)``."""
    k = np.uintp(0)
    if lattice:
        factor = splat(scale)
        while k + np.uintp(8) <= count:
            store_digit(values, there + k, factor * load_wide(data, source + k), 0)
            k += np.uintp(8)
    while k < count:
        x = data[source + k]
        values[there + k] = round_small(x * scale) if lattice else x
        k += np.uintp(1)


@jit
def slice_rows(
    thread: int, n_threads: int, indptr: Any, indices: Any, data: Any, rows: Any, cuts: Any,
    place: Any, scale: float, lattice: bool, ptr: Any, columns: Any, values: Any, parts: Any,
    arrived: Any, stop_flag: Any,
) -> bool:  # fmt: skip
    """Copy the entries of `rows`, sorted by column, into their slices.

    On the lattice as integers ``rint(x scale)``.
    """
    n_slices, n = ptr.shape[0], rows.size
    begin, end = n * thread // n_threads, n * (thread + 1) // n_threads
    for i in range(begin, end):
        if n_slices > 1 and i + _AHEAD < end:
            next_row = rows[i + _AHEAD]
            _fetch(indices, indptr[next_row], indptr[next_row + 1])
        lower, upper = indptr[rows[i]], indptr[rows[i] + 1]
        for p in range(n_slices):
            after = upper
            if p + 1 < n_slices:
                after = lower + np.searchsorted(indices[lower:upper], cuts[p + 1])
            ptr[p, i + 1] = after - lower
            lower = after
    if not meet(arrived, thread, n_threads, 1, stop_flag):
        return False
    if thread == 0:
        filled = np.int64(0)
        for p in range(n_slices):
            ptr[p, 0] = filled
            for i in range(n):
                filled += ptr[p, i + 1]
                ptr[p, i + 1] = filled
    if not meet(arrived, thread, n_threads, 2, stop_flag):
        return False
    for part in range(PARTS):
        if not claim(parts, part):
            continue
        for i in range(n * part // PARTS, n * (part + 1) // PARTS):
            if i + _AHEAD < n:
                next_row = rows[i + _AHEAD]
                _fetch(indices, indptr[next_row], indptr[next_row + 1])
                _fetch(data, indptr[next_row], indptr[next_row + 1])
            source = np.uintp(indptr[rows[i]])
            for p in range(n_slices):
                there, count = np.uintp(ptr[p, i]), np.uintp(ptr[p, i + 1] - ptr[p, i])
                for k in range(count):
                    columns[there + k] = place[np.uintp(indices[source + k])]
                _copy_values(data, source, count, scale, lattice, values, there)
                source += count
    return False


@inline
def _fetch(entries: Any, lower: int, upper: int) -> None:
    """Ask for entries of a row: rows come in random order, and a processor would wait for each."""
    for k in range(lower, upper, 8):
        prefetch(entries, k)


@jit
def slice_dense(
    thread: int, parts: Any, data: Any, rows: Any, width: int, scale: float, lattice: bool,
    values: Any, block: int, gram: Any,
) -> bool:  # fmt: skip
    """Copy `rows` of a dense matrix into slices of `width` columns, padded with zeros.

    `values`: slices, rows, padded columns. If `gram` has rows, set ``gram[i, j]`` to the inner
    product of row i and row j of the same block, while they are near.
    """
    n, n_columns = rows.size, data.shape[1]
    flat, out = data.reshape(-1), values.reshape(-1)
    n_blocks = (n + block - 1) // block
    for part in range(PARTS):
        if not claim(parts, part):
            continue
        for b in range(n_blocks * part // PARTS, n_blocks * (part + 1) // PARTS):
            start, last = b * block, min((b + 1) * block, n)
            for i in range(start, last):
                if i + 1 < n:
                    next_row = np.int64(rows[i + 1])
                    _fetch(flat, next_row * n_columns, (next_row + 1) * n_columns)
                for p in range(values.shape[0]):
                    there = (p * n + i) * values.shape[2]
                    count = max(0, min(width, n_columns - p * width))
                    source = np.uintp(np.int64(rows[i]) * n_columns + p * width)
                    _copy_values(
                        flat, source, np.uintp(count), scale, lattice, out, np.uintp(there)
                    )
                    out[there + count : there + values.shape[2]] = 0
            if gram.shape[0]:
                dense_products(out, values.shape, start, last, gram)
    return False

"""Lay a matrix out in slices of columns, one contiguous piece of memory for each worker."""

from __future__ import annotations

from typing import Any

import numpy as np

from .atomics import LINE, PARTS, claim, meet
from .elementary import round_small
from .jit import inline, jit
from .shorts import LANES, as_shorts, load_pairs, load_shorts, multiply_pairs, store_digit
from .simd import load_wide, prefetch, splat, store, total, whole_pages


def cut_columns(
    indptr: np.ndarray, indices: np.ndarray, n_columns: int, n_slices: int, frequent_first: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cut the columns into runs of equal numbers of entries, as a sample of the rows has them.

    Parameters
    ----------
    frequent_first : bool
        Sort each slice's columns by how often they occur, roughly: a few words make up most of a
        text, and side by side they stay in the nearest cache. Not for workers that share
        columns: they would fight for the cache lines.

    Returns
    -------
    cuts : array of int64, shape (n_slices + 1,)
        Slice ``p`` holds the columns ``cuts[p] <= j < cuts[p + 1]``.
    first : array of int64, shape (n_slices + 1,)
        Row of the weights where each slice starts: see `whole_pages`.
    place : array of uint32, shape (n_columns,)
        Row of the weights that belongs to each column.
    """
    degrees = sampled_degrees(indptr, indices, n_columns, _SAMPLED_ENTRIES)
    so_far = np.cumsum(degrees)
    shares = so_far[-1] * np.arange(1, n_slices) / n_slices if n_columns else np.zeros(0)
    cuts = np.concatenate([[0], np.searchsorted(so_far, shares, side="right"), [n_columns]])
    first = np.concatenate([[0], np.cumsum(whole_pages(np.diff(cuts)))]).astype(np.int64)
    if not frequent_first:
        degrees[:] = 0
    return cuts.astype(np.int64), first, _places(degrees, cuts, first)


@jit
def _places(degrees: Any, cuts: Any, first: Any) -> Any:
    """Return the columns' places: in each slice those whose degree has the most bits first.

    Columns with as many bits stay in their order.
    """
    place = np.empty(degrees.size, np.uint32)
    rarity = np.empty(degrees.size, np.uint8)
    for p in range(cuts.size - 1):
        following = np.zeros(65, np.int64)
        for j in range(np.uintp(cuts[p]), np.uintp(cuts[p + 1])):
            rarity[j] = 64
            left = degrees[j]
            while left > 0:
                rarity[j] -= 1
                left >>= 1
            following[rarity[j]] += 1
        at = first[p]
        for r in range(65):
            following[r], at = at, at + following[r]
        for j in range(np.uintp(cuts[p]), np.uintp(cuts[p + 1])):
            place[j] = following[rarity[j]]
            following[rarity[j]] += 1
    return place


@jit
def sampled_degrees(indptr: Any, indices: Any, n_columns: int, n_entries: int) -> Any:
    """Return how often each column occurs in evenly spaced rows with about `n_entries` in all."""
    degrees = np.zeros(n_columns, np.int64)
    stride = max(1, indices.size // n_entries)
    for i in range(0, indptr.size - 1, stride):
        for k in range(np.uintp(indptr[i]), np.uintp(indptr[i + 1])):
            degrees[np.uintp(indices[k])] += 1
    return degrees


_SAMPLED_ENTRIES = 1 << 15
_AHEAD = 4  # rows


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
            after = _search(indices, lower, upper, cuts[p + 1]) if p + 1 < n_slices else upper
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


@inline
def _search(indices: Any, lower: int, upper: int, column: int) -> int:
    """Return the first place whose column is not below `column`."""
    while lower < upper:
        middle = (lower + upper) // 2
        if indices[middle] < column:
            lower = middle + 1
        else:
            upper = middle
    return lower


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
                _dense_products(out, values.shape, start, last, gram)
    return False


@inline
def _dense_products(flat: Any, shape: Any, start: int, last: int, gram: Any) -> None:
    n_slices, n, width = shape
    for i in range(start, last):
        for j in range(start, i + 1, 4):
            s0 = s1 = s2 = s3 = splat(np.int32(0))
            j1, j2, j3 = min(j + 1, i), min(j + 2, i), min(j + 3, i)
            for p in range(n_slices):
                for k in range(p * n * width, p * n * width + width, LANES):
                    x = load_shorts(flat, i * width + k)
                    s0 = s0 + multiply_pairs(x, load_shorts(flat, j * width + k))
                    s1 = s1 + multiply_pairs(x, load_shorts(flat, j1 * width + k))
                    s2 = s2 + multiply_pairs(x, load_shorts(flat, j2 * width + k))
                    s3 = s3 + multiply_pairs(x, load_shorts(flat, j3 * width + k))
            for other, sum_ in ((j, s0), (j1, s1), (j2, s2), (j3, s3)):
                gram[i, other - start] = gram[other, i - start] = total(sum_)


@jit
def sparse_gram(
    thread: int, parts: Any, ptr: Any, columns: Any, values: Any, n_weights: int, block: int,
    gram: Any,
) -> bool:  # fmt: skip
    """Set ``gram[i, j]`` to the inner product of row i and row j of the same block.

    The columns of a block are numbered as they come, so that little memory is touched, and its
    rows spread over lanes, one lane each: two entries of a row, times what the others have there,
    are a few vector operations. The sums fit 31 bits (`choose_lattice`).
    """
    n, n_slices = gram.shape[0], ptr.shape[0]
    lanes = -(-gram.shape[1] // 16) * 16
    n_blocks = (n + block - 1) // block
    most = 0
    for b in range(n_blocks):
        size = 0
        for p in range(n_slices):
            size += ptr[p, min((b + 1) * block, n)] - ptr[p, b * block]
        most = max(most, size)
    spread = np.zeros((min(most, n_weights) + 1) * lanes, np.int16)
    number = np.zeros(n_weights, np.uint32)  # of a column in the block, from 1 on
    there = np.empty(most, np.int64)  # where an entry's column is in `spread`
    sums = np.zeros(lanes, np.int32)
    for part in range(PARTS):
        if not claim(parts, part):
            continue
        for b in range(n_blocks * part // PARTS, n_blocks * (part + 1) // PARTS):
            first, last = b * block, min((b + 1) * block, n)
            used, e = np.uint32(0), np.uintp(0)
            for p in range(n_slices):
                for i in range(first, last):
                    for k in range(np.uintp(ptr[p, i]), np.uintp(ptr[p, i + 1])):
                        column = np.uintp(columns[k])
                        found = number[column]
                        used += np.uint32(found == 0)
                        found = used if found == 0 else found
                        number[column] = found
                        there[e] = np.int64(found) * lanes
                        spread[np.uintp(there[e] + (i - first))] = values[k]
                        e += np.uintp(1)
            for i in range(first, last):
                for j in range(0, lanes, 16):
                    products = splat(np.int32(0))
                    skipped = 0
                    for p in range(n_slices):
                        at = skipped + ptr[p, i] - ptr[p, first]
                        k, stop = ptr[p, i], ptr[p, i + 1]
                        while k + 2 <= stop:
                            x, y = np.int32(values[np.uintp(k)]), np.int32(values[np.uintp(k + 1)])
                            both = as_shorts(splat(np.int32((y << 16) | (x & 0xFFFF))))
                            others = load_pairs(
                                spread, there[np.uintp(at)] + j, there[np.uintp(at + 1)] + j
                            )
                            products = products + multiply_pairs(others, both)
                            k += 2
                            at += 2
                        if k < stop:
                            x = np.int32(values[np.uintp(k)])
                            both = as_shorts(splat(np.int32(x & 0xFFFF)))
                            others = load_pairs(
                                spread, there[np.uintp(at)] + j, there[np.uintp(at)] + j
                            )
                            products = products + multiply_pairs(others, both)
                        skipped += ptr[p, last] - ptr[p, first]
                    store(sums, 0, j // 16, products)
                for j in range(gram.shape[1]):
                    gram[i, j] = sums[j]
            for p in range(n_slices):
                for k in range(np.uintp(ptr[p, first]), np.uintp(ptr[p, last])):
                    number[np.uintp(columns[k])] = 0
            spread[: (np.int64(used) + 1) * lanes] = 0
    return False


def run_meeting(team: Any, job: Any, *arguments: Any) -> None:
    """Run a job whose threads meet: it gets a place to meet and the stop flag as well."""
    arrived = np.zeros(team.n_threads * LINE, dtype=np.int64)
    team.run(job, team.n_threads, *arguments, arrived, team.stop_flag)

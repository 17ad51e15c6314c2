"""Inner products of the rows of a block: in exact arithmetic each is an integer of 31 bits."""

from __future__ import annotations

from typing import Any

import numpy as np

from serialeq.native.atomics import PARTS, claim
from serialeq.native.jit import inline, jit
from serialeq.native.simd import load, splat, store, total

from .shorts import LANES, as_shorts, load_pairs, load_shorts, multiply_pairs

_LANES = 16  # of int32: so many rows are multiplied at once


@inline
def dense_products(flat: Any, shape: Any, start: int, last: int, gram: Any) -> None:
    """Set ``gram[i, j - start]`` to the inner product of rows i and j of a block.

    `flat` has the shape slices, rows, padded columns.
    """
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

    `gram` holds zeros; so it does afterwards beyond the rows of a short block.

    The columns of a block's slice are numbered as they come, so that little memory is touched,
    and its rows spread over lanes, one lane each: two entries of a row, times what 16 others have
    there, are a few vector operations. Products with later groups of 16 are left to these. The
    sums fit 31 bits (`choose_lattice`).
    """
    n, n_slices = gram.shape[0], ptr.shape[0]
    lanes = -(-gram.shape[1] // _LANES) * _LANES
    n_blocks = (n + block - 1) // block
    most = 0
    for p in range(n_slices):
        for b in range(n_blocks):
            most = max(most, ptr[p, min((b + 1) * block, n)] - ptr[p, b * block])
    spread = np.zeros((min(most, n_weights) + 1) * lanes, np.int16)
    number = np.zeros(n_weights, np.uint32)  # of a column in the block, from 1 on
    there = np.empty(most, np.int64)  # where an entry's column is in `spread`
    sums = np.zeros(block * lanes, np.int32)
    for part in range(PARTS):
        if not claim(parts, part):
            continue
        for b in range(n_blocks * part // PARTS, n_blocks * (part + 1) // PARTS):
            first, last = b * block, min((b + 1) * block, n)
            sums[:] = 0
            for p in range(n_slices):
                begin, end = ptr[p, first], ptr[p, last]
                used = np.uint32(0)
                for i in range(first, last):
                    for k in range(np.uintp(ptr[p, i]), np.uintp(ptr[p, i + 1])):
                        column = np.uintp(columns[k])
                        found = number[column]
                        used += np.uint32(found == 0)
                        found = used if found == 0 else found
                        number[column] = found
                        place = np.int64(found) * lanes
                        there[k - np.uintp(begin)] = place
                        spread[np.uintp(place + (i - first))] = values[k]
                for i in range(first, last):
                    for j in range(0, i - first + 1, _LANES):
                        at = ((i - first) * lanes + j) // _LANES
                        products = splat(np.int32(0))
                        k, stop = ptr[p, i], ptr[p, i + 1]
                        e = k - begin
                        while k + 2 <= stop:
                            both = _both(values[np.uintp(k)], values[np.uintp(k + 1)])
                            here, next_ = there[np.uintp(e)] + j, there[np.uintp(e + 1)] + j
                            others = load_pairs(spread, here, next_)
                            products = products + multiply_pairs(others, both)
                            k += 2
                            e += 2
                        if k < stop:
                            both = _both(values[np.uintp(k)], np.int16(0))
                            here = there[np.uintp(e)] + j
                            products = products + multiply_pairs(
                                load_pairs(spread, here, here), both
                            )
                        store(sums, 0, at, load(sums, 0, at) + products)
                for k in range(np.uintp(begin), np.uintp(end)):
                    number[np.uintp(columns[k])] = 0
                spread[: (np.int64(used) + 1) * lanes] = 0
            for i in range(first, last):
                own = i - first
                earlier = own // _LANES * _LANES
                for j in range(min(earlier + _LANES, gram.shape[1])):
                    gram[i, j] = sums[own * lanes + j]
                for j in range(earlier):
                    gram[first + j, own] = sums[own * lanes + j]
    return False


@inline
def _both(x: Any, y: Any) -> Any:
    """Return x, y, x, y, … (int16)."""
    return as_shorts(splat(np.int32((np.int32(y) << 16) | (np.int32(x) & 0xFFFF))))

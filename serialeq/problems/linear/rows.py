"""Rows of a slice of columns: their inner products with weights, and their sum with weights."""

from __future__ import annotations

from typing import Any

import numpy as np

from serialeq.native.jit import inline
from serialeq.native.simd import (
    add_at,
    add_wide,
    gather,
    load_wide,
    prefetch,
    splat,
    store_wide,
    total,
)

_AHEAD = 16  # entries: their weights are asked for so early, if they are several cache lines


@inline
def dot(c: Any, p: int, row: int, out: Any, at: int) -> None:
    """Set ``out`` (1-d) from `at` on to the inner products of a row's slice with the weights."""
    values, columns, weights = c.values, c.columns, c.weights
    stride = 8 * c.width
    if c.dense:
        first, width = c.first_column[p], c.row_width
        base = (p * c.targets.shape[0] + row) * width
        if c.width == 0:
            s0 = s1 = s2 = s3 = splat(0.0)
            for j in range(0, width, 32):
                x, w = base + j, first + j
                s0 = s0 + load_wide(values, x) * load_wide(weights, w)
                s1 = s1 + load_wide(values, x + 8) * load_wide(weights, w + 8)
                s2 = s2 + load_wide(values, x + 16) * load_wide(weights, w + 16)
                s3 = s3 + load_wide(values, x + 24) * load_wide(weights, w + 24)
            out[at] = total((s0 + s1) + (s2 + s3))
        else:
            for v in range(c.width):
                part = splat(0.0)
                for j in range(width):
                    q = np.float64(values[np.uintp(base + j)])
                    part = part + splat(q) * load_wide(weights, (first + j) * stride + 8 * v)
                store_wide(out, at + 8 * v, part)
        return
    lower, upper = c.ptr[p, row], c.ptr[p, row + 1]
    if c.width == 0:
        part = splat(0.0)
        k = lower
        while k + 8 <= upper:
            part = part + load_wide(values, k) * gather(weights, columns, k)
            k += 8
        sum_ = total(part)
        for i in range(np.uintp(k), np.uintp(upper)):
            sum_ += values[i] * weights[np.uintp(columns[i])]
        out[at] = sum_
        return
    for v in range(0, c.width, 3):  # three vectors at a time: entries are read a third as often
        second, third = v + 1 < c.width, v + 2 < c.width
        part0 = part1 = part2 = splat(0.0)
        for i in range(np.uintp(lower), np.uintp(upper)):
            there = np.intp(columns[i]) * stride + 8 * v
            ahead = np.intp(columns[min(i + np.uintp(_AHEAD), np.uintp(upper - 1))])
            ahead = ahead * stride + 8 * v
            q = splat(np.float64(values[i]))
            prefetch(weights, ahead)
            part0 = part0 + q * load_wide(weights, there)
            if second:
                prefetch(weights, ahead + 8)
                part1 = part1 + q * load_wide(weights, there + 8)
            if third:
                prefetch(weights, ahead + 16)
                part2 = part2 + q * load_wide(weights, there + 16)
        store_wide(out, at + 8 * v, part0)
        if second:
            store_wide(out, at + 8 * v + 8, part1)
        if third:
            store_wide(out, at + 8 * v + 16, part2)


@inline
def add_row(c: Any, p: int, row: int, weights: Any, beta: Any, at: int) -> None:
    """Add the row's slice times ``beta[at:]`` to `weights`: ``c.weights`` or ``c.sums``."""
    values, columns = c.values, c.columns
    stride = 8 * c.width
    if c.dense:
        first, width = c.first_column[p], c.row_width
        base = (p * c.targets.shape[0] + row) * width
        if c.width == 0:
            factor = splat(beta[at])
            for j in range(0, width, 8):
                add_wide(weights, first + j, factor * load_wide(values, base + j))
        else:
            for j in range(width):
                q = splat(np.float64(values[np.uintp(base + j)]))
                for v in range(c.width):
                    change = q * load_wide(beta, at + 8 * v)
                    add_wide(weights, (first + j) * stride + 8 * v, change)
        return
    lower, upper = c.ptr[p, row], c.ptr[p, row + 1]
    if c.width == 0:
        factor = splat(beta[at])
        k = lower
        while k + 8 <= upper:
            add_at(weights, columns, k, factor * load_wide(values, k))
            k += 8
        for i in range(np.uintp(k), np.uintp(upper)):
            weights[np.uintp(columns[i])] += beta[at] * values[i]
        return
    n_moving = 0
    for v in range(0, stride, 8):
        n_moving += _moves(beta, at + v)
    if 2 * n_moving > c.width:  # then an entry is read once
        for i in range(np.uintp(lower), np.uintp(upper)):
            there = np.intp(columns[i]) * stride
            q = splat(np.float64(values[i]))
            for v in range(0, stride, 8):
                add_wide(weights, there + v, q * load_wide(beta, at + v))
        return
    for v in range(0, stride, 8):
        if not _moves(beta, at + v):  # nor need the weights be read
            continue
        factors = load_wide(beta, at + v)
        for i in range(np.uintp(lower), np.uintp(upper)):
            there = np.intp(columns[i]) * stride + v
            add_wide(weights, there, splat(np.float64(values[i])) * factors)


@inline
def _moves(beta: Any, at: int) -> bool:
    """Return whether any of 8 factors is not zero."""
    moves = False
    for o in range(8):
        moves = moves or beta[at + o] != 0.0
    return moves


@inline
def fetch_row(c: Any, p: int, row: int) -> None:
    """Ask for what is needed of a row, as no processor guesses where a shuffle goes next.

    For as many entries as rows have on average: a branch predictor knows the end of a loop of
    always as many rounds, and of a row that is longer the core reads ahead by itself.
    """
    n = c.targets.shape[0]
    if c.dense:
        size = c.row_width
        lower = (p * n + row) * size
    else:
        lower, size = c.ptr[p, row], (c.ptr[p, n] - c.ptr[p, 0] + n - 1) // n
    _fetch_entries(c, lower, lower + size)
    prefetch(c.targets, row * c.n_outputs)


@inline
def fetch_share(c: Any, p: int, first: int, k: int) -> None:
    """Ask for the k-th of equal shares of what is needed of a block, whose first row is `first`.

    Shares are equal, rows are not: loops have as many rounds as those before, as in `fetch_row`.
    """
    n = c.targets.shape[0]
    if c.dense:
        size = c.row_width
        lower = (p * n + first) * size
    else:
        lower = c.ptr[p, first]
        size = (c.ptr[p, min(first + c.block, n)] - lower + c.block - 1) // c.block
    _fetch_entries(c, lower + k * size, lower + (k + 1) * size)
    prefetch(c.targets, (first + k) * c.n_outputs)
    padded = (c.block + 7) // 8 * 8
    for j in range(0, padded, 16):
        prefetch(c.gram, (first + k) * padded + j)


@inline
def _fetch_entries(c: Any, lower: int, upper: int) -> None:
    if not c.dense:
        for k in range(lower, upper, 16):
            prefetch(c.columns, k)
    for k in range(lower, upper, 32):
        prefetch(c.values, k)

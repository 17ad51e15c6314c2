"""Rows of a slice of columns: their inner products with weights, and their sum with weights."""

from __future__ import annotations

from typing import Any

import numpy as np

from .jit import inline
from .simd import load, load_wide, prefetch, splat, store, total


@inline
def dot(c: Any, p: int, row: int, out: Any, at: int) -> None:
    """Set ``out`` from `at` on to the inner products of a row's slice with the weights."""
    values, columns, weights = c.values, c.columns, c.weights
    if c.dense:
        first, last = c.first_column[p], c.first_column[p + 1]
        base = first * c.targets.shape[0] + row * (last - first)
        if c.width == 0:
            s0 = s1 = s2 = s3 = splat(0.0)
            for j in range(0, last - first, 32):
                x, w = base + j, first + j
                s0 = s0 + load_wide(values, x) * load(weights, w, 0)
                s1 = s1 + load_wide(values, x + 8) * load(weights, w + 8, 0)
                s2 = s2 + load_wide(values, x + 16) * load(weights, w + 16, 0)
                s3 = s3 + load_wide(values, x + 24) * load(weights, w + 24, 0)
            out[at] = total((s0 + s1) + (s2 + s3))
        else:
            for v in range(c.width):
                part = splat(0.0)
                for j in range(last - first):
                    q = np.float64(values[np.uintp(base + j)])
                    part = part + splat(q) * load(weights, first + j, v)
                store(out, 0, at // 8 + v, part)
        return
    lower, upper = np.uintp(c.ptr[p, row]), np.uintp(c.ptr[p, row + 1])
    if c.width == 0:  # four sums, as each addition waits for the one before
        m0 = m1 = m2 = m3 = 0.0
        k = lower
        while k + np.uintp(4) <= upper:
            m0 += values[k] * weights[np.uintp(columns[k]), 0]
            m1 += values[k + np.uintp(1)] * weights[np.uintp(columns[k + np.uintp(1)]), 0]
            m2 += values[k + np.uintp(2)] * weights[np.uintp(columns[k + np.uintp(2)]), 0]
            m3 += values[k + np.uintp(3)] * weights[np.uintp(columns[k + np.uintp(3)]), 0]
            k += np.uintp(4)
        while k < upper:
            m0 += values[k] * weights[np.uintp(columns[k]), 0]
            k += np.uintp(1)
        out[at] = (m0 + m1) + (m2 + m3)
        return
    for v in range(c.width):
        part = splat(0.0)
        for k in range(lower, upper):
            part = part + splat(np.float64(values[k])) * load(weights, np.intp(columns[k]), v)
        store(out, 0, at // 8 + v, part)


@inline
def add_row(c: Any, p: int, row: int, weights: Any, beta: Any, at: int) -> None:
    """Add the row's slice times ``beta[at:]`` to `weights`: ``c.weights`` or ``c.sums``."""
    values, columns = c.values, c.columns
    if c.dense:
        first, last = c.first_column[p], c.first_column[p + 1]
        base = first * c.targets.shape[0] + row * (last - first)
        if c.width == 0:
            factor = splat(beta[at])
            for j in range((last - first) // 8):
                moved = load(weights, first + 8 * j, 0) + factor * load_wide(values, base + 8 * j)
                store(weights, first + 8 * j, 0, moved)
        else:
            for j in range(last - first):
                q = splat(np.float64(values[np.uintp(base + j)]))
                for v in range(c.width):
                    moved = load(weights, first + j, v) + q * load(beta, 0, at // 8 + v)
                    store(weights, first + j, v, moved)
        return
    lower, upper = np.uintp(c.ptr[p, row]), np.uintp(c.ptr[p, row + 1])
    if c.width == 0:
        factor = beta[at]
        for k in range(lower, upper):
            weights[np.uintp(columns[k]), 0] += factor * values[k]
        return
    for k in range(lower, upper):
        q, column = splat(np.float64(values[k])), np.intp(columns[k])
        for v in range(c.width):
            moved = load(weights, column, v) + q * load(beta, 0, at // 8 + v)
            store(weights, column, v, moved)


@inline
def fetch_row(c: Any, p: int, row: int) -> None:
    """Ask for what is needed of a row, as no processor guesses where a shuffle goes next."""
    if c.dense:
        width = c.first_column[p + 1] - c.first_column[p]
        lower = c.first_column[p] * c.targets.shape[0] + row * width
        upper = lower + width
    else:
        lower, upper = c.ptr[p, row], c.ptr[p, row + 1]
        for k in range(lower, upper, 16):
            prefetch(c.columns, k)
    for k in range(lower, upper, 32):
        prefetch(c.values, k)
    if c.gram.size:
        prefetch(c.gram, row * (c.gram.size // c.targets.shape[0]))

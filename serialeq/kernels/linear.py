"""Updates of linear models, sample by sample and block by block.

The weights are ``w = scale * v``. One step of SGD on ``loss(x.w + b, y) + alpha/2 |w|^2`` is

    p = scale (x.v) + b          scale <- (1 - eta alpha) scale
    v <- v - (eta / scale) loss'(p, y) x          b <- b - eta decay loss'(p, y)

On the *lattice*, features are integers q (x = q 2^-a), the factor of x is rounded once per sample
to a multiple of 2^-b, and v is held as integers in units of 2^-(a+b). As long as
``max|v| * |q|_1 <= 2^53`` every product and sum in float64 is exact, so sums may be regrouped
without changing a bit. That is what the sliced kernel does: each worker holds the weights of a
set of columns and the rows' entries there. For a block of s samples it computes its part of the
margins at the block's start, and all parts added are exact; then every worker runs the same
recurrence

    margin_k = x_k.v + sum_{j<k} beta_j K_jk          K_jk = x_j.x_k

and updates its own columns. There is one wait per block.

Proved in ``proofs/``: theorems ``block_is_sgd``, ``same_total_same_bits``, ``guard_of_a_block``.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .atomics import load_acquire
from .jit import inline, jit
from .kernel import kernel
from .losses import slope, value
from .simd import load, load_wide, splat, store, total

CHUNK = 256
"""Rows per partial sum of the loss."""

BOUND, TROUBLE, WORST = 0, 1, 2
"""Places in ``state``: bound of max|v|; 1 + the first update beyond the limit; the bound there."""


class LinearContext(NamedTuple):
    """What the kernels work on: n rows, C outputs, P slices of columns.

    With one output, weights are scalars; with more, rows padded to whole vectors.
    """

    samples: np.ndarray
    """(m,) int32: row at each packed position."""
    times: np.ndarray
    """(m,) int32: serial position of each packed position; (0,) in the sliced kernel."""
    ptr: np.ndarray
    """(P, n + 1) int64: where each row's entries start in each slice; (0, 0) if dense."""
    columns: np.ndarray
    """(nnz,) uint32: row of ``weights``; (0,) if dense."""
    values: np.ndarray
    """(nnz,) or (sum of n * padded columns,) int16 or float32."""
    targets: np.ndarray
    """(n, C) float64."""
    importance: np.ndarray
    """(n, C) float64: sample weight times class weight; (0, 0) unless `weighted`."""
    rates: np.ndarray
    """(updates, 3) float64: scale before, eta / scale after, eta, of the update; the first two in
    units of margins and factors."""
    folds: np.ndarray
    """(periods,) float64: factor by which v is multiplied at the start of each period."""
    weights: np.ndarray
    """(V, C or padded C) float64."""
    first_column: np.ndarray
    """(P + 1,) int64: row of ``weights`` where each slice starts."""
    intercept: np.ndarray
    """(P, 2 room) float64: each worker's copy, and what it will be after a mini-batch."""
    state: np.ndarray
    """(P, 16) float64: each worker's copy; see `BOUND`, `TROUBLE`, `WORST`."""
    partial: np.ndarray
    """(2, P, room) float64: margins of a block, from each slice; (0, 0, 0) in the row kernel."""
    gram: np.ndarray
    """(blocks * s * padded s,) int32: x_j.x_k in units of 2^-2a; (0,) unless needed."""
    scratch: np.ndarray
    """(P, room) float64."""
    epsilon: float
    most: float
    """Largest |q|."""
    limit: float
    """Largest max|v| for which everything is exact."""
    intercept_decay: float
    loss: int
    n_outputs: int
    width: int
    """Vectors per row of ``weights``; 0 with one output."""
    block: int
    period: int
    """Samples between places where weights may be renewed; a multiple of `block`."""
    dense: bool
    lattice: bool
    weighted: bool
    with_intercept: bool
    simultaneous: bool
    """Mini-batch: all samples of a block see the weights at its start."""


@inline
def _dot(c: Any, p: int, row: int, out: Any, at: int) -> None:
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
def _add(c: Any, p: int, row: int, beta: Any, at: int) -> None:
    """Add the row's slice times ``beta[at:]`` to the weights."""
    values, columns, weights = c.values, c.columns, c.weights
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
def _respond(c: Any, p: int, row: int, update: int, margins: Any, at: int, beta: Any) -> bool:
    """Set ``beta[at:]`` to the factors of the row in its update; True if one is not zero.

    `margins` from `at` on are inner products with v. On the lattice the factors are rounded, and
    the bound of max|v| grows by what they can add.
    """
    scale, gain, eta = c.rates[update, 0], c.rates[update, 1], c.rates[update, 2]
    largest = 0.0
    finite = True
    for o in range(c.n_outputs):
        margin = scale * margins[at + o] + c.intercept[p, o]
        g = slope(c.loss, c.epsilon, margin, c.targets[row, o])
        if c.weighted:
            g *= c.importance[row, o]
        factor = -(gain * g)
        if c.lattice:
            factor = _round(factor)
            finite = finite and abs(factor) <= c.limit
            largest = max(largest, abs(factor))
        beta[at + o] = factor
        if c.with_intercept:
            pending = c.intercept.shape[1] // 2 if c.simultaneous else 0
            c.intercept[p, pending + o] -= c.intercept_decay * (eta * g)
    if c.lattice:
        bound = c.state[p, BOUND] + largest * c.most
        c.state[p, BOUND] = bound
        if not (finite and bound <= c.limit) and c.state[p, TROUBLE] == 0.0:
            c.state[p, TROUBLE] = update + 1.0
            c.state[p, WORST] = bound
        return largest != 0.0
    return True


@inline
def _round(x: Any) -> Any:
    """Round to the nearest integer, ties to even: the sum has no bits below one."""
    return (x + 6755399441055744.0) - 6755399441055744.0


@inline
def _renewal(c: Any, p: int, time: int) -> bool:
    """Return whether weights have to be folded, or measured anew, before serial position."""
    if not c.lattice or time % c.period != 0:
        return False
    return c.folds[time // c.period] != 1.0 or c.state[p, BOUND] > 0.5 * c.limit


@inline
def _renew(c: Any, p: int, factor: float) -> float:
    """Multiply the slice's weights by a factor, rounded; return the largest magnitude."""
    weights = c.weights
    largest = 0.0
    for k in range(np.uintp(c.first_column[p]), np.uintp(c.first_column[p + 1])):
        for o in range(c.n_outputs):
            weights[k, o] = _round(factor * weights[k, o])
            largest = max(largest, abs(weights[k, o]))
    return largest


@kernel
def row_kernel(c: Any, start: int, stop: int) -> None:
    """Apply the samples at packed positions ``start <= k < stop``, one after the other."""
    margins = np.zeros(max(8 * c.width, 1))
    beta = np.zeros(max(8 * c.width, 1))
    for k in range(start, stop):
        row, time = np.intp(c.samples[k]), np.intp(c.times[k])
        if _renewal(c, 0, time):
            c.state[0, BOUND] = _renew(c, 0, c.folds[time // c.period])
        _dot(c, 0, row, margins, 0)
        if _respond(c, 0, row, time, margins, 0, beta):
            _add(c, 0, row, beta, 0)


@kernel
def sliced_kernel(c: Any, start: int, stop: int) -> None:
    """Run steps of the workers: step b of worker p is position ``p * (blocks + 1) + b``.

    It finishes block b - 1, whose partial margins every worker has published by then, and begins
    block b. The two halves of ``partial`` take turns: who begins block b has seen everyone
    finish block b - 2.
    """
    n = c.samples.size
    n_blocks = (n + c.block - 1) // c.block
    for position in range(start, stop):
        p, b = position // (n_blocks + 1), position % (n_blocks + 1)
        if b > 0:
            _finish(c, p, (b - 1) * c.block, min(b * c.block, n), c.partial[(b - 1) % 2])
        if b < n_blocks:
            _begin(c, p, b * c.block, min((b + 1) * c.block, n), c.partial[b % 2])


@inline
def _slot(c: Any, k: int, row: int) -> int:
    """Return the place of a block's k-th sample: in exact blocks that of the row, as in `gram`.

    A mini-batch need not consist of the rows of one block of the layout.
    """
    return k if c.simultaneous else row % c.block


@inline
def _begin(c: Any, p: int, first: int, last: int, partial: Any) -> None:
    """Publish the margins of a block from the worker's slice."""
    stride = max(8 * c.width, 1)
    mine = partial[p]
    if _renewal(c, p, first):
        mine[mine.size - 1] = _renew(c, p, c.folds[first // c.period])
    for k in range(first, last):
        row = np.intp(c.samples[k])
        _dot(c, p, row, mine, _slot(c, k - first, row) * stride)


@inline
def _finish(c: Any, p: int, first: int, last: int, partial: Any) -> None:
    """Add up a block's margins, run its recurrence, update the worker's slice."""
    stride = max(8 * c.width, 1)
    padded = (c.block + 7) // 8 * 8
    margins, beta = c.scratch[2 * p], c.scratch[2 * p + 1]
    for k in range(c.block * stride):
        margins[k] = 0.0
        for u in range(partial.shape[0]):
            margins[k] += partial[u, k]
    if _renewal(c, p, first):
        c.state[p, BOUND] = 0.0
        for u in range(partial.shape[0]):
            c.state[p, BOUND] = max(c.state[p, BOUND], partial[u, partial.shape[1] - 1])
    pending = c.intercept.shape[1] // 2
    if c.simultaneous:
        for o in range(c.n_outputs):
            c.intercept[p, pending + o] = c.intercept[p, o]
    for k in range(first, last):
        row = np.intp(c.samples[k])
        own = _slot(c, k - first, row)
        if c.simultaneous:
            _respond(c, p, row, first // c.block, margins, own * stride, beta)
        elif _respond(c, p, row, k, margins, own * stride, beta):
            base = row * padded
            if c.width == 0:
                factor = splat(beta[own])
                for j in range(padded // 8):
                    moved = load(margins, 0, j) + factor * load_wide(c.gram, base + 8 * j)
                    store(margins, 0, j, moved)
            else:
                for j in range(c.block):
                    common = splat(np.float64(c.gram[base + j]))
                    for v in range(c.width):
                        change = common * load(beta, 0, own * c.width + v)
                        moved = load(margins, 0, j * c.width + v) + change
                        store(margins, 0, j * c.width + v, moved)
    if c.simultaneous:
        for o in range(c.n_outputs):
            c.intercept[p, o] = c.intercept[p, pending + o]
    for k in range(first, last):
        row = np.intp(c.samples[k])
        _add(c, p, row, beta, _slot(c, k - first, row) * stride)


@jit
def loss_worker(
    thread: int, n_threads: int, loss: int, epsilon: float, indptr: Any, indices: Any, data: Any,
    coef: Any, intercept: Any, targets: Any, importance: Any, partial: Any, stop_flag: Any,
) -> bool:  # fmt: skip
    """Set ``partial[i]`` to the loss of chunk ``i`` of the rows, for every n_threads-th chunk.

    ``coef`` is (d, C); a dense row has no `indices`. A chunk's sum depends on the chunk alone.
    """
    n, n_outputs = targets.shape
    margins = np.zeros(n_outputs)
    for i in range(thread, partial.size, n_threads):
        if load_acquire(stop_flag, 0):
            break
        sum_ = 0.0
        for row in range(i * CHUNK, min((i + 1) * CHUNK, n)):
            margins[:] = intercept
            start = indptr[row]
            for k in range(np.uintp(start), np.uintp(indptr[row + 1])):
                j = np.uintp(indices[k]) if indices.size else k - np.uintp(start)
                for o in range(n_outputs):
                    margins[o] += data[k] * coef[j, o]
            for o in range(n_outputs):
                weight = importance[row, o] if importance.size else 1.0
                sum_ += weight * value(loss, epsilon, margins[o], targets[row, o])
        partial[i] = sum_
    return False

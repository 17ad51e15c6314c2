"""What margins make of weights and intercept: of one sample, or of a mini-batch at once."""

from __future__ import annotations

from typing import Any

import numpy as np

from serialeq.native.elementary import round_small
from serialeq.native.jit import inline

from .context import BOUND, COUNTED, GAIN, SCALE, STEP, TROUBLE, WORST
from .losses import slope


@inline
def _slope(c: Any, p: int, row: int, update: int, inner: float, o: int) -> float:
    """Return the weighted slope of the loss in an output whose inner product with v is `inner`."""
    margin = c.rates[update, SCALE] * inner + c.intercept[p, o]
    g = slope(c.loss, c.epsilon, margin, c.targets[row, o])
    return g * c.importance[row, o] if c.weighted else g


@inline
def respond(
    c: Any, p: int, row: int, update: int, first: float, margins: Any, at: int, beta: Any
) -> float:
    """Set ``beta[at:]`` to the factors of the row in its update.

    `margins` from `at` on are inner products with v; a single output takes `first` for its own.
    On the lattice the factors are rounded, and the bound of max|v| grows by what they can add.
    Returns the factor of a single output, otherwise 0.0 if all factors are zero: at once, where
    memory written and read again takes its time.
    """
    gain, eta = c.rates[update, GAIN], c.rates[update, STEP]
    largest = 0.0
    factor, moves, finite = 0.0, False, True
    for o in range(c.n_outputs):
        inner = first if c.n_outputs == 1 else margins[at + o]
        g = _slope(c, p, row, update, inner, o)
        factor = -(gain * g)
        if c.lattice:
            factor = round_small(factor)
            finite = finite and abs(factor) <= c.limit
            largest = max(largest, abs(factor))
        beta[at + o] = factor
        moves = moves or factor != 0.0
        if c.with_intercept:
            c.intercept[p, o] -= c.intercept_decay * (eta * g)
    if c.averaged and c.with_intercept:
        _count_intercept(c, p, update)
    if c.lattice:
        _guard(c, p, update, largest, finite)
    return factor if c.n_outputs == 1 else np.float64(moves)


@inline
def _guard(c: Any, p: int, update: int, largest: float, finite: bool) -> None:
    """Let the bound of max|v| grow by what factors up to `largest` add; note if it is too large."""
    bound = c.state[p, BOUND] + largest * c.most
    c.state[p, BOUND] = bound
    if not (finite and bound <= c.limit) and c.state[p, TROUBLE] == 0.0:
        c.state[p, TROUBLE] = update + 1.0
        c.state[p, WORST] = bound


@inline
def _count_intercept(c: Any, p: int, update: int) -> None:
    sums = c.intercept.shape[1] // 2
    for o in range(c.n_outputs):
        c.intercept[p, sums + o] += c.rates[update, COUNTED] * c.intercept[p, o]


@inline
def sum_parts(partial: Any, k: int) -> float:
    """Return an inner product, given its parts from all slices."""
    sum_ = 0.0
    for u in range(partial.shape[0]):
        sum_ += partial[u, k]
    return sum_


@inline
def respond_to_share(c: Any, p: int, first: int, partial: Any) -> None:
    """Put into ``partial[0]`` the slopes at the worker's share of a mini-batch's samples."""
    stride, n_workers = max(8 * c.width, 1), partial.shape[0]
    size = min(c.block, c.samples.size - first)
    for k in range(size * p // n_workers, size * (p + 1) // n_workers):
        row = np.intp(c.samples[first + k])
        for o in range(k * stride, k * stride + c.n_outputs):
            inner = sum_parts(partial, o)
            partial[0, o] = _slope(c, p, row, first // c.block, inner, o - k * stride)


@inline
def respond_together(c: Any, p: int, first: int, last: int, slopes: Any, beta: Any) -> None:
    """Find the factors of a mini-batch, and add up what its samples do to the intercept.

    Its samples share a step, and each takes over what rounding took from the one before. The bound
    of max|v| grows by what the factors of the worst output add up to.
    """
    stride, update = max(8 * c.width, 1), first // c.block
    gain, eta = c.rates[update, GAIN], c.rates[update, STEP]
    largest, finite = 0.0, True
    for o in range(c.n_outputs):
        lost, added, intercept = 0.0, 0.0, c.intercept[p, o]
        for at in range(o, (last - first) * stride, stride):
            exact = lost - gain * slopes[at]
            factor = round_small(exact)
            lost = exact - factor
            finite = finite and abs(factor) <= c.limit
            added += abs(factor)
            beta[at] = factor
            intercept -= c.intercept_decay * (eta * slopes[at])
        if c.with_intercept:
            c.intercept[p, o] = intercept
        largest = max(largest, added if added < np.inf else np.inf)  # a NaN, too
    if c.averaged and c.with_intercept:
        _count_intercept(c, p, update)
    _guard(c, p, update, largest, finite)

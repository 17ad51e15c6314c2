"""Update and prediction for one observed entry of a factorised matrix.

For entry (u, v) with value r: ``e = r - <x_u, x_v> - b_u - b_v`` and, with step ``s``,

    x_u <- (1 - s l_u) x_u + s e x_v        b_u <- b_u + s (e - l_u b_u)

and the same for v with the old x_u: one gradient step on half of
``e^2 + l_u (|x_u|^2 + b_u^2) + l_v (|x_v|^2 + b_v^2)`` (Gemulla et al. 2011). An entry of
weight f has ``f e`` in place of e: the step is on half of ``f e^2 + ...``. AdaGrad divides the step
of a row by the root of that row's accumulated mean squared gradient (Chin et al. 2015, section 3).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from serialeq.native.atomics import load_acquire
from serialeq.native.jit import jit
from serialeq.native.kernel import kernel
from serialeq.native.simd import load, positive_part, splat, store, total

CHUNK = 1 << 14
"""Samples per partial sum of the loss."""


class FactorizationContext(NamedTuple):
    """What the kernel works on: ``V`` rows (variables), ``n`` packed samples."""

    pairs: np.ndarray
    """(n, 2) uint32: the two rows of each sample."""
    values: np.ndarray
    """(n,) float: the observed values, centred."""
    weights: np.ndarray
    """(n,) float: the weight of each sample; (0,) unless `weighted`."""
    times: np.ndarray
    """(n,) int32: position in the serial order; (0,) unless `timed`."""
    factors: np.ndarray
    """(V, width * lanes) float: rows padded with zeros to whole vectors."""
    biases: np.ndarray
    """(V,) float."""
    curvature: np.ndarray
    """(V,) float: AdaGrad's accumulated mean squared gradient."""
    penalty: np.ndarray
    """(V,) float: L2 coefficient of each row per sample."""
    step: np.ndarray
    """(3,) float64: step, decay c per sample, and serial position t0 of the epoch's start: the
    step of the sample at position t is ``step / (1 + c (t0 + t))`` if `timed`."""
    width: int
    inverse_rank: float
    with_biases: bool
    adaptive: bool
    timed: bool
    nonnegative: bool
    weighted: bool


@kernel
def factorization_kernel(c: Any, start: int, stop: int) -> None:
    """Apply the entries at packed positions ``start <= k < stop``."""
    pairs, values, weights, times = c.pairs, c.values, c.weights, c.times
    factors, biases, curvature, penalty = c.factors, c.biases, c.curvature, c.penalty
    scalar = factors.dtype.type
    one, inverse_rank = scalar(1), scalar(c.inverse_rank)
    step = scalar(c.step[0])
    for k in range(np.uintp(start), np.uintp(stop)):
        u, v = np.intp(pairs[k, 0]), np.intp(pairs[k, 1])
        dot = load(factors, u, 0) * load(factors, v, 0)
        for j in range(1, c.width):
            dot = dot + load(factors, u, j) * load(factors, v, j)
        error = values[k] - total(dot)
        if c.with_biases:
            error = error - (biases[u] + biases[v])
        if c.weighted:
            error = weights[k] * error
        if c.timed:
            step = scalar(c.step[0] / (1.0 + c.step[1] * (c.step[2] + times[k])))
        step_u = step_v = step
        if c.adaptive:
            step_u, step_v = step / np.sqrt(curvature[u]), step / np.sqrt(curvature[v])
        pull_u, pull_v = splat(step_u * error), splat(step_v * error)
        keep_u = splat(one - step_u * penalty[u])
        keep_v = splat(one - step_v * penalty[v])
        square_u = square_v = splat(scalar(0))
        for j in range(c.width):
            x_u, x_v = load(factors, u, j), load(factors, v, j)
            if c.adaptive:
                g_u = splat(error) * x_v - splat(penalty[u]) * x_u
                g_v = splat(error) * x_u - splat(penalty[v]) * x_v
                square_u, square_v = square_u + g_u * g_u, square_v + g_v * g_v
            y_u = keep_u * x_u + pull_u * x_v
            y_v = keep_v * x_v + pull_v * x_u
            if c.nonnegative:
                y_u, y_v = positive_part(y_u), positive_part(y_v)
            store(factors, u, j, y_u)
            store(factors, v, j, y_v)
        if c.adaptive:
            curvature[u] += total(square_u) * inverse_rank
            curvature[v] += total(square_v) * inverse_rank
        if c.with_biases:
            biases[u] += step_u * (error - penalty[u] * biases[u])
            biases[v] += step_v * (error - penalty[v] * biases[v])


@jit
def squared_error_worker(
    thread: int, n_threads: int, factors: Any, biases: Any, users: Any, items: Any, values: Any,
    weights: Any, row_of_user: Any, row_of_item: Any, mean: Any, partial: Any, stop_flag: Any,
) -> bool:  # fmt: skip
    """Set ``partial[i]`` to the squared error of chunk ``i``, for every n_threads-th chunk.

    A chunk's sum depends on the chunk alone, so the total is the same for any number of threads.
    An empty `weights`: every entry weighs 1.
    """
    for i in range(thread, partial.size, n_threads):
        if load_acquire(stop_flag, 0):
            break
        error = 0.0
        for k in range(np.uintp(i * CHUNK), np.uintp(min((i + 1) * CHUNK, values.size))):
            u = np.intp(row_of_user[np.uintp(users[k])])
            v = np.intp(row_of_item[np.uintp(items[k])])
            dot = load(factors, u, 0) * load(factors, v, 0)
            for j in range(1, factors.shape[1] * factors.itemsize // 64):
                dot = dot + load(factors, u, j) * load(factors, v, j)
            e = np.float64(values[k] - mean) - (total(dot) + (biases[u] + biases[v]))
            error += weights[k] * (e * e) if weights.size else e * e
        partial[i] = error
    return False


@jit
def pack_pairs(users: Any, items: Any, row_of_user: Any, row_of_item: Any) -> Any:
    """Return (n, 2) uint32: the rows of user and item of every entry."""
    pairs = np.empty((users.size, 2), np.uint32)
    for k in range(users.size):
        pairs[k, 0] = row_of_user[np.uintp(users[k])]
        pairs[k, 1] = row_of_item[np.uintp(items[k])]
    return pairs


@jit
def gather_samples(
    users: Any, items: Any, values: Any, weights: Any, row_of_user: Any, row_of_item: Any,
    mean: Any, samples: Any, out_pairs: Any, out_values: Any, out_weights: Any,
) -> None:  # fmt: skip
    """Lay rows, centred values and weights of the entries out in the order of `samples`."""
    for k in range(samples.size):
        s = np.uintp(samples[k])
        out_pairs[k, 0] = row_of_user[np.uintp(users[s])]
        out_pairs[k, 1] = row_of_item[np.uintp(items[s])]
        out_values[k] = values[s] - mean
        if weights.size:
            out_weights[k] = weights[s]

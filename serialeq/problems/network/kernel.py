"""A hidden layer of rectified units in groups, of which each sample trains only some.

With x the sample, W_g and V_g the weights of group g (the last row of each is its bias), and K
the groups that the sample keeps:

    h_g = max(0, W_g.T (x, 1))                 hidden units of a group
    z   = sum_{g in K} V_g.T (h_g, 1)          outputs
    d   = link(z) - target                     slope of the loss by the outputs

and one gradient step for the rows of W_g and V_g, g in K (Srivastava et al. 2014). AdaGrad
(Duchi et al. 2011) divides the step of a row by the root of the mean of the squares of its
entries' gradients, added up over the samples.

Rows of a group are contiguous, and padded with zeros to whole vectors.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from serialeq.native.atomics import load_acquire
from serialeq.native.elementary import exp, log1p, sigmoid_of_minus, softplus
from serialeq.native.jit import inline, jit
from serialeq.native.kernel import kernel
from serialeq.native.random import mix
from serialeq.native.simd import load, positive_part, splat, store, total

OUTPUTS = ("softmax", "logistic", "squared")
"""Link and loss: softmax and cross entropy, a logistic loss per output, half a squared error."""

_SOFTMAX, _LOGISTIC, _SQUARED = range(len(OUTPUTS))


class NetworkContext(NamedTuple):
    """What the kernel works on: ``N`` samples, ``D`` features, ``G`` groups of ``U`` units.

    ``K`` outputs; ``w`` and ``o`` are the vectors that hold the units of a group and the outputs.
    """

    samples: np.ndarray
    """(n,) int32: the rows to train on, in order."""
    kept: np.ndarray
    """(N, k) uint32: the groups that each sample keeps, ascending."""
    indptr: np.ndarray
    columns: np.ndarray
    values: np.ndarray
    """(N + 1,) int64, (nnz,) uint32 and (nnz,) float: the rows."""
    targets: np.ndarray
    """(N, o * lanes) float."""
    inward: np.ndarray
    """(G (D + 1), w * lanes) float: W_0, W_1, …"""
    outward: np.ndarray
    """(G (U + 1), o * lanes) float: V_0, V_1, …"""
    inward_squares: np.ndarray
    outward_squares: np.ndarray
    """(G (D + 1),) and (G (U + 1),) float: AdaGrad's sum for each row."""
    sizes: np.ndarray
    """(3,) int64: D, U, K."""
    inward_width: int
    outward_width: int
    """w and o: few different numbers, so they are compiled in."""
    output: int
    """Position in `OUTPUTS`."""
    step: float


@kernel
def network_kernel(c: Any, start: int, stop: int) -> None:
    """Apply the samples at positions ``start <= k < stop``."""
    inward, outward, squares_in, squares_out = (
        c.inward, c.outward, c.inward_squares, c.outward_squares,
    )  # fmt: skip
    width_in, width_out = c.inward_width, c.outward_width
    scalar = inward.dtype.type
    one, zero = scalar(1), scalar(0)
    n_kept = c.kept.shape[1]
    n_features, n_units, n_outputs = c.sizes[0], c.sizes[1], c.sizes[2]
    hidden = np.zeros((n_kept, inward.shape[1]), inward.dtype)
    back = np.zeros((1, inward.shape[1]), inward.dtype)
    slope = np.zeros((1, outward.shape[1]), inward.dtype)
    per_unit, per_output = scalar(1.0 / n_units), scalar(1.0 / n_outputs)
    step = scalar(c.step)
    for k in range(np.uintp(start), np.uintp(stop)):
        s = np.uintp(c.samples[k])
        first, last = c.indptr[s], c.indptr[s + np.uintp(1)]
        for m in range(n_kept):
            row = np.intp(c.kept[s, m]) * (n_features + 1)
            _feed_hidden(
                c.columns, c.values, first, last, inward, width_in, row, n_features, hidden, m
            )
        for j in range(width_out):
            z = splat(zero)
            for m in range(n_kept):
                row = np.intp(c.kept[s, m]) * (n_units + 1)
                z = z + _feed_output(hidden, m, outward, row, n_units, j)
            store(slope, 0, j, z)
        _link(c.output, slope, n_outputs)
        norm = splat(zero)
        for j in range(width_out):
            d = load(slope, 0, j) - load(c.targets, s, j)
            store(slope, 0, j, d)
            norm = norm + d * d
        square = total(norm) * per_output
        for m in range(n_kept):
            row = np.intp(c.kept[s, m]) * (n_units + 1)
            for u in range(n_units):
                h = hidden[m, u]
                dot = load(outward, row + u, 0) * load(slope, 0, 0)
                for j in range(1, width_out):
                    dot = dot + load(outward, row + u, j) * load(slope, 0, j)
                back[0, u] = total(dot) if h > zero else zero
                _descend(outward, width_out, squares_out, row + u, slope, h, square, step)
            _descend(outward, width_out, squares_out, row + n_units, slope, one, square, step)
            norm = splat(zero)
            for j in range(width_in):
                norm = norm + load(back, 0, j) * load(back, 0, j)
            back_square = total(norm) * per_unit
            row = np.intp(c.kept[s, m]) * (n_features + 1)
            for i in range(np.uintp(first), np.uintp(last)):
                at = row + np.intp(c.columns[i])
                _descend(inward, width_in, squares_in, at, back, c.values[i], back_square, step)
            at = row + n_features
            _descend(inward, width_in, squares_in, at, back, one, back_square, step)


@inline
def _feed_hidden(
    columns: Any, values: Any, first: int, last: int, inward: Any, width: int, row: int,
    n_features: int, hidden: Any, m: int,
) -> None:  # fmt: skip
    """Set ``hidden[m]`` to the units of the group whose weights start at a row."""
    for j in range(width):
        a = load(inward, row + n_features, j)
        for i in range(np.uintp(first), np.uintp(last)):
            a = a + splat(values[i]) * load(inward, row + np.intp(columns[i]), j)
        store(hidden, m, j, positive_part(a))


@inline
def _feed_output(hidden: Any, m: int, outward: Any, row: int, n_units: int, j: int) -> Any:
    """Return a vector of what a group adds to the outputs."""
    z = load(outward, row + n_units, j)
    for u in range(n_units):
        z = z + splat(hidden[m, u]) * load(outward, row + u, j)
    return z


@inline
def _descend(
    rows: Any,
    width: int,
    squares: Any,
    row: int,
    slope: Any,
    factor: Any,
    mean_square: Any,
    step: Any,
) -> None:
    """Take a step with the gradient ``factor * slope``, whose slope has the given mean square."""
    squares[row] += (factor * factor) * mean_square
    pull = splat(step / np.sqrt(squares[row]) * factor)
    for j in range(width):
        store(rows, row, j, load(rows, row, j) - pull * load(slope, 0, j))


@inline
def _link(output: int, z: Any, n_outputs: int) -> None:
    """Turn outputs ``z[0]`` into predictions, in float64 and in place."""
    scalar = z.dtype.type
    if output == _SOFTMAX:
        most = np.float64(z[0, 0])
        for j in range(1, n_outputs):
            most = max(most, np.float64(z[0, j]))
        sum_ = 0.0
        for j in range(n_outputs):
            e = exp(np.float64(z[0, j]) - most)
            sum_ += e
            z[0, j] = scalar(e)
        for j in range(n_outputs):
            z[0, j] = scalar(np.float64(z[0, j]) / sum_)
    elif output == _LOGISTIC:
        for j in range(n_outputs):
            z[0, j] = scalar(sigmoid_of_minus(-np.float64(z[0, j])))


@jit
def outputs_worker(
    thread: int, n_threads: int, indptr: Any, columns: Any, values: Any, inward: Any,
    outward: Any, n_groups: int, share: float, outputs: Any, stop_flag: Any,
) -> bool:  # fmt: skip
    """Set each row of `outputs` to the mean outputs over all masks: `share` times those of all.

    Every sample is computed by itself, so the result is the same for any number of threads.
    """
    n_features, n_units = inward.shape[0] // n_groups - 1, outward.shape[0] // n_groups - 1
    width = inward.shape[1] * inward.itemsize // 64
    n = indptr.size - 1
    hidden = np.zeros((1, inward.shape[1]), inward.dtype)
    scale = splat(inward.dtype.type(share))
    for s in range(n * thread // n_threads, n * (thread + 1) // n_threads):
        if load_acquire(stop_flag, 0):
            break
        outputs[s] = 0
        for g in range(n_groups):
            _feed_hidden(
                columns, values, indptr[s], indptr[s + 1], inward, width, g * (n_features + 1),
                n_features, hidden, 0,
            )  # fmt: skip
            for j in range(outward.shape[1] * outward.itemsize // 64):
                z = _feed_output(hidden, 0, outward, g * (n_units + 1), n_units, j)
                store(outputs, s, j, load(outputs, s, j) + scale * z)
    return False


@jit
def mean_loss(output: int, outputs: Any, targets: Any, n_outputs: int) -> float:
    """Return the mean loss over the samples, added up in order."""
    sum_ = 0.0
    for s in range(outputs.shape[0]):
        if output == _SOFTMAX:
            most = np.float64(outputs[s, 0])
            for j in range(1, n_outputs):
                most = max(most, np.float64(outputs[s, j]))
            rest = -1.0  # the largest exponential is 1
            for j in range(n_outputs):
                rest += exp(np.float64(outputs[s, j]) - most)
                sum_ -= np.float64(targets[s, j]) * (np.float64(outputs[s, j]) - most)
            sum_ += log1p(rest)
        else:
            for j in range(n_outputs):
                z, t = np.float64(outputs[s, j]), np.float64(targets[s, j])
                sum_ += softplus(z) - t * z if output == _LOGISTIC else 0.5 * (z - t) * (z - t)
    return sum_ / outputs.shape[0]


@jit
def draw_masks(kept: Any, n_groups: int, key: Any) -> None:
    """Set each row to a uniformly random set of groups, ascending (Knuth's algorithm S)."""
    n_kept = kept.shape[1]
    for s in range(kept.shape[0]):
        found = 0
        for g in range(n_groups):
            bits = mix(key, s * n_groups + g) >> np.uint64(32)
            below = np.int64((bits * np.uint64(n_groups - g)) >> np.uint64(32))
            if below < n_kept - found:
                kept[s, found] = g
                found += 1


@jit
def draw_parts(kept: Any, parts: Any, key: Any) -> None:
    """Set each row to a random row of `parts`."""
    n_parts = parts.shape[0]
    for s in range(kept.shape[0]):
        bits = mix(key, s) >> np.uint64(32)
        kept[s] = parts[np.intp((bits * np.uint64(n_parts)) >> np.uint64(32))]


@jit
def first_free_colours(indptr: Any, indices: Any, n_resources: int) -> Any:
    """Give each task in turn the first colour in which all of its resources are free."""
    n = indptr.size - 1
    used = np.zeros((n, n_resources), np.bool_)
    colours = np.empty(n, np.int64)
    for t in range(n):
        colour = 0
        while True:
            free = True
            for k in range(indptr[t], indptr[t + 1]):
                free = free and not used[colour, np.intp(indices[k])]
            if free:
                break
            colour += 1
        for k in range(indptr[t], indptr[t + 1]):
            used[colour, np.intp(indices[k])] = True
        colours[t] = colour
    return colours

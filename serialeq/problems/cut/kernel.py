"""Updates for one edge of a graph that is cut, the relaxed objective, and rounding.

For an edge (u, v) of weight w and a step s, both ends move towards each other,

    m = clip(0.95 (x_u - x_v), -s w, s w)        x_u <- P(x_u - m)        x_v <- P(x_v + m)

a subgradient step on ``w |x_u - x_v|_1`` where it is short, and otherwise one that all but swaps
the two: the proximal step, which would go half the way, over-relaxed by 1.9. (Incremental
proximal methods: Bertsekas 2011. Over-relaxation: Young 1954; without it, values take some ten
times as many epochs to spread over a large part.) P projects on the simplex; a seed is projected
on its corner, so it stays. With two labels one number, the second coordinate, is the whole state,
and it never leaves [0, 1].
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from serialeq.native.atomics import load_acquire
from serialeq.native.jit import inline, jit
from serialeq.native.kernel import kernel

CHUNK = 1 << 16
"""Edges per partial sum of the objective."""

_REACH = np.float32(0.95)


class CutContext(NamedTuple):
    """What the kernels work on: ``V`` nodes (variables), ``n`` packed edges."""

    pairs: np.ndarray
    """(n, 2) uint32: twice the row of each end, plus one if it is a seed."""
    weights: np.ndarray
    """(n,) float32: weights of the edges, the largest of all being 1."""
    x: np.ndarray
    """(V,) float32, the share of the second label; with more than two (V, K), of each."""
    step: np.ndarray
    """(1,) float32."""


@inline
def _clip(d: Any, limit: Any) -> Any:
    return max(min(d, limit), -limit)


@kernel
def two_way_kernel(c: Any, start: int, stop: int) -> None:
    """Apply the edges at packed positions ``start <= k < stop``: two labels."""
    pairs, weights, x = c.pairs, c.weights, c.x
    step, none = c.step[0], np.float32(0.0)
    for k in range(np.uintp(start), np.uintp(stop)):
        first, second = np.uintp(pairs[k, 0]), np.uintp(pairs[k, 1])
        u, v = first >> np.uintp(1), second >> np.uintp(1)
        a, b = x[u], x[v]
        move = _clip(_REACH * (a - b), step * weights[k])
        x[u] = a - (none if first & np.uintp(1) else move)
        x[v] = b + (none if second & np.uintp(1) else move)


@kernel
def multiway_kernel(c: Any, start: int, stop: int) -> None:
    """Apply the edges at packed positions ``start <= k < stop``: any number of labels."""
    pairs, weights, x = c.pairs, c.weights, c.x
    step = c.step[0]
    for k in range(np.uintp(start), np.uintp(stop)):
        first, second = np.uintp(pairs[k, 0]), np.uintp(pairs[k, 1])
        u, v = first >> np.uintp(1), second >> np.uintp(1)
        limit = step * weights[k]
        u_moves, v_moves = not first & np.uintp(1), not second & np.uintp(1)
        for j in range(x.shape[1]):
            a, b = x[u, j], x[v, j]
            move = _clip(_REACH * (a - b), limit)
            if u_moves:
                x[u, j] = a - move
            if v_moves:
                x[v, j] = b + move
        if u_moves:
            _project(x, u)
        if v_moves:
            _project(x, v)


@inline
def _project(x: Any, row: Any) -> None:
    """Project a row on the simplex: subtract a number and cut at zero (Michelot 1986)."""
    n_labels = x.shape[1]
    excess = np.float32(-1.0)
    for j in range(n_labels):
        excess += x[row, j]
    count = n_labels
    threshold = excess / np.float32(count)
    for _ in range(n_labels):  # each round leaves out what falls below the threshold
        excess, kept = np.float32(-1.0), 0
        for j in range(n_labels):
            if x[row, j] > threshold:
                excess += x[row, j]
                kept += 1
        if kept == count or kept == 0:
            break
        count = kept
        threshold = excess / np.float32(count)
    for j in range(n_labels):
        x[row, j] = max(x[row, j] - threshold, np.float32(0.0))


@jit
def gather_edges(
    edges: Any, weights: Any, scale: Any, is_seed: Any, samples: Any, out_pairs: Any,
    out_weights: Any,
) -> None:  # fmt: skip
    """Lay the edges out in the order of `samples`, as `CutContext` has them."""
    for k in range(samples.size):
        e = np.uintp(samples[k])
        for side in range(2):
            row = edges[e, side]
            out_pairs[k, side] = np.uint32(2) * row + np.uint32(is_seed[np.uintp(row)])
        out_weights[k] = weights[e] * scale


@jit
def objective_worker(
    thread: int, n_threads: int, x: Any, edges: Any, weights: Any, partial: Any, stop_flag: Any
) -> bool:
    """Set ``partial[i]`` to ``sum w |x_u - x_v|_1`` of chunk ``i``, for every n_threads-th chunk.

    ``x`` is (V, K). A chunk's sum depends on the chunk alone.
    """
    for i in range(thread, partial.size, n_threads):
        if load_acquire(stop_flag, 0):
            break
        total = 0.0
        for e in range(np.uintp(i * CHUNK), np.uintp(min((i + 1) * CHUNK, weights.size))):
            u, v = np.uintp(edges[e, 0]), np.uintp(edges[e, 1])
            distance = 0.0
            for j in range(x.shape[1]):
                distance += abs(np.float64(x[u, j]) - np.float64(x[v, j]))
            total += weights[e] * distance
        partial[i] = total
    return False


@jit
def cut_weight(labels: Any, edges: Any, weights: Any) -> float:
    """Return the weight of the edges whose ends have different labels, added up in order."""
    total = 0.0
    for e in range(weights.size):
        if labels[np.uintp(edges[e, 0])] != labels[np.uintp(edges[e, 1])]:
            total += weights[e]
    return total


@jit
def threshold_changes(ranks: Any, n_ranks: int, edges: Any, weights: Any) -> Any:
    """Return by how much the cut {rank <= t} outweighs the cut {rank < t}, for every t."""
    change = np.zeros(n_ranks)
    for e in range(weights.size):
        a, b = ranks[np.uintp(edges[e, 0])], ranks[np.uintp(edges[e, 1])]
        change[np.uintp(min(a, b))] += weights[e]
        change[np.uintp(max(a, b))] -= weights[e]
    return change

"""Graph cuts in plain Python, written from the formulas: one float32 operation after the other."""

from __future__ import annotations

from itertools import product

import numpy as np

F = np.float32


def project(row: np.ndarray) -> np.ndarray:
    """Project on the simplex: subtract a number and cut at zero, by Michelot's algorithm."""
    kept = list(range(row.size))
    while True:
        excess = F(-1.0)
        for j in kept:
            excess = excess + row[j]
        threshold = excess / F(len(kept))
        still = [j for j in range(row.size) if row[j] > threshold]
        if len(still) in (0, len(kept)):
            break
        kept = still
    return np.array([max(value - threshold, F(0.0)) for value in row], dtype=F)


def cut(
    edges: np.ndarray,
    weights: np.ndarray,
    seeds: np.ndarray,
    start: np.ndarray,
    epochs: list[np.ndarray],
    step: float,
    decay: float,
) -> np.ndarray:
    """Train serially, one sequence of edges per epoch, from x = `start`; return x."""
    scale = F(1.0 / float(weights.max())) if weights.size else F(0.0)
    two = start.ndim == 1
    x = np.stack([F(1.0) - start, start], axis=1) if two else start.copy()
    columns = [1] if two else range(x.shape[1])
    for epoch, samples in enumerate(epochs):
        gamma = step
        for _ in range(epoch):
            gamma *= decay
        for e in samples:
            u, v = edges[e]
            limit = F(gamma) * (weights[e] * scale)
            ends = x[u].copy(), x[v].copy()
            for j in columns:
                wish = F(0.95) * (ends[0][j] - ends[1][j])
                move = max(min(wish, limit), -limit)
                ends[0][j] = ends[0][j] - move
                ends[1][j] = ends[1][j] + move
            for node, end in zip((u, v), ends, strict=True):
                if seeds[node] < 0:
                    x[node] = end if two else project(end)
    return x[:, 1] if two else x


def objective(edges: np.ndarray, weights: np.ndarray, x: np.ndarray) -> float:
    """Return half of the sum of w |x_u - x_v|_1."""
    rows = np.stack([1.0 - x, x], axis=1) if x.ndim == 1 else x
    return sum(
        0.5
        * float(w)
        * sum(abs(float(a) - float(b)) for a, b in zip(rows[u], rows[v], strict=True))
        for (u, v), w in zip(edges, weights, strict=True)
    )


def grid(image: np.ndarray, beta: float) -> dict[tuple[int, int], float]:
    """Return the weight of each pair of neighbours, by their numbers in C order."""
    numbers = np.arange(image.size).reshape(image.shape)
    found = {}
    for place in product(*map(range, image.shape)):
        for axis in range(image.ndim):
            other = tuple(p + (a == axis) for a, p in enumerate(place))
            if other[axis] < image.shape[axis]:
                d = float(image[place]) - float(image[other])
                found[int(numbers[place]), int(numbers[other])] = d
    mean = np.mean(np.square(list(found.values())))
    return {
        pair: float(np.exp(-beta * d * d / (2 * mean) if mean else 0.0)) + 1e-6
        for pair, d in found.items()
    }

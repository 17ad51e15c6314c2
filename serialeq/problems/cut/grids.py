"""Edges of a 3-d grid, weighted by differences of grey values, and a walk through a graph."""

from __future__ import annotations

from typing import Any

import numpy as np

from serialeq.native.elementary import exp
from serialeq.native.jit import jit

_FAINTEST = 1e-6  # weight that an edge has at least, so that no voxel is cut off
_STEEPEST = 1e200  # times 0 it is still 0


@jit
def grid_edges(image: Any, beta: float) -> Any:
    """Return the edges between neighbours of a 3-d image, and their weights (`grid_graph`).

    Uint32 (n, 2), axis after axis, voxels numbered in C order; and float32 (n,).
    """
    shape = image.shape
    stride = (shape[1] * shape[2], shape[2], 1)
    flat = image.reshape(-1)
    n = 3 * flat.size - flat.size // shape[0] - flat.size // shape[1] - flat.size // shape[2]
    edges = np.empty((n, 2), np.uint32)
    weights = np.empty(n, np.float32)
    squares = 0.0
    e = 0
    for axis in range(3):
        for node, place in enumerate(np.ndindex(shape)):
            if place[axis] + 1 < shape[axis]:
                other = node + stride[axis]
                d = np.float64(flat[node]) - np.float64(flat[other])
                edges[e, 0], edges[e, 1] = node, other
                weights[e] = abs(d)
                squares += d * d
                e += 1
    scale = min(beta * n / (2.0 * squares), _STEEPEST) if squares > 0.0 else 0.0
    for e in range(n):
        d = np.float64(weights[e])
        weights[e] = exp(-scale * d * d) + _FAINTEST
    return edges, weights


@jit
def breadth_first(indptr: Any, indices: Any) -> Any:
    """Return all nodes of a graph breadth first, from the lowest of each component (CSR)."""
    n = indptr.size - 1
    order = np.empty(n, np.int64)
    found = np.zeros(n, np.bool_)
    n_done = n_found = 0
    for start in range(n):
        if not found[start]:
            found[start] = True
            order[n_found] = start
            n_found += 1
        while n_done < n_found:
            node = order[n_done]
            n_done += 1
            for k in range(indptr[node], indptr[node + 1]):
                other = indices[k]
                if not found[other]:
                    found[other] = True
                    order[n_found] = other
                    n_found += 1
    return order

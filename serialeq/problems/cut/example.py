"""A small problem, for golden digests, tests and races."""

from __future__ import annotations

from typing import Any

import numpy as np

from serialeq.native.random import permutation

from .graphs import grid_graph
from .problem import GraphCut


def example(n: int = 1, *, n_labels: int = 2, **options: Any) -> GraphCut:
    """Return the cut of an image of two halves, 20 pixels wide and 20 n high, into 2 or 3 parts."""
    size = 400 * n
    image = (permutation(size, 3).astype(np.float64) % 16).reshape(-1, 20) / 16.0
    image[:, 10:] += 2.0
    seeds = np.full(size, -1)
    seeds[[0, size - 1]] = 0, 1
    if n_labels > 2:
        seeds[210 * n] = 2
    return GraphCut(grid_graph(image, 1.0), seeds, n_labels, **options)

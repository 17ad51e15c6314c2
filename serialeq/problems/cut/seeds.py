"""Seeds of a cut: which nodes have a label from the start, and which ones none can reach."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from serialeq.errors import DataError

from .graphs import Graph

UNKNOWN = -1
"""Seed of a node that has none, and label of one that no seed reaches."""


def check_seeds(seeds: Any, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Return classes, ascending, and the number of the class of each node's seed, or −1 (flat).

    DataError: if there is not one integer of at least −1 for each node, or fewer than two labels.
    """
    seeds = np.asarray(seeds)
    if seeds.shape != shape or seeds.dtype.kind not in "iu":
        raise DataError(
            f"seeds: expected integers of shape {shape}, one for each node, got {seeds.dtype} of "
            f"shape {seeds.shape}"
        )
    if seeds.min() < UNKNOWN:
        place = tuple(int(i) for i in np.argwhere(seeds < UNKNOWN)[0])
        raise DataError(
            f"seeds: expected labels of at least 0, or -1 for no seed, got {seeds[place]} at "
            f"{place if len(place) > 1 else place[0]}"
        )
    classes = np.unique(seeds[seeds != UNKNOWN]).astype(np.int64)
    if classes.size < 2:
        raise DataError(
            f"seeds: expected seeds of at least two labels, got {classes.size}"
            + (f" (label {classes[0]})" if classes.size else " (all are -1)")
        )
    flat = seeds.reshape(-1).astype(np.int64)
    numbers = np.searchsorted(classes, flat).astype(np.int32)
    numbers[flat == UNKNOWN] = UNKNOWN
    return classes, numbers


def unreached(graph: Graph, seeds: np.ndarray) -> np.ndarray:
    """Return (n_nodes,) bool: which nodes are connected to no seed."""
    if len(graph.shape) > 1:  # every edge of a grid has some weight
        return np.zeros(graph.n_nodes, dtype=bool)
    ends = graph.edges.astype(np.int32).T
    matrix = sp.coo_array((graph.weights, (ends[0], ends[1])), shape=(graph.n_nodes,) * 2)
    components = sp.csgraph.connected_components(matrix, directed=False)[1]
    return ~np.isin(components, components[seeds != UNKNOWN])

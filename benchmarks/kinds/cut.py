"""Graph cuts of volumes."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from benchmarks.kinds import Source
from benchmarks.volumes import Volume, load_volume
from serialeq.problems.cut.graphs import Graph, grid_graph
from serialeq.problems.cut.problem import GraphCut

DATA = tuple(Volume)

_BETA = 1.0
_DECAY = 0.002 ** (1 / 20)  # to a five hundredth of the first step in 20 epochs


def source(name: str, quick: bool) -> Source:
    """Return the volume of that name; the quality is the weight of the edges cut."""
    image, seeds = load_volume(Volume(name), quick)
    graph = grid_graph(image, _BETA)
    return Source(
        f"{name}, {image.shape}, {graph.weights.size:,} edges, {graph.n_blocks} tiles",
        partial(_make, graph, seeds.reshape(-1).astype(np.int32)),
        lambda problem: float(problem.cut()[1]),
        "cut",
    )


def _make(graph: Graph, seeds: np.ndarray, **setting: Any) -> GraphCut:
    return GraphCut(graph, seeds, 2, **{"decay": _DECAY} | setting)

"""Graphs to cut: edges, weights and blocks of grids and of sparse matrices."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from problems.cut import oracle

from serialeq import DataError
from serialeq.problems.cut.graphs import grid_graph, matrix_graph, tile_shape


@pytest.mark.parametrize("shape", [(5, 7), (1, 6), (3, 4, 5), (2, 1, 3)])
@pytest.mark.parametrize("beta", [0.0, 1.0, 30.0])
@pytest.mark.parametrize("dtype", [np.float64, np.uint8, bool])
def test_edges_of_a_grid(shape: tuple[int, ...], beta: float, dtype: Any) -> None:
    image = (200 * np.random.default_rng(0).random(shape)).astype(dtype)
    graph = grid_graph(image, beta)
    expected = oracle.grid(image, beta)
    found = dict(zip(map(tuple, graph.edges.tolist()), graph.weights.tolist(), strict=True))
    assert len(found) == graph.weights.size
    assert found.keys() == expected.keys()
    for pair, weight in expected.items():
        assert found[pair] == pytest.approx(weight, rel=1e-5)


@given(shape=st.lists(st.integers(1, 70), min_size=2, max_size=3).map(tuple))
def test_tiles_are_small_boxes_and_many(shape: tuple[int, ...]) -> None:
    tile = tile_shape(shape)
    assert np.prod(tile) <= 1 << 14
    blocks = np.prod([-(-n // side) for n, side in zip(shape, tile, strict=True)])
    assert blocks >= 16 or np.prod(tile) <= 64
    if np.prod(shape) > 1:
        image = np.zeros(shape, dtype=np.uint8)
        graph = grid_graph(image, 1.0)
        assert graph.n_blocks == blocks
        labels = graph.blocks.reshape(shape)
        first = tuple(slice(0, side) for side in tile)
        assert (labels == 0).sum() == labels[first].size
        assert (labels[first] == 0).all()
        assert labels.max() == blocks - 1


def test_blocks_of_a_graph_are_runs_of_near_nodes() -> None:
    n = 1000
    names = np.random.default_rng(0).permutation(n)
    path = sp.coo_array((np.ones(n - 1), (names[:-1], names[1:])), shape=(n, n)).tocsr()
    graph = matrix_graph(path + path.T)
    sizes = np.bincount(graph.blocks)
    assert sizes.size == graph.n_blocks == 15
    assert sizes.max() - sizes.min() <= 1
    between = graph.blocks[graph.edges[:, 0]] != graph.blocks[graph.edges[:, 1]]
    assert between.sum() == graph.n_blocks - 1


def cuthill_mckee(neighbours: list[set[int]]) -> list[int]:
    """Return the nodes breadth first; fewer neighbours first, then lower numbers."""

    def degree_first(nodes: Any) -> list[int]:
        return sorted(nodes, key=lambda node: (len(neighbours[node]), node))

    order: list[int] = []
    found: set[int] = set()
    for start in degree_first(range(len(neighbours))):
        queue = [] if start in found else [start]
        found.add(start)
        while queue:
            node = queue.pop(0)
            order.append(node)
            queue += degree_first(neighbours[node] - found)
            found |= neighbours[node]
    return order


@pytest.mark.parametrize("mean_degree", [0.5, 3.0])
def test_blocks_of_a_graph_depend_on_no_sort_of_the_machine(mean_degree: float) -> None:
    n = 1000
    half = sp.random_array((n, n), density=mean_degree / 2 / n, rng=np.random.default_rng(1))
    graph = matrix_graph(half + half.T)
    neighbours: list[set[int]] = [set() for _ in range(n)]
    for u, v in graph.edges.tolist():
        neighbours[u].add(v)
        neighbours[v].add(u)
    order = cuthill_mckee(neighbours)
    np.testing.assert_array_equal(graph.blocks[order], np.arange(n) * graph.n_blocks // n)


def test_half_precision_is_as_good_as_single() -> None:
    image = np.random.default_rng(0).random((6, 7)).astype(np.float16)
    expected = grid_graph(image.astype(np.float32), 1.0)
    assert grid_graph(image, 1.0).weights.tobytes() == expected.weights.tobytes()


def test_edges_have_to_have_numbers_of_32_bits() -> None:
    image = np.broadcast_to(np.float32(0.0), (1024, 1024, 1024))
    with pytest.raises(DataError, match="image: expected up to 2147483647 edges, got 3218079744"):
        grid_graph(image, 1.0)

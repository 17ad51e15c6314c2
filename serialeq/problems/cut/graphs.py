"""Graphs to cut: the grid of an image or a volume, or a sparse matrix; divided into blocks."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import scipy.sparse as sp

from serialeq.errors import DataError
from serialeq.native.incidence import LIMIT

from .grids import breadth_first, grid_edges

_TILE_NODES = 1 << 14  # the numbers of a tile are well inside a second-level cache
_MIN_BLOCKS = 16
_LEAST_NODES = 64  # of a block
_MOST_RUNS = 64  # into which a graph is cut, as every two of them may be neighbours
_LARGEST_VALUE = 1e18  # of an image, as differences are squared


@dataclass(frozen=True, eq=False)
class Graph:
    """An undirected graph with weights, its nodes divided into blocks.

    Attributes
    ----------
    edges : array of uint32, shape (n_edges, 2)
        The two different ends of each edge.
    weights : array of float32, shape (n_edges,)
        Finite and positive.
    blocks : array of uint32, shape (n_nodes,)
        Block of each node; a function of the data alone.
    n_blocks : int
    shape : tuple of int
        Of an array with a value for each node: the image's, or (n_nodes,).
    """

    edges: np.ndarray
    weights: np.ndarray
    blocks: np.ndarray
    n_blocks: int
    shape: tuple[int, ...]

    @property
    def n_nodes(self) -> int:
        """Number of nodes."""
        return int(self.blocks.size)


def graph_of(X: Any, beta: float) -> Graph:
    """Return the graph of an image, a volume or a sparse matrix, checked; or that which is one."""
    if isinstance(X, Graph):
        return X
    return matrix_graph(X) if sp.issparse(X) else grid_graph(X, beta)


def grid_graph(image: Any, beta: float) -> Graph:
    """Return the graph of an image's pixels or a volume's voxels; its blocks are tiles.

    Neighbours on an axis (4 or 6 of them) are joined with weight
    ``exp(-beta d**2 / (2 mean d**2)) + 1e-6``, d being the difference of their values and the
    mean that of all edges (Rother, Kolmogorov, Blake 2004, GrabCut, eq. 4 and 5).

    Raises
    ------
    DataError
        If the image is not two- or three-dimensional, not of real finite numbers, or too large.
    """
    image = np.asarray(image)
    if image.ndim not in (2, 3) or image.dtype.kind not in "buif":
        raise DataError(
            f"image: expected a 2-d or 3-d array of real numbers, got {image.ndim}-d {image.dtype}"
        )
    _check_size("image", image.size, sum(image.size - image.size // n for n in image.shape if n))
    grey = np.ascontiguousarray(image, dtype=np.float32 if image.itemsize <= 2 else np.float64)
    wrong = ~(np.abs(grey) <= _LARGEST_VALUE) if image.dtype.kind == "f" else np.zeros(0, bool)
    if wrong.any():
        place = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise DataError(
            f"image: expected finite values up to {_LARGEST_VALUE:g}, got {image[place]} at {place}"
        )
    edges, weights = grid_edges(grey.reshape((1,) * (3 - image.ndim) + image.shape), float(beta))
    sides = zip(image.shape, tile_shape(image.shape), strict=True)
    places = [np.arange(n) // side for n, side in sides]
    counts = [int(place[-1]) + 1 for place in places]
    blocks = np.ravel_multi_index(np.ix_(*places), counts).astype(np.uint32)
    return Graph(edges, weights, blocks.reshape(-1), prod(counts), image.shape)


def tile_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the sides of a grid's tiles: powers of two.

    The longest side is halved, the first of equals, until the tile fits the cache and there are
    16 tiles, or tiles would be tiny.
    """
    tile = [1 << (n - 1).bit_length() for n in shape]
    while prod(tile) > _LEAST_NODES:
        n_blocks = prod(-(-n // side) for n, side in zip(shape, tile, strict=True))
        if prod(tile) <= _TILE_NODES and n_blocks >= _MIN_BLOCKS:
            break
        tile[tile.index(max(tile))] //= 2
    return tuple(tile)


def matrix_graph(adjacency: Any) -> Graph:
    """Return the graph of a symmetric scipy sparse matrix of weights; its diagonal is ignored.

    Blocks are equal runs of the Cuthill–McKee order, in which neighbours are near each other.
    Weights are rounded to float32; what rounds to 0 is no edge.

    Raises
    ------
    DataError
        If the matrix is not square, symmetric, and of finite weights of at least 0, or if its
        largest weight is subnormal.
    """
    shape = adjacency.shape
    if len(shape) != 2 or shape[0] != shape[1] or adjacency.dtype.kind not in "buif":
        raise DataError(
            f"graph: expected a square matrix of real numbers, got {adjacency.dtype} of shape "
            f"{shape}"
        )
    n_nodes = shape[0]
    _check_size("graph", n_nodes, adjacency.nnz // 2)
    matrix = sp.csr_array(adjacency, dtype=np.float64, copy=True)
    matrix.sum_duplicates()
    with np.errstate(over="ignore"):
        matrix = matrix.astype(np.float32)
    entries = matrix.tocoo()
    wrong = ~(np.isfinite(entries.data) & (entries.data >= 0))
    if wrong.any():
        e = int(np.argmax(wrong))
        raise DataError(
            f"graph: expected finite weights of at least 0, got {entries.data[e]} for the nodes "
            f"{entries.row[e]} and {entries.col[e]}"
        )
    if (matrix != matrix.T).nnz:
        raise DataError(
            "graph: expected a symmetric matrix, got another; use (A + A.T) / 2, or A + A.T of a "
            "triangle"
        )
    kept = (entries.row < entries.col) & (entries.data > 0)
    edges = np.stack([entries.row[kept], entries.col[kept]], axis=1).astype(np.uint32)
    weights = entries.data[kept]
    if weights.size and weights.max() < np.finfo(np.float32).tiny:
        raise DataError(
            f"graph: expected a largest weight of {np.finfo(np.float32).tiny:.2g} or more, got "
            f"{weights.max():.2g}; multiply all weights by a number"
        )
    n_blocks = max(1, min(_MOST_RUNS, n_nodes // _LEAST_NODES))
    position = np.empty(n_nodes, dtype=np.int64)
    position[_cuthill_mckee(edges, n_nodes)] = np.arange(n_nodes)
    blocks = (position * n_blocks // n_nodes).astype(np.uint32)
    return Graph(edges, weights, blocks, n_blocks, (n_nodes,))


def _cuthill_mckee(edges: np.ndarray, n_nodes: int) -> np.ndarray:
    """Return the nodes breadth first, those of fewer neighbours first (Cuthill, McKee 1969).

    SciPy's function sorts by degree as ``np.argsort`` does, with ties in an order that differs
    from CPU to CPU. Here the lower number is first.
    """
    by_degree = np.argsort(np.bincount(edges.reshape(-1), minlength=n_nodes), kind="stable")
    rank = np.empty(n_nodes, dtype=np.int32)
    rank[by_degree] = np.arange(n_nodes)
    u, v = rank[edges].T
    ones = np.ones(u.size, dtype=np.int8)
    matrix = sp.csr_array((ones, (u, v)), shape=(n_nodes, n_nodes))
    matrix = matrix + matrix.T
    matrix.sort_indices()
    return by_degree[breadth_first(matrix.indptr, matrix.indices)]


def _check_size(name: str, n_nodes: int, n_edges: int) -> None:
    if not 2 <= n_nodes < LIMIT:
        raise DataError(f"{name}: expected 2 to {LIMIT - 1} nodes, got {n_nodes}")
    if n_edges >= LIMIT:
        raise DataError(f"{name}: expected up to {LIMIT - 1} edges, got {n_edges}")

"""The lecture's three problems on generated data: sparse SVM, matrix completion, graph cuts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from serialeq.hypergraph import Hypergraph
from serialeq.order import Order
from serialeq.problem import Problem
from serialeq.problems.cut.graphs import grid_graph
from serialeq.problems.cut.problem import GraphCut
from serialeq.problems.linear.parameters import LinearParameters
from serialeq.problems.linear.problem import LinearModel
from serialeq.problems.mf.problem import Entries, Factorization
from serialeq.problems.mf.ratings import generate_ratings
from serialeq.training.session import OrderSource

from .stragglers import generator

_WORDS_PER_TEXT = 75  # as in RCV1
_FLAT = 30  # rank from which on word frequencies fall as 1 / rank


@dataclass(frozen=True)
class Workload:
    """A problem to be run by several engines.

    Attributes
    ----------
    name, title : str
    make : callable
        Returns a new problem at its starting point.
    per_line : int
        Variables that share a cache line; 1: a variable has lines of its own.
    has_blocks : bool
        The problem has a blocked order.
    """

    name: str
    title: str
    make: Callable[[], Problem]
    per_line: int
    has_blocks: bool = True

    def lines(self, problem: Problem) -> Hypergraph:
        """Return the cache lines of each sample."""
        graph = problem.hypergraph
        return Hypergraph(
            graph.indices // np.uint32(self.per_line),
            graph.arity or graph.indptr,
            -(-graph.n_variables // self.per_line),
            check=False,
        )


def make_order(problem: Problem, name: str, seed: int) -> Order:
    """Return the order of the first epoch."""
    return OrderSource(problem, name, seed).epoch(0)


def matrix_completion(n_ratings: int, seed: int) -> Workload:
    """Factorise ratings with the shape of Netflix's, rank 32."""
    ratings = generate_ratings(n_ratings, n_ratings // 80, n_ratings // 250, seed=seed)

    entries = Entries(ratings.users, ratings.items, ratings.values, ratings.shape)

    def make() -> Problem:
        return Factorization(entries, seed=seed)

    return Workload("mf", f"Matrix completion, {n_ratings:,} ratings", make, per_line=1)


def graph_cut(side: int, seed: int) -> Workload:
    """Cut a ball out of a noisy volume of side × 2 side × 2 side voxels."""
    shape = (side, 2 * side, 2 * side)
    rng = generator(seed, 10)
    squares = [(place - n / 2) ** 2 for place, n in zip(np.indices(shape), shape, strict=True)]
    inside = np.add.reduce(squares) < (side / 3) ** 2
    graph = grid_graph(100.0 * inside + rng.normal(0.0, 25.0, shape), beta=1.0)
    seeds = np.full(inside.size, -1, dtype=np.int32)
    chosen = rng.random(inside.size) < 0.01
    seeds[chosen] = inside.reshape(-1)[chosen]
    title = f"Graph cut, {graph.weights.size:,} edges"
    return Workload("cut", title, lambda: GraphCut(graph, seeds, 2), per_line=16)


def generate_texts(n_texts: int, n_words: int, seed: int) -> tuple[sp.csr_array, np.ndarray]:
    """Return rows of unit length with words as frequent as in texts, and labels ±1, (n, 1)."""
    rng = generator(seed, 11)
    bounds = np.cumsum(1.0 / (np.arange(n_words) + _FLAT))
    size = n_texts * _WORDS_PER_TEXT
    words = np.searchsorted(bounds, rng.random(size) * bounds[-1]).astype(np.int32)
    texts = np.repeat(np.arange(n_texts), _WORDS_PER_TEXT)
    X = sp.csr_array((np.ones(size), (texts, words)), shape=(n_texts, n_words))
    X.sum_duplicates()
    X.data = (np.log1p(X.data) * np.log((n_words + _FLAT) / (X.indices + 1.0))).astype(np.float32)
    lengths = np.sqrt(np.add.reduceat(X.data.astype(np.float64) ** 2, X.indptr[:-1]))
    X.data /= np.repeat(lengths, np.diff(X.indptr)).astype(np.float32)
    margins = X @ rng.normal(size=n_words)
    return X, np.where(margins > np.median(margins), 1.0, -1.0)[:, None]


def sparse_svm(n_texts: int, seed: int, arithmetic: str = "float64") -> Workload:
    """Separate texts by a linear SVM without an intercept, which all samples would share."""
    X, labels = generate_texts(n_texts, max(1000, n_texts * 2), seed)

    parameters = LinearParameters(
        fit_intercept=False, arithmetic=arithmetic, learning_rate="constant", eta0=0.1
    )

    def make() -> Problem:
        return LinearModel(X, labels, parameters)

    title = f"Sparse SVM, {n_texts:,} texts"
    return Workload("svm", title, make, per_line=8, has_blocks=False)


def dense_classifier(n_samples: int, n_features: int, seed: int) -> Callable[[], LinearModel]:
    """Return what makes a dense logistic regression on random data."""
    rng = generator(seed, 12)
    X = rng.normal(size=(n_samples, n_features)).clip(-4.0, 4.0).astype(np.float32)
    labels = np.where(X @ rng.normal(size=n_features) > 0, 1.0, -1.0)[:, None]
    return lambda: LinearModel(X, labels, LinearParameters("log_loss"))

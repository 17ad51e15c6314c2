"""A small instance of every problem, for run directories and golden digests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp

from serialeq import TopicModel, WordEmbedding, generate_ratings
from serialeq.native.random import permutation
from serialeq.problem import Problem
from serialeq.problems.cut.graphs import grid_graph
from serialeq.problems.cut.problem import GraphCut
from serialeq.problems.linear.problem import LinearModel
from serialeq.problems.mf.problem import Factorization
from serialeq.problems.network.problem import DropoutNetwork


def ratings_problem(**options: Any) -> Factorization:
    made = generate_ratings(3_000, n_users=120, n_items=80, rank=4, seed=1)
    return Factorization(made.users, made.items, made.values, made.shape, n_factors=8, **options)


def rows(n: int = 240, width: int = 30, dense: bool = False) -> tuple[Any, np.ndarray]:
    """Return rows of eighths and labels, without any library's randomness."""
    numbers = permutation(n * width, 7).astype(np.int64).reshape(n, width)
    X = (numbers % 8) / 8.0
    X[numbers % 3 > 0] = 0.0
    y = np.where(X[:, :5].sum(axis=1) > X[:, 5:10].sum(axis=1), 1.0, -1.0)
    return (X if dense else sp.csr_array(X)), y[:, None]


def linear_problem(dense: bool = False, outputs: int = 1, **options: Any) -> LinearModel:
    X, y = rows(dense=dense)
    targets = np.hstack([y if k % 2 == 0 else -y for k in range(outputs)])
    return LinearModel(X, targets, alpha=1e-3, block=8, **options)


def cut_problem(n_labels: int) -> GraphCut:
    image = (permutation(400, 3).astype(np.float64) % 16).reshape(20, 20) / 16.0
    image[:, 10:] += 2.0
    seeds = np.full(400, -1)
    seeds[[0, 399]] = 0, 1
    if n_labels > 2:
        seeds[210] = 2
    return GraphCut(grid_graph(image, 1.0), seeds, n_labels)


def network_problem(**options: Any) -> DropoutNetwork:
    X, y = rows()
    targets = np.hstack([y > 0, y < 0]).astype(np.float64)
    return DropoutNetwork(X, targets, hidden_units=32, n_groups=8, n_kept=2, **options)


def embedding_problem() -> Factorization:
    numbers = permutation(900, 5).astype(np.int64).reshape(30, 30)
    both = numbers + numbers.T
    counts = sp.csr_array(np.where(both % 4 == 0, 1 + both % 9, 0))
    return WordEmbedding(8).problem(counts)


def topics_problem() -> Factorization:
    X, _ = rows()
    model = TopicModel(4)
    parameters = model._parameters()
    entries, _ = model._entries(model._documents(X, reset=True))
    return parameters.problem(entries)


# name: (make, order, engines with the same bits)
_FINE = ("serial", "dataflow", "groups", "cyclades", "locked")
CASES: dict[str, tuple[Callable[[], Problem], str, tuple[str, ...]]] = {
    "mf": (ratings_problem, "blocked", _FINE),
    "mf float64": (lambda: ratings_problem(dtype="float64"), "reshuffled", _FINE),
    "mf adagrad": (lambda: ratings_problem(schedule="adagrad"), "shuffled", _FINE),
    "mf inverse": (lambda: ratings_problem(schedule="inverse"), "reshuffled", _FINE),
    "svm": (linear_problem, "reshuffled", ("serial", "lookahead")),
    "logistic": (
        lambda: linear_problem(loss="log_loss", average_from=5), "shuffled",
        ("serial", "lookahead"),
    ),
    "dense": (lambda: linear_problem(dense=True, outputs=3), "reshuffled", ("serial", "lookahead")),
    "float64": (
        lambda: linear_problem(arithmetic="float64", loss="log_loss", average_from=1),
        "reshuffled", _FINE,
    ),
    "pegasos": (
        lambda: linear_problem(schedule="pegasos", loss="modified_huber"), "given",
        ("serial", "lookahead"),
    ),
    "cut": (lambda: cut_problem(2), "blocked", _FINE),
    "multiway": (lambda: cut_problem(3), "shuffled", _FINE),
    "embedding": (embedding_problem, "blocked", _FINE),
    "topics": (topics_problem, "blocked", _FINE),
    "network": (network_problem, "blocked", _FINE),
    "network independent": (
        lambda: network_problem(masks="independent", dtype="float64", output="logistic"),
        "reshuffled", _FINE,
    ),
}  # fmt: skip

"""A small instance of every problem, for run directories and golden digests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp

from serialeq.native.random import permutation
from serialeq.problem import Problem
from serialeq.problems.cut import example as cut
from serialeq.problems.embed import example as embed
from serialeq.problems.linear.problem import LinearModel
from serialeq.problems.mf import example as mf
from serialeq.problems.network.problem import DropoutNetwork
from serialeq.problems.topics import example as topics


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


def network_problem(**options: Any) -> DropoutNetwork:
    X, y = rows()
    targets = np.hstack([y > 0, y < 0]).astype(np.float64)
    return DropoutNetwork(X, targets, hidden_units=32, n_groups=8, n_kept=2, **options)


# name: (make, order, engines with the same bits)
_FINE = ("serial", "dataflow", "groups", "cyclades", "locked")
CASES: dict[str, tuple[Callable[[], Problem], str, tuple[str, ...]]] = {
    "mf": (mf.example, "blocked", _FINE),
    "mf float64": (lambda: mf.example(dtype="float64"), "reshuffled", _FINE),
    "mf adagrad": (lambda: mf.example(schedule="adagrad"), "shuffled", _FINE),
    "mf inverse": (lambda: mf.example(schedule="inverse"), "reshuffled", _FINE),
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
    "cut": (cut.example, "blocked", _FINE),
    "cut multiway": (lambda: cut.example(n_labels=3), "shuffled", _FINE),
    "embed": (embed.example, "blocked", _FINE),
    "topics": (topics.example, "blocked", _FINE),
    "network": (network_problem, "blocked", _FINE),
    "network independent": (
        lambda: network_problem(masks="independent", dtype="float64", output="logistic"),
        "reshuffled", _FINE,
    ),
}  # fmt: skip

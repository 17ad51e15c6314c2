"""A small instance of every problem, for run directories and golden digests."""

from __future__ import annotations

from collections.abc import Callable

from serialeq.problem import Problem
from serialeq.problems.cut import example as cut
from serialeq.problems.embed import example as embed
from serialeq.problems.linear import example as linear
from serialeq.problems.mf import example as mf
from serialeq.problems.network import example as network
from serialeq.problems.topics import example as topics

# name: (make, order, engines with the same bits)
_FINE = ("serial", "dataflow", "groups", "cyclades", "locked")
_SLICED = ("serial", "lookahead")
CASES: dict[str, tuple[Callable[[], Problem], str, tuple[str, ...]]] = {
    "mf": (mf.example, "blocked", _FINE),
    "mf float64": (lambda: mf.example(dtype="float64"), "reshuffled", _FINE),
    "mf adagrad": (lambda: mf.example(schedule="adagrad"), "shuffled", _FINE),
    "mf inverse": (lambda: mf.example(schedule="inverse"), "reshuffled", _FINE),
    "linear": (linear.example, "reshuffled", _SLICED),
    "linear logistic": (lambda: linear.example(loss="log_loss", average=5), "shuffled", _SLICED),
    "linear dense": (lambda: linear.example(dense=True, outputs=3), "reshuffled", _SLICED),
    "linear float64": (
        lambda: linear.example(arithmetic="float64", loss="log_loss", average=1),
        "reshuffled", _FINE,
    ),
    "linear pegasos": (
        lambda: linear.example(learning_rate="pegasos", loss="modified_huber"), "given", _SLICED,
    ),
    "cut": (cut.example, "blocked", _FINE),
    "cut multiway": (lambda: cut.example(n_labels=3), "shuffled", _FINE),
    "embed": (embed.example, "blocked", _FINE),
    "topics": (topics.example, "blocked", _FINE),
    "network": (network.example, "blocked", _FINE),
    "network independent": (
        lambda: network.example(masks="independent", dtype="float64", output="logistic"),
        "reshuffled", _FINE,
    ),
}  # fmt: skip

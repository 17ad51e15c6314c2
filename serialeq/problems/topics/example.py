"""A small problem, for golden digests, tests and races."""

from __future__ import annotations

from typing import Any

from serialeq.problem import Problem
from serialeq.problems.example_rows import example_rows

from .estimator import TopicModel


def example(n: int = 1, **parameters: Any) -> Problem:
    """Return the factorisation of 240 documents of 30 words, or of n times as many."""
    X, _ = example_rows(240 * n)
    return TopicModel(**{"n_components": 4} | parameters).problem(X)

"""A small problem, for golden digests, tests and races."""

from __future__ import annotations

from typing import Any

import numpy as np

from serialeq.problems.example_rows import example_rows

from .parameters import LinearParameters
from .problem import LinearModel


def example(n: int = 1, *, dense: bool = False, outputs: int = 1, **parameters: Any) -> LinearModel:
    """Return a model of 240 rows of 30 features, or n times as many rows."""
    X, y = example_rows(240 * n, dense=dense)
    targets = np.hstack([y if k % 2 == 0 else -y for k in range(outputs)])
    given = {"alpha": 1e-3, "block_size": 8} | parameters
    return LinearModel(X, targets, LinearParameters(**given))

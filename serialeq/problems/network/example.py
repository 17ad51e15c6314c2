"""A small problem, for golden digests, tests and races."""

from __future__ import annotations

from typing import Any

import numpy as np

from serialeq.problems.example_rows import example_rows

from .parameters import NetworkParameters
from .problem import DropoutNetwork


def example(n: int = 1, *, output: str | None = None, **parameters: Any) -> DropoutNetwork:
    """Return a network of 32 units for 240 rows of 30 features, or n times as many rows."""
    X, y = example_rows(240 * n)
    targets = np.hstack([y > 0, y < 0]).astype(np.float64)
    given = {"hidden_units": 32, "n_groups": 8, "n_kept": 2} | parameters
    return DropoutNetwork(X, targets, NetworkParameters(**given), output=output)

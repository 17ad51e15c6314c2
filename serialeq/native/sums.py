"""Sums in one order: the same bits on every machine."""

from __future__ import annotations

from typing import Any

from .jit import jit


@jit
def sequential_mean(values: Any) -> float:
    """Return the mean, added up in order: the same bits on every machine."""
    sum_ = 0.0
    for k in range(values.size):
        sum_ += values[k]
    return sum_ / values.size

"""Test toolkit: is a problem, an order or a schedule really as good as serial?

The names are imported when they are first used, so that all but the strategies work without
Hypothesis.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .chain import Chain
    from .equivalence import assert_serial_equivalent, first_difference
    from .exploration import explore, interleave
    from .golden import example, golden_digest
    from .schedules import check_schedule
    from .strategies import cases, hypergraphs, orders, problems, worker_counts
    from .supports import check_supports

_HOME = {
    "chain": ("Chain",),
    "equivalence": ("assert_serial_equivalent", "first_difference"),
    "exploration": ("explore", "interleave"),
    "golden": ("example", "golden_digest"),
    "schedules": ("check_schedule",),
    "strategies": ("cases", "hypergraphs", "orders", "problems", "worker_counts"),
    "supports": ("check_supports",),
}

__all__ = [
    "Chain",
    "assert_serial_equivalent",
    "cases",
    "check_schedule",
    "check_supports",
    "example",
    "explore",
    "first_difference",
    "golden_digest",
    "hypergraphs",
    "interleave",
    "orders",
    "problems",
    "worker_counts",
]


def __getattr__(name: str) -> Any:
    for module, names in _HOME.items():
        if name in names:
            return getattr(import_module(f".{module}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__

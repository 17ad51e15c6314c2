"""The parts of the page, by the keys of ``python -m lecture --only``."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from serialeq.errors import SerialeqError

from . import (
    barriers,
    baseline_sections,
    bound_sections,
    noise_sections,
    problem_sections,
    sparsity_sections,
    straggler_sections,
    twin_sections,
)
from .page import Section
from .settings import Settings

Part = Callable[[Settings], list[Section]]

PARTS: dict[str, tuple[Part, ...]] = {
    "stragglers": (straggler_sections.order_statistics, barriers.lifted_barriers),
    "hogwild": (problem_sections.speedup_plots, baseline_sections.baseline_sections),
    "noise": (noise_sections.noise_sections, bound_sections.bound_sections),
    "problems": (
        problem_sections.dense,
        sparsity_sections.sparsity_sections,
        problem_sections.remote_memory,
        barriers.synchronous_or_not,
    ),
    "equivalence": (twin_sections.twin_sections,),
}
"""What makes the sections of each key; the page shows them in this order."""


def check_key(key: str) -> None:
    """Raise SerialeqError unless `key` names a part of the page."""
    if key not in PARTS:
        raise SerialeqError(f"only: expected one of {', '.join(PARTS)}, got {key!r}")


def make_sections(settings: Settings, only: str | None = None) -> Iterator[Section]:
    """Yield the sections of one key, or all.

    Raises
    ------
    SerialeqError
        If there is no such key.
    """
    if only is not None:
        check_key(only)
    for key, parts in PARTS.items():
        if only in (None, key):
            for part in parts:
                yield from part(settings)

"""Contestants timed in turns, so that a noisy minute disturbs all of them alike."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

Lap = TypeVar("Lap")
Name = TypeVar("Name", bound=Hashable)

Turn = Callable[[], float]
"""A contestant's turn; returns the seconds to be counted for it."""


def seconds(action: Callable[[], object]) -> float:
    """Return the wall time of a call."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


@dataclass(frozen=True)
class Ratio:
    """How many times as fast one contestant is as another.

    Attributes
    ----------
    paired : float
        Median over the rounds of the ratio within a round.
    low, high : float
        Quartiles of the same.
    of_medians : float
        Ratio of the median times.
    """

    paired: float
    low: float
    high: float
    of_medians: float


class Timings:
    """Seconds of each contestant in each round.

    Parameters
    ----------
    rounds : mapping of names to lists of float
        All of the same length.
    """

    def __init__(self, rounds: Mapping[Name, list[float]]) -> None:
        self._rounds: dict[Hashable, np.ndarray] = {
            name: np.array(times) for name, times in rounds.items()
        }

    def __contains__(self, name: Hashable) -> bool:
        return name in self._rounds

    def median(self, name: Hashable) -> float:
        """Return the median seconds."""
        return float(np.median(self._rounds[name]))

    def quartiles(self, name: Hashable) -> tuple[float, float]:
        """Return the lower and the upper quartile of the seconds."""
        low, high = np.quantile(self._rounds[name], [0.25, 0.75])
        return float(low), float(high)

    def speed(self, name: Hashable, other: Hashable) -> Ratio:
        """Return how many times as fast as `other` a contestant is."""
        paired = self._rounds[other] / self._rounds[name]
        low, middle, high = (float(q) for q in np.quantile(paired, [0.25, 0.5, 0.75]))
        return Ratio(middle, low, high, self.median(other) / self.median(name))

    def paired(self, name: Hashable, other: Hashable) -> float | None:
        """Return the median of that within a round; None if `other` did not take part."""
        return self.speed(name, other).paired if other in self else None


def race(contestants: Mapping[Name, Turn], rounds: int) -> Timings:
    """Time everyone in turns (see `take_turns`)."""
    return Timings(take_turns(contestants, rounds))


def take_turns(
    contestants: Mapping[Name, Callable[[], Lap]], rounds: int, warm_up: bool = True
) -> dict[Name, list[Lap]]:
    """Let everyone have a turn in each round, after one that does not count (the warm-up).

    Each round starts with another contestant, so that nobody always follows the same one.
    """
    names = list(contestants)
    laps: dict[Name, list[Lap]] = {name: [] for name in names}
    if warm_up:
        for name in names:
            contestants[name]()
    for turn in range(rounds):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            laps[name].append(contestants[name]())
    return laps


_M_TRIM_THRESHOLD, _M_MMAP_MAX, _M_ARENA_MAX = -1, -4, -8  # as the GNU C library numbers them


def keep_memory() -> None:
    """Have the C library keep the memory that is freed, for good, where it can be told so (GNU).

    Otherwise it is given back to the system, and whoever needs a large array next waits for
    pages: 3 microseconds each on a virtual machine, a third of a preparation, and not the same
    contestants in all rounds. What is left out is what a process pays for its first run.
    """
    if hasattr(libc := ctypes.CDLL(None), "mallopt"):
        libc.mallopt(_M_MMAP_MAX, 0)
        libc.mallopt(_M_TRIM_THRESHOLD, -1)
        libc.mallopt(_M_ARENA_MAX, 1)

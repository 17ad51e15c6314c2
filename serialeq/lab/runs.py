"""Measured runs: schedules executed on the cores at hand, timed in turns."""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from serialeq.engines.executor import Executor
from serialeq.planning.schedule import Schedule
from serialeq.problems.base import Problem
from serialeq.team import WorkerTeam

_TURN = 0.02  # seconds that a turn should last
_WARM = 5  # epochs before the first: later ones of a hinge loss take less time


class Run:
    """A schedule ready to be run, on a problem of its own.

    Parameters
    ----------
    problem : Problem
    schedule : Schedule
    """

    def __init__(self, problem: Problem, schedule: Schedule) -> None:
        problem.begin_epoch(0, schedule.layout.size)
        self._kernel = problem.bind(schedule.layout, schedule.times)
        self._problem = problem  # whose arrays the kernel works on
        self._executor = Executor(schedule, WorkerTeam(schedule.n_workers))

    def epochs(self, n: int) -> None:
        """Run `n` epochs."""
        for _ in range(n):
            self._executor.run(self._kernel)

    def close(self) -> None:
        """End the threads."""
        self._executor.team.close()


class SideBySide:
    """Independent runs at the same time, one on each core: what the machine allows."""

    def __init__(self, runs: list[Run]) -> None:
        self._runs = runs
        self._threads = ThreadPoolExecutor(len(runs))

    def epochs(self, n: int) -> None:
        """Run `n` epochs of each."""
        list(self._threads.map(lambda run: run.epochs(n), self._runs))

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown()
        for run in self._runs:
            run.close()


Contestants = Mapping[Any, Run | SideBySide]


def race(contestants: Contestants, rounds: int) -> dict[Any, np.ndarray]:
    """Time everyone in turns; return the seconds of an epoch, by contestant and round.

    A turn repeats the epoch until it lasts some hundredths of a second. Each round starts with
    another contestant, so that nobody always follows the same one. Ends the contestants' threads.
    """
    repeats = {name: _repeats(run) for name, run in contestants.items()}
    seconds = {name: np.zeros(rounds) for name in contestants}
    names = list(contestants)
    for turn in range(rounds):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            seconds[name][turn] = _time(contestants[name], repeats[name])
    for run in contestants.values():
        run.close()
    return seconds


def _repeats(run: Run | SideBySide) -> int:
    run.epochs(_WARM)
    return max(1, round(_TURN / _time(run, 1)))


def _time(run: Run | SideBySide, repeats: int) -> float:
    began = time.perf_counter()
    run.epochs(repeats)
    return (time.perf_counter() - began) / repeats


def paired_speed(seconds: Mapping[Any, np.ndarray], name: Any, other: Any) -> float:
    """Return how many times as fast as `other` a contestant is: median of the rounds' ratios."""
    return float(np.median(seconds[other] / seconds[name]))

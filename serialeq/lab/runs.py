"""Measured runs: schedules executed on the cores at hand, timed in turns."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from serialeq.engines.executor import Executor
from serialeq.planning.schedule import Schedule
from serialeq.problems.base import Problem
from serialeq.team import WorkerTeam

_TURN = 0.02  # seconds that a turn should last


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

    def epoch(self) -> None:
        """Run one epoch."""
        self._executor.run(self._kernel)

    def close(self) -> None:
        """End the threads."""
        self._executor.team.close()


class SideBySide:
    """Independent runs at the same time, one on each core: what the machine allows."""

    def __init__(self, runs: list[Run]) -> None:
        self._runs = runs
        self._threads = ThreadPoolExecutor(len(runs))

    def epoch(self) -> None:
        """Run an epoch of each."""
        list(self._threads.map(Run.epoch, self._runs))

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown()
        for run in self._runs:
            run.close()


def time_epochs(
    contestants: Mapping[str, Callable[[], object]], rounds: int
) -> dict[str, np.ndarray]:
    """Time everyone in turns; return the seconds of an epoch, by contestant and round.

    A turn repeats the epoch until it lasts some hundredths of a second. Each round starts with
    another contestant, so that nobody always follows the same one.
    """
    repeats = {name: _repeats(epoch) for name, epoch in contestants.items()}
    seconds = {name: np.zeros(rounds) for name in contestants}
    names = list(contestants)
    for turn in range(rounds):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            seconds[name][turn] = _time(contestants[name], repeats[name])
    return seconds


def _repeats(epoch: Callable[[], object]) -> int:
    epoch()
    return max(1, round(_TURN / _time(epoch, 1)))


def _time(epoch: Callable[[], object], repeats: int) -> float:
    began = time.perf_counter()
    for _ in range(repeats):
        epoch()
    return (time.perf_counter() - began) / repeats


def paired_speed(seconds: dict[str, np.ndarray], name: str, other: str) -> float:
    """Return how many times as fast as `other` a contestant is: median of the rounds' ratios."""
    return float(np.median(seconds[other] / seconds[name]))

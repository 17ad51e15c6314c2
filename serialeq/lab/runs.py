"""Measured runs: schedules executed on the cores at hand, timed in turns."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from serialeq.engines.executor import Executor
from serialeq.kernels.atomics import call_kernel
from serialeq.kernels.jit import jit
from serialeq.planning.schedule import Schedule
from serialeq.problems.base import Problem
from serialeq.runs.session import OrderSource, Session
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


class SessionRun:
    """A problem's own engine, for those that share every sample (lookahead).

    Parameters
    ----------
    problem : Problem
    engine : str
    n_workers, seed : int
    """

    def __init__(self, problem: Problem, engine: str, n_workers: int, seed: int) -> None:
        self._team = WorkerTeam(n_workers)
        orders = OrderSource(problem, "shuffled", seed)
        self._session = Session(problem, orders, engine, self._team)

    def epochs(self, n: int) -> None:
        """Run `n` epochs."""
        for _ in range(n):
            self._session.run_epoch(0)

    def close(self) -> None:
        """End the threads."""
        self._team.close()


class SideBySide:
    """Each worker of a schedule without waits on a problem of its own: nothing is shared.

    Python takes no part between the epochs: threads that pass its lock on would cost more than
    short epochs do.

    Parameters
    ----------
    problems : sequence of Problem
        One for each worker.
    schedule : Schedule
    """

    def __init__(self, problems: Sequence[Problem], schedule: Schedule) -> None:
        for problem in problems:
            problem.begin_epoch(0, schedule.layout.size)
        self._problems = problems
        self._kernels = [problem.bind(schedule.layout, schedule.times) for problem in problems]
        self._arguments = (
            np.array([kernel.address for kernel in self._kernels]),
            np.array([kernel.block for kernel in self._kernels]),
            schedule.worker_ptr, schedule.start, schedule.stop,
        )  # fmt: skip
        self._team = WorkerTeam(schedule.n_workers)
        self.epochs(0)  # compiles

    def epochs(self, n: int) -> None:
        """Run `n` epochs of each."""
        self._team.run(_repeat, *self._arguments, n)

    def close(self) -> None:
        """End the threads."""
        self._team.close()


@jit
def _repeat(
    thread: int, addresses: Any, blocks: Any, ptr: Any, start: Any, stop: Any, n: int
) -> bool:
    for _ in range(n):
        for s in range(ptr[thread], ptr[thread + 1]):
            call_kernel(addresses[thread], blocks[thread], start[s], stop[s])
    return False


class Turns(Protocol):
    """Whatever takes turns in a race."""

    def epochs(self, n: int) -> None:
        """Run `n` epochs."""

    def close(self) -> None:
        """End the threads."""


class Times:
    """Seconds of an epoch, by contestant and round.

    Parameters
    ----------
    seconds : dict of arrays, shape (n_rounds,)
    """

    def __init__(self, seconds: dict[Any, np.ndarray]) -> None:
        self._seconds = seconds

    def median(self, name: Any) -> float:
        """Return the median seconds of an epoch."""
        return float(np.median(self._seconds[name]))

    def speed(self, name: Any, other: Any) -> float:
        """Return how many times as fast as `other` a contestant is: median of ratios in a round."""
        return float(np.median(self._seconds[other] / self._seconds[name]))


def race(contestants: Mapping[Any, Turns], rounds: int) -> Times:
    """Time everyone in turns, and end their threads.

    A turn is an epoch that fills the caches, and then as many as last some hundredths of a
    second. Each round starts with another contestant, so that nobody always follows the same one.
    """
    repeats = {name: _repeats(turns) for name, turns in contestants.items()}
    seconds = {name: np.zeros(rounds) for name in contestants}
    names = list(contestants)
    for turn in range(rounds):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            contestants[name].epochs(1)
            seconds[name][turn] = _time(contestants[name], repeats[name])
    for turns in contestants.values():
        turns.close()
    return Times(seconds)


def _repeats(turns: Turns) -> int:
    turns.epochs(_WARM)
    return max(1, round(_TURN / _time(turns, 1)))


def _time(turns: Turns, repeats: int) -> float:
    began = time.perf_counter()
    turns.epochs(repeats)
    return (time.perf_counter() - began) / repeats

"""Measured runs: schedules executed on the cores at hand, timed in turns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Protocol

import numpy as np

from benchmarks import timing
from benchmarks.timing import Timings
from serialeq.engines.executor import Executor
from serialeq.native.atomics import call_kernel
from serialeq.native.jit import jit
from serialeq.native.team import WorkerTeam
from serialeq.order import Order
from serialeq.planning.schedule import Schedule
from serialeq.planning.serial import plan_serial
from serialeq.problem import Problem
from serialeq.training.session import OrderSource, Session

from .workloads import Workload

_TURN = 0.006  # seconds that a turn of the first racer should last
_SETTLING = 5  # epochs before anything is measured: the first ones of a hinge loss take longer


def settled(workload: Workload, order: Order) -> Workload:
    """Return the workload from where some serial epochs lead.

    What an update costs depends on the model, so whoever is compared has to start from the same.
    """
    problem = workload.make()
    run = Run(problem, plan_serial(order, 1, problem.timed))
    for _ in range(_SETTLING):
        run.prepare()
        run.epoch()
    run.close()
    state = problem.state()

    def make() -> Problem:
        other = workload.make()
        other.load(state)
        return other

    return replace(workload, make=make)


class Run:
    """A schedule ready to be run, on a problem of its own.

    Parameters
    ----------
    problem : Problem
    schedule : Schedule
    """

    def __init__(self, problem: Problem, schedule: Schedule) -> None:
        self._problem, self._size = problem, schedule.layout.size
        self._start = problem.state()
        self.prepare()
        self._kernel = problem.bind(schedule.layout, schedule.times)
        self._executor = Executor(schedule, WorkerTeam(schedule.n_workers))

    def reset(self) -> None:
        """Go back to where the problem was."""
        self._problem.load(self._start)

    def prepare(self) -> None:
        """Do what comes before an epoch."""
        self._problem.begin_epoch(0, self._size)

    def epoch(self) -> None:
        """Run an epoch."""
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
        self._problem, self._start = problem, problem.state()
        self._team = WorkerTeam(n_workers)
        orders = OrderSource(problem, "shuffled", seed)
        self._session = Session(problem, orders, engine, self._team)

    def reset(self) -> None:
        """Go back to where the problem was."""
        self._problem.load(self._start)

    def prepare(self) -> None:
        """Do what comes before an epoch: the session does it all."""

    def epoch(self) -> None:
        """Run an epoch."""
        self._session.run_epoch(0)

    def close(self) -> None:
        """End the threads."""
        self._team.close()


class SideBySide:
    """Each worker of a schedule without waits on a problem of its own: nothing is shared.

    Parameters
    ----------
    problems : sequence of Problem
        One for each worker.
    schedule : Schedule
    """

    def __init__(self, problems: Sequence[Problem], schedule: Schedule) -> None:
        self._problems, self._size = problems, schedule.layout.size
        self._starts = [problem.state() for problem in problems]
        self.prepare()
        self._kernels = [problem.bind(schedule.layout, schedule.times) for problem in problems]
        self._arguments = (
            np.array([kernel.address for kernel in self._kernels]),
            np.array([kernel.block for kernel in self._kernels]),
            schedule.worker_ptr, schedule.start, schedule.stop,
        )  # fmt: skip
        self._team = WorkerTeam(schedule.n_workers)
        self.epoch()  # compiles

    def reset(self) -> None:
        """Go back to where the problems were."""
        for problem, start in zip(self._problems, self._starts, strict=True):
            problem.load(start)

    def prepare(self) -> None:
        """Do what comes before an epoch."""
        for problem in self._problems:
            problem.begin_epoch(0, self._size)

    def epoch(self) -> None:
        """Run an epoch, each worker its samples."""
        self._team.run(_run_own, *self._arguments)

    def close(self) -> None:
        """End the threads."""
        self._team.close()


@jit
def _run_own(thread: int, addresses: Any, blocks: Any, ptr: Any, start: Any, stop: Any) -> bool:
    for s in range(ptr[thread], ptr[thread + 1]):
        call_kernel(addresses[thread], blocks[thread], start[s], stop[s])
    return False


class Racer(Protocol):
    """Whatever takes part in a race."""

    def reset(self) -> None:
        """Go back to the start."""

    def prepare(self) -> None:
        """Do what comes before an epoch and does not count."""

    def epoch(self) -> None:
        """Run an epoch."""

    def close(self) -> None:
        """End the threads."""


def race(racers: Mapping[Any, Racer], rounds: int) -> Timings:
    """Time everyone's epochs in turns, and end their threads.

    A turn starts from the same model for everyone: an epoch that fills the caches, and then as
    many as last some milliseconds for the first of all. Turns are short and rounds are many,
    as a shared machine is now fast and now slow, for seconds; what is compared are ratios within
    a round.
    """
    first = next(iter(racers.values()))
    repeats = max(1, round(_TURN / _mean_epoch(first, 1)))
    turns = {name: partial(_mean_epoch, racer, repeats) for name, racer in racers.items()}
    timings = timing.race(turns, rounds)
    for racer in racers.values():
        racer.close()
    return timings


def _mean_epoch(racer: Racer, repeats: int) -> float:
    """Return the mean seconds of an epoch."""
    racer.reset()
    racer.prepare()
    racer.epoch()
    spent = 0.0
    for _ in range(repeats):
        racer.prepare()
        spent += timing.seconds(racer.epoch)
    return spent / repeats

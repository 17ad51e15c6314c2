"""What has a turn: one engine on a problem of its own, or several serial runs side by side."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np

from benchmarks.datasets import SEED
from benchmarks.timing import seconds
from serialeq.engines.engine import get_engine
from serialeq.native.team import WorkerTeam
from serialeq.problem import Problem, SlicedProblem
from serialeq.training.compare import Contestant
from serialeq.training.session import OrderSource, Session

Make = Callable[[], Problem]
"""Returns a new problem."""

_PREPARATIONS = 5  # times that planning and packing are repeated …
_LONGEST = 1.0  # … or fewer, if they take so many seconds


class Runner:
    """Runs epochs of one contestant on a problem of its own; planned and compiled beforehand.

    All epochs are the first one, so that steps do not die away; but where every epoch has supports
    of its own they are different ones, so that each is planned anew.
    """

    def __init__(self, make: Make, entry: Contestant) -> None:
        self._team = WorkerTeam(entry.jobs)
        problem = make()
        orders = OrderSource(problem, entry.order, SEED, self._team)
        self._session = Session(problem, orders, entry.engine, self._team)
        self._anew = orders.key(0) != orders.key(1)
        self._session.prepare(0)

    def epochs(self, numbers: range) -> None:
        """Run epochs."""
        for epoch in numbers:
            self._session.run_epoch(epoch if self._anew else 0)

    def turn(self, n: int) -> float:
        """Return the mean seconds of `n` epochs, after one that fills the caches."""
        self.epochs(range(n, n + 1))
        return seconds(partial(self.epochs, range(n))) / n

    def close(self) -> None:
        """End the threads."""
        self._team.close()


class Ceiling:
    """Independent serial runs, one on each core: what the machine allows, waits or no waits."""

    def __init__(self, make: Make, entry: Contestant) -> None:
        serial = Contestant("serial", entry.order, 1)
        self._runners = [Runner(make, serial) for _ in range(entry.jobs)]
        self._threads = ThreadPoolExecutor(entry.jobs)

    def _side_by_side(self, numbers: range) -> None:
        list(self._threads.map(lambda runner: runner.epochs(numbers), self._runners))

    def turn(self, n: int) -> float:
        """Return the seconds of `n` epochs of all runs together, over the epochs of all."""
        self._side_by_side(range(n, n + 1))
        return seconds(partial(self._side_by_side, range(n))) / (n * len(self._runners))

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown()
        for runner in self._runners:
            runner.close()


def preparation(make: Make, entry: Contestant) -> tuple[float, float]:
    """Return the median seconds of planning (order and schedule) and of packing (data layout).

    To be called when everything is compiled, for example after a race.
    """
    times: list[tuple[float, float]] = []
    with WorkerTeam(entry.jobs) as team:
        while len(times) < _PREPARATIONS and np.sum(times) < _LONGEST:
            times.append(prepare_once(make(), entry, team)[1:])
    plan, pack = np.median(times, axis=0)
    return float(plan), float(pack)


def prepare_once(problem: Problem, entry: Contestant, team: WorkerTeam) -> tuple[Any, float, float]:
    """Plan and pack what the epochs need, as a session does.

    Returns
    -------
    kept : object
        What training holds in memory from now on.
    plan : float
        Seconds to find the order and the schedule.
    pack : float
        Seconds to lay the data out; of engines that cut samples into slices, with their plan.
    """
    engine = get_engine(entry.engine)
    start = time.perf_counter()
    order = OrderSource(problem, entry.order, SEED, team).epoch(0)
    plan = engine.plan and engine.plan(order, team.n_workers, problem.timed)
    planned = time.perf_counter()
    kept: Any
    if plan is not None:
        kept = plan, problem.context(plan.layout, plan.times)
    else:
        assert isinstance(problem, SlicedProblem)  # it runs on such an engine
        kept = problem.sliced(order, team, engine.promise == "repeatable")
    return kept, planned - start, time.perf_counter() - planned

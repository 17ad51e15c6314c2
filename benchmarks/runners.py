"""What has a turn: one engine on a problem of its own, or several serial runs side by side."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.datasets import SEED, Split
from benchmarks.timing import seconds
from serialeq.engines.engine import get_engine
from serialeq.native.team import WorkerTeam
from serialeq.problem import Problem
from serialeq.problems.mf.problem import Factorization
from serialeq.training.compare import Contestant
from serialeq.training.session import OrderSource, Session

EPOCHS_PER_TURN = 2
"""Epochs timed together, as one alone takes only milliseconds."""


@dataclass(frozen=True)
class Setting:
    """How the factorisation is trained; LIBMF has the same model, without biases."""

    step: float
    decay: float
    l2: float
    init_scale: float = 0.03


QUALITY = Setting(step=0.03, decay=0.9, l2=0.04)
"""Lowest held-out error on ML-1M with 32 factors after 20 epochs."""

FAST = Setting(step=0.08, decay=0.6, l2=0.025)
"""Fewest epochs to a held-out error of 0.86 there."""


def make_problem(split: Split, n_factors: int, setting: Setting = QUALITY) -> Factorization:
    """Return a new problem over the training ratings."""
    train = split.train
    return Factorization(
        train.users,
        train.items,
        train.values,
        train.shape,
        n_factors=n_factors,
        l2=(setting.l2, setting.l2),
        step=setting.step,
        decay=setting.decay,
        init_scale=setting.init_scale,
        seed=SEED,
    )


def held_out_rmse(split: Split) -> Callable[[Factorization], float]:
    """Return the function that measures a problem's state on the held-out ratings."""
    test = split.test
    return lambda problem: problem.rmse(test.users, test.items, test.values)


Make = Callable[[], Factorization]
"""Returns a new problem."""


def open_session(problem: Problem, entry: Contestant, team: WorkerTeam) -> Session:
    """Return a session of a contestant; nothing is planned yet."""
    orders = OrderSource(problem, entry.order, SEED, team)
    return Session(problem, orders, entry.engine, team)


class Runner:
    """Runs epochs of one contestant on a problem of its own; planned and compiled beforehand."""

    def __init__(self, make: Make, entry: Contestant) -> None:
        self._team = WorkerTeam(entry.jobs)
        self._session = open_session(make(), entry, self._team)
        self._session.prepare(0)

    def epochs(self) -> None:
        """Run the epochs of a turn."""
        for epoch in range(EPOCHS_PER_TURN):
            self._session.run_epoch(epoch)

    def turn(self) -> float:
        """Return the seconds of an epoch, after some epochs that fill the caches."""
        self.epochs()
        return seconds(self.epochs) / EPOCHS_PER_TURN

    def close(self) -> None:
        """End the threads."""
        self._team.close()


class Ceiling:
    """Independent serial runs, one on each core: what the machine allows, waits or no waits."""

    def __init__(self, make: Make, order: str, jobs: int) -> None:
        serial = Contestant("serial", order, 1)
        self._runners = [Runner(make, serial) for _ in range(jobs)]
        self._threads = ThreadPoolExecutor(jobs)

    def _side_by_side(self) -> None:
        list(self._threads.map(Runner.epochs, self._runners))

    def turn(self) -> float:
        """Return the seconds of all runs together, over the number of epochs of all."""
        self._side_by_side()
        return seconds(self._side_by_side) / (EPOCHS_PER_TURN * len(self._runners))

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown()
        for runner in self._runners:
            runner.close()


def preparation(make: Make, entry: Contestant, repeats: int) -> tuple[float, float]:
    """Return the median seconds of planning (order and schedule) and of packing (data layout)."""
    times = np.empty((repeats + 1, 2))
    with WorkerTeam(entry.jobs) as team:
        for turn in times:  # the first one compiles
            turn[:] = prepare_once(make(), entry, team)[1:]
    plan, pack = np.median(times[1:], axis=0)
    return float(plan), float(pack)


def prepare_once(
    problem: Factorization, entry: Contestant, team: WorkerTeam
) -> tuple[Any, float, float]:
    """Plan and pack what the epochs need, as a session does.

    Returns
    -------
    kept : object
        What training holds in memory from now on.
    plan : float
        Seconds to find the order and the schedule.
    pack : float
        Seconds to lay the data out.
    """
    engine = get_engine(entry.engine)
    start = time.perf_counter()
    source = OrderSource(problem, entry.order, SEED, team)
    assert engine.plan is not None  # only engines of linear models have none
    plan = engine.plan(source.epoch(0), team.n_workers, problem.timed)
    planned = time.perf_counter()
    context = problem.context(plan.layout, plan.times)
    packed = time.perf_counter()
    return (plan, context), planned - start, packed - planned

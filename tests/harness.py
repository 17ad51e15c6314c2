"""Ways to run a schedule: on real threads, in any interleaving, in another process."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

import serialeq
from serialeq.engines.base import ENGINES
from serialeq.engines.executor import Executor
from serialeq.order import Order
from serialeq.planning.batches import plan_cyclades, plan_groups
from serialeq.planning.dataflow import find_waits
from serialeq.planning.schedule import Schedule, assemble
from serialeq.problems.base import Problem
from serialeq.team import WorkerTeam

EQUIVALENT = [name for name, engine in ENGINES.items() if engine.equivalent and not engine.sliced]
_WORD = ctypes.c_int64
_ENTRY = ctypes.CFUNCTYPE(None, _WORD, _WORD, _WORD)


def plan(engine: str, order: Order, n_workers: int, batch: int, timed: bool = False) -> Schedule:
    """Plan with an engine's planner, with small batches where there are batches."""
    if engine == "groups":
        return plan_groups(order, n_workers, timed, batch)
    if engine == "cyclades":
        return plan_cyclades(order, n_workers, timed, batch)
    return ENGINES[engine].plan(order, n_workers, timed)


def assign(order: Order, workers: Any, n_workers: int, timed: bool = False) -> Schedule:
    """Plan dataflow for a given assignment of steps to workers."""
    workers = np.asarray(workers, dtype=np.uint16)
    waits = find_waits(order, workers, n_workers)
    return assemble(order, n_workers, workers, waits, with_times=timed)


def assign_randomly(order: Order, n_workers: int, seed: int, timed: bool = False) -> Schedule:
    rng = np.random.default_rng(seed)
    return assign(order, rng.integers(0, n_workers, order.n_steps), n_workers, timed)


def bind(problem: Problem, schedule: Schedule) -> Any:
    return problem.kernel.bind(problem.context(schedule.layout, schedule.times))


def run_threads(problem: Problem, schedule: Schedule, n_threads: int | None = None) -> None:
    """Run a schedule on a real team; more threads than cores if so many are asked for."""
    with WorkerTeam(schedule.n_workers, n_threads) as team:
        Executor(schedule, team).run(bind(problem, schedule))


def interleave(
    problem: Problem, schedule: Schedule, pick: Callable[[list[tuple[int, int]]], int]
) -> None:
    """Run a schedule segment by segment on one thread, in an order that `pick` chooses.

    ``pick(ready)`` gets the (worker, segment) pairs that may go on, and returns a position.
    """
    s = schedule
    bound = bind(problem, s)
    entry = _ENTRY(bound.address)
    counters = np.zeros(s.n_counters, dtype=np.int64)
    cursor = s.worker_ptr[:-1].copy()
    while (cursor < s.worker_ptr[1:]).any():
        ready = []
        for w in np.flatnonzero(cursor < s.worker_ptr[1:]):
            waits = slice(s.wait_ptr[cursor[w]], s.wait_ptr[cursor[w] + 1])
            if (counters[s.wait_counter[waits]] >= s.wait_value[waits]).all():
                ready.append((int(w), int(cursor[w])))
        assert ready, "deadlock"
        worker, segment = ready[pick(ready)]
        entry(bound.block, int(s.start[segment]), int(s.stop[segment]))
        posts = slice(s.post_ptr[segment], s.post_ptr[segment + 1])
        counters[s.post_counter[posts]] = s.post_value[posts]
        cursor[worker] += 1


class SequentialTeam(WorkerTeam):
    """Runs the threads' jobs one after the other, in a given order, on the calling thread."""

    def __init__(self, n_workers: int, turns: Iterable[int]) -> None:
        super().__init__(n_workers, 1)
        self.n_threads = n_workers
        self.turns = list(turns)

    def run(self, job: Callable[..., bool], *arguments: Any, n_threads: int | None = None) -> None:
        waiting = self.turns
        while waiting:
            waiting = [t for t in waiting if job(t, *arguments)]


def same_bytes(trained: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> bool:
    return trained.keys() == expected.keys() and all(
        trained[name].dtype == expected[name].dtype
        and trained[name].tobytes() == expected[name].tobytes()
        for name in trained
    )


def python_environment(**environment: str) -> dict[str, str]:
    """Return an environment in which Python finds this very package, and the tests' modules."""
    here = [str(Path(serialeq.__file__).parent.parent), str(Path(__file__).parent)]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(here), **environment}


def run_python(code: str, *arguments: str, **environment: str) -> str:
    """Run code in a new process and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, *arguments],
        env=python_environment(**environment),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout

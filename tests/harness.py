"""Ways to plan and run a schedule: on real threads, in turns, in another process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

import serialeq
from serialeq.engines.engine import ENGINES
from serialeq.engines.executor import Executor
from serialeq.hypergraph import Hypergraph
from serialeq.native.atomics import LINE
from serialeq.native.team import WorkerTeam
from serialeq.order import Order, given_order
from serialeq.planning.batches import plan_cyclades, plan_groups
from serialeq.planning.dataflow import find_waits
from serialeq.planning.schedule import Schedule, assemble
from serialeq.problem import Problem
from serialeq.testing import first_difference

SMALL = os.environ.get("SERIALEQ_SLOW") == "small"
"""The long tests run in reduced size and beside each other: no time for races."""

EQUIVALENT = [name for name, engine in ENGINES.items() if engine.equivalent and not engine.sliced]


def contended(n_samples: int, n_variables: int = 200) -> tuple[Hypergraph, Order]:
    """Return samples of 0 to 4 variables, some of them very hot, and an order with repeats."""
    rng = np.random.default_rng(5)
    sizes = rng.integers(0, 5, n_samples)
    hot = n_variables * rng.random(sizes.sum()) ** 4
    graph = Hypergraph(hot.astype(np.int64), np.cumsum([0, *sizes]), n_variables)
    return graph, given_order(graph, rng.integers(0, n_samples, n_samples))


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
    return problem.bind(schedule.layout, schedule.times)


def run_threads(problem: Problem, schedule: Schedule, n_threads: int | None = None) -> None:
    """Run a schedule on a real team; more threads than cores if so many are asked for."""
    with WorkerTeam(schedule.n_workers, n_threads) as team:
        Executor(schedule, team).run(bind(problem, schedule))


class SequentialTeam(WorkerTeam):
    """Runs the threads' jobs one after the other, in a given order, on the calling thread."""

    def __init__(self, n_workers: int, turns: Iterable[int]) -> None:
        super().__init__(n_workers, 1)
        self.n_threads = n_workers
        self.again = np.zeros(n_workers * LINE, np.int64)
        self.turns = list(turns)

    def run(self, job: Callable[..., bool], *arguments: Any, n_threads: int | None = None) -> None:
        waiting = self.turns
        while waiting:
            waiting = [t for t in waiting if job(t, *arguments)]


def same_bytes(trained: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> bool:
    return not first_difference(trained, expected)


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


def graph_of(n_samples: int = 40) -> Hypergraph:
    return Hypergraph(np.random.default_rng(1).integers(0, 12, 2 * n_samples), 2, 12)

"""A problem under the serial engine, under dataflow, and under Hogwild!: bits and speed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import median

from serialeq.digest import digest_arrays
from serialeq.native.team import WorkerTeam
from serialeq.problem import Problem
from serialeq.training.session import OrderSource, Session

ENGINES = ("serial", "dataflow", "hogwild")

MakeProblem = Callable[[], Problem]


def digest_of(
    make_problem: MakeProblem, engine: str, n_workers: int, n_epochs: int, seed: int, order: str
) -> str:
    """Return the digest after some epochs; every worker has a thread, on however many cores."""
    problem = make_problem()
    with WorkerTeam(n_workers, n_workers) as team:
        session = Session(problem, OrderSource(problem, order, seed, team), engine, team)
        for epoch in range(n_epochs):
            session.run_epoch(epoch)
        return digest_arrays(problem.trained())


def digests(
    make_problem: MakeProblem,
    workers: Iterable[int] = range(1, 9),
    *,
    n_epochs: int = 2,
    seed: int = 0,
    order: str = "shuffled",
) -> dict[tuple[str, int], str]:
    """Return the digest by engine and number of workers: serial on one, the others on each."""
    found = {("serial", 1): digest_of(make_problem, "serial", 1, n_epochs, seed, order)}
    for engine in ENGINES[1:]:
        for n in workers:
            found[engine, n] = digest_of(make_problem, engine, n, n_epochs, seed, order)
    return found


@dataclass(frozen=True)
class Timing:
    """How long an engine takes.

    Attributes
    ----------
    engine : str
    n_workers : int
    planning : float
        Seconds before the first epoch, compilation left out.
    epochs : list of float
        Seconds of each epoch.
    losses : list of float
        After each epoch.
    """

    engine: str
    n_workers: int
    planning: float
    epochs: list[float]
    losses: list[float]

    @property
    def seconds(self) -> float:
        """The median epoch."""
        return median(self.epochs)


def race(
    make_problem: MakeProblem,
    n_jobs: int,
    *,
    n_epochs: int = 7,
    seed: int = 0,
    order: str = "shuffled",
) -> dict[str, Timing]:
    """Train with the three engines in turns, an epoch each, and return their times.

    Taking turns, all three meet the same disturbances of the machine.
    """
    problems = {engine: make_problem() for engine in ENGINES}
    with WorkerTeam(n_jobs) as team:
        sessions, timings = {}, {}
        for engine, problem in problems.items():
            source = OrderSource(problem, order, seed, team)
            Session(make_problem(), source, engine, team).prepare(0)  # compiles
            sessions[engine] = Session(problem, source, engine, team)
            began = time.perf_counter()
            sessions[engine].prepare(0)
            timings[engine] = Timing(engine, team.n_workers, time.perf_counter() - began, [], [])
        for epoch in range(n_epochs):
            for engine, session in sessions.items():
                began = time.perf_counter()
                session.run_epoch(epoch)
                timings[engine].epochs.append(time.perf_counter() - began)
                timings[engine].losses.append(problems[engine].loss(team))
    return timings


def paired_speedup(timings: dict[str, Timing], engine: str) -> float:
    """Return the median of the ratios of serial epochs to an engine's, epoch by epoch."""
    pairs = zip(timings["serial"].epochs, timings[engine].epochs, strict=True)
    return median(serial / parallel for serial, parallel in pairs)


def seconds_to(timing: Timing, loss: float) -> float | None:
    """Return the seconds of updates until the loss is at most so much; None: never."""
    spent = 0.0
    for seconds, reached in zip(timing.epochs, timing.losses, strict=True):
        spent += seconds
        if reached <= loss:
            return spent
    return None

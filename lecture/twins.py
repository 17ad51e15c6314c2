"""A problem under the serial engine, under dataflow, and under Hogwild!: bits and speed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import count

from benchmarks.timing import seconds, take_turns
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
class Training:
    """What training on an engine takes.

    Attributes
    ----------
    planning : float
        Seconds before the first epoch, compilation left out.
    epochs : list of float
        Seconds of each epoch.
    losses : list of float
        After each epoch.
    """

    planning: float
    epochs: list[float]
    losses: list[float]

    def seconds_to(self, loss: float) -> float | None:
        """Return the seconds of updates until the loss is at most so much; None: never."""
        spent = 0.0
        for epoch, reached in zip(self.epochs, self.losses, strict=True):
            spent += epoch
            if reached <= loss:
                return spent
        return None


def race(
    make_problem: MakeProblem,
    n_jobs: int,
    *,
    n_epochs: int = 7,
    seed: int = 0,
    order: str = "shuffled",
) -> dict[str, Training]:
    """Train with the three engines in turns, an epoch each."""
    planning, turns = {}, {}
    with WorkerTeam(n_jobs) as team:
        for engine in ENGINES:
            problem = make_problem()
            source = OrderSource(problem, order, seed, team)
            Session(make_problem(), source, engine, team).prepare(0)  # compiles
            session = Session(problem, source, engine, team)
            planning[engine] = seconds(partial(session.prepare, 0))
            turns[engine] = partial(_next_epoch, session, count())
        laps = take_turns(turns, n_epochs, warm_up=False)
    return {
        engine: Training(planning[engine], [lap[0] for lap in own], [lap[1] for lap in own])
        for engine, own in laps.items()
    }


def _next_epoch(session: Session, epochs: Iterator[int]) -> tuple[float, float]:
    """Return the seconds of the next epoch and the loss after it."""
    spent = seconds(partial(session.run_epoch, next(epochs)))
    return spent, session.problem.loss(session.team)

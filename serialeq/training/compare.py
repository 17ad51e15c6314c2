"""Train the same problem with several engines and compare time, error and digest."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from serialeq.digest import digest_arrays
from serialeq.engines.engine import get_engine
from serialeq.native.team import WorkerTeam
from serialeq.problem import Problem

from .session import OrderSource, Session

P = TypeVar("P", bound=Problem)


@dataclass(frozen=True)
class Contestant:
    """One row of a comparison."""

    engine: str
    order: str
    jobs: int


@dataclass(frozen=True)
class Result:
    """What came of a contestant; `seconds` are of planning, packing and all epochs."""

    contestant: Contestant
    equivalent: bool
    seconds: float
    error: float
    digest: str


def compare(
    make_problem: Callable[[], P],
    error: Callable[[P], float],
    contestants: Iterable[Contestant],
    n_epochs: int,
    seed: int,
) -> Iterable[Result]:
    """Yield the result of each contestant, every one starting from a problem of its own."""
    for contestant in contestants:
        engine = get_engine(contestant.engine)
        with WorkerTeam(contestant.jobs) as team:
            for epochs in (0, n_epochs):  # compiled beforehand
                problem = make_problem()
                began = time.perf_counter()
                orders = OrderSource(problem, contestant.order, seed, team)
                session = Session(problem, orders, engine.name, team)
                session.prepare(0)
                for epoch in range(epochs):
                    session.run_epoch(epoch)
                seconds = time.perf_counter() - began
        digest = digest_arrays(problem.trained())
        yield Result(contestant, engine.equivalent, seconds, error(problem), digest)

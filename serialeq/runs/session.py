"""A session: one problem, one kind of order, one engine, a team; runs epoch after epoch."""

from __future__ import annotations

from typing import Any

import numpy as np

from serialeq.engines.base import Engine
from serialeq.engines.executor import Executor
from serialeq.engines.team import WorkerTeam
from serialeq.errors import SerialeqError
from serialeq.order import Order, given_order, shuffled_order
from serialeq.problems.base import Problem

ORDERS = ("blocked", "shuffled", "reshuffled", "given")


class OrderSource:
    """The order of each epoch, as a function of (kind, seed, epoch).

    Parameters
    ----------
    problem : Problem
    order : {"blocked", "shuffled", "reshuffled", "given"} or array of int
        Blocks, shuffled inside; one random permutation, used in every epoch; a new one each
        epoch; the order of the data; or any sequence of samples.
    seed : int
    """

    def __init__(self, problem: Problem, order: Any, seed: int) -> None:
        self._problem = problem
        self._seed = seed
        self._fixed: Order | None = None
        self._blocking = None
        graph = problem.hypergraph
        self.name = order if isinstance(order, str) else "given"
        if not isinstance(order, str):
            self._fixed = given_order(graph, order)
        elif order == "given":
            self._fixed = given_order(graph, np.arange(graph.n_samples, dtype=np.int32))
        elif order == "shuffled":
            self._fixed = shuffled_order(graph, seed)
        elif order == "blocked":
            self._blocking = problem.blocking(seed)
        elif order != "reshuffled":
            raise SerialeqError(
                f"order: expected one of {', '.join(ORDERS)} or an array of samples, got {order!r}"
            )

    def epoch(self, epoch: int) -> Order:
        """Return the order of one epoch; the same object where it is the same order."""
        if self._fixed is not None:
            return self._fixed
        if self._blocking is not None:
            return self._blocking.epoch(epoch)
        return shuffled_order(self._problem.hypergraph, self._seed, epoch)


class Session:
    """Runs epochs; plans and packs what an order needs once, and keeps the latest two.

    Parameters
    ----------
    problem : Problem
    orders : OrderSource
    engine : Engine
    team : WorkerTeam
        Its size is the number of workers.
    """

    def __init__(
        self, problem: Problem, orders: OrderSource, engine: Engine, team: WorkerTeam
    ) -> None:
        self.problem = problem
        self.orders = orders
        self.engine = engine
        self.team = team
        self._ready: list[tuple[Order, Any, Any, np.ndarray]] = []

    def prepare(self, epoch: int) -> tuple[Any, Any]:
        """Plan, pack and compile what an epoch needs; return its executor and bound kernel."""
        order = self.orders.epoch(epoch)
        for known, executor, kernel, _ in self._ready:
            if known is order:
                return executor, kernel
        plan = self.engine.plan(order, self.team.n_workers, self.problem.timed)
        executor = Executor(plan, self.team)
        kernel = None
        for _, _, other, layout in self._ready:
            if layout is plan.layout and not self.problem.timed:
                kernel = other  # the same data in the same places
        if kernel is None:
            context = self.problem.context(plan.layout, plan.times)
            kernel = self.problem.kernel.bind(context)
        self._ready = [*self._ready[-1:], (order, executor, kernel, plan.layout)]
        return executor, kernel

    def run_epoch(self, epoch: int) -> None:
        """Run one epoch."""
        executor, kernel = self.prepare(epoch)
        self.problem.begin_epoch(epoch, self.orders.epoch(epoch).n_samples)
        executor.run(kernel)

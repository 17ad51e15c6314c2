"""A session: one problem, one kind of order, one engine, a team; runs epoch after epoch."""

from __future__ import annotations

from typing import Any

import numpy as np

from serialeq.engines.base import Engine
from serialeq.engines.executor import Executor
from serialeq.errors import SerialeqError
from serialeq.kernels.kernel import BoundKernel
from serialeq.order import Order, given_order, shuffled_order
from serialeq.problems.base import Problem
from serialeq.team import WorkerTeam

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
    team : WorkerTeam, optional
        Whose threads share the work of grouping samples into blocks.
    """

    def __init__(
        self, problem: Problem, order: Any, seed: int, team: WorkerTeam | None = None
    ) -> None:
        self._problem = problem
        self._seed = seed
        self._fixed: Order | None = None
        graph = problem.hypergraph
        self.name = order if isinstance(order, str) else "given"
        if not isinstance(order, str):
            self._fixed = given_order(graph, order)
        elif order == "given":
            self._fixed = given_order(graph, np.arange(graph.n_samples, dtype=np.int32))
        elif order == "shuffled":
            self._fixed = shuffled_order(graph, seed)
        elif order == "blocked":
            self._fixed = problem.blocked_order(seed, team)
        elif order != "reshuffled":
            raise SerialeqError(
                f"order: expected one of {', '.join(ORDERS)} or an array of samples, got {order!r}"
            )

    def epoch(self, epoch: int) -> Order:
        """Return the order of one epoch; the same object where it is the same order."""
        if self._fixed is not None:
            return self._fixed
        return shuffled_order(self._problem.hypergraph, self._seed, epoch)


class Session:
    """Runs epochs; plans and packs only when the order changes.

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
        self._order: Order | None = None
        self._executor: Executor
        self._kernel: BoundKernel

    def prepare(self, epoch: int) -> None:
        """Plan, pack and compile what an epoch needs."""
        order = self.orders.epoch(epoch)
        if order is not self._order:
            plan = self.engine.plan(order, self.team.n_workers, self.problem.timed)
            self._executor = Executor(plan, self.team)
            self._kernel = self.problem.kernel.bind(self.problem.context(plan.layout, plan.times))
            self._order = order

    def run_epoch(self, epoch: int) -> None:
        """Run one epoch."""
        self.prepare(epoch)
        if self._order is not None:
            self.problem.begin_epoch(epoch, self._order.n_samples)
            self._executor.run(self._kernel)

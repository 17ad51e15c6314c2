"""A session: one problem, one kind of order, one engine, a team; runs epoch after epoch."""

from __future__ import annotations

from typing import Any

import numpy as np

from serialeq.digest import digest_arrays
from serialeq.engines.auto import choose_engine
from serialeq.engines.engine import Engine, check_engine
from serialeq.engines.executor import Executor
from serialeq.errors import SerialeqError
from serialeq.native.kernel import BoundKernel
from serialeq.native.team import WorkerTeam
from serialeq.order import Order, check_samples, given_order, shuffled_order
from serialeq.problem import Problem, SlicedProblem

ORDERS = ("blocked", "shuffled", "reshuffled", "given")


def check_order(name: str, value: Any) -> None:
    """Raise SerialeqError if a parameter is text, but no kind of order."""
    if isinstance(value, str) and value not in ORDERS:
        raise SerialeqError(
            f"{name}: expected one of {', '.join(ORDERS)} or an array of samples, got {value!r}"
        )


class OrderSource:
    """The order of each epoch, as a function of (kind, seed, epoch); `order` as in `serialeq.fit`.

    Orders are made when asked for and not kept: they take 4 bytes a sample and more. Threads of a
    team share the work of grouping samples into blocks.
    """

    def __init__(
        self, problem: Problem, order: Any, seed: int, team: WorkerTeam | None = None
    ) -> None:
        check_order("order", order)
        if isinstance(order, Order) and problem.redrawn:
            raise SerialeqError(
                f"order: expected a kind of order or an array of samples, as the supports of "
                f"{type(problem).__name__} change with the epoch; got an Order"
            )
        self._problem, self._order, self.seed, self._team = problem, order, seed, team

    @property
    def name(self) -> str:
        """The kind of order, or the digest of its samples."""
        if isinstance(self._order, str):
            return self._order
        order = self._order
        samples = order.samples() if isinstance(order, Order) else np.asarray(order)
        return digest_arrays({"samples": samples.astype(np.int64)})

    def key(self, epoch: int) -> int:
        """Return a number that two epochs share if they have the same order and supports."""
        reshuffled = isinstance(self._order, str) and self._order == "reshuffled"
        return epoch if reshuffled or self._problem.redrawn else 0

    def epoch(self, epoch: int) -> Order:
        """Return the order of one epoch, with that epoch's supports."""
        problem, order, seed = self._problem, self._order, self.seed
        if problem.redrawn:
            problem.draw(epoch)
        graph = problem.hypergraph
        if isinstance(order, Order):
            check_samples(graph, order.samples())
            return order
        if not isinstance(order, str):
            return given_order(graph, order)
        if order == "given":
            return given_order(graph, np.arange(graph.n_samples, dtype=np.int32))
        if order == "shuffled":
            return shuffled_order(graph, seed)
        if order == "reshuffled":
            return problem.reshuffled_order(seed, epoch)
        return problem.blocked_order(seed, self._team)


class Session:
    """Runs epochs; plans and packs only when the order changes.

    The size of the team is the number of workers. ``asked_for`` is the name of an engine, or
    "auto"; ``engine`` is the one in use, once the first epoch is prepared, and ``engine_reason``
    says why.
    """

    def __init__(
        self, problem: Problem, orders: OrderSource, engine: str, team: WorkerTeam
    ) -> None:
        check_engine("engine", engine)
        self.problem, self.orders, self.asked_for, self.team = problem, orders, engine, team
        self.engine: Engine | None = None
        self.engine_reason = ""
        self._key: int | None = None
        self._n_samples = 0
        self._executor: Executor
        self._kernel: BoundKernel

    def prepare(self, epoch: int) -> None:
        """Plan, pack and compile what an epoch needs, if the last one did not."""
        key = self.orders.key(epoch)
        if key == self._key:
            return
        order = self.orders.epoch(epoch)
        if self.engine is None:
            self.engine, self.engine_reason = choose_engine(
                self.asked_for, self.problem, order, self.team.n_threads
            )
        if self.engine.plan is not None:
            plan = self.engine.plan(order, self.team.n_workers, self.problem.timed)
            kernel = self.problem.bind(plan.layout, plan.times)
            self._executor, self._kernel = Executor(plan, self.team), kernel
        else:
            self._slice(self.problem, order, self.engine.name == "minibatch")
        self._n_samples = order.n_samples
        self._key = key

    def _slice(self, problem: Problem, order: Order, simultaneous: bool) -> None:
        assert isinstance(problem, SlicedProblem)  # runs_on has said so
        if self._key is not None and order.name == "two-level":
            problem.follow(order)
            return
        plan, self._kernel = problem.sliced(order, self.team, simultaneous)
        if plan.n_workers < self.team.n_workers:
            self.engine_reason += (
                f"; {plan.n_workers} of {self.team.n_workers} workers: waits of more do not fit"
            )
        self._executor = Executor(plan, self.team)

    def run_epoch(self, epoch: int) -> None:
        """Run one epoch."""
        self.prepare(epoch)
        self.problem.begin_epoch(epoch, self._n_samples)
        self._executor.run(self._kernel)

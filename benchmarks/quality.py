"""What the speed is good for: the quality after each epoch, in each kind of order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.datasets import SEED
from benchmarks.kinds import Effort, Setting, Source
from serialeq.cli.report import notices
from serialeq.native.team import WorkerTeam
from serialeq.problem import Problem
from serialeq.training.session import OrderSource, Session


def measure(source: Source, setting: Setting, effort: Effort) -> dict[str, Any]:
    """Return curves of the library's and of others, and what else is to be told."""
    problem = source.make(**setting)
    orders = ["shuffled", "reshuffled"]
    if type(problem).blocked_order is not Problem.blocked_order:
        orders.append("blocked")
    curves = {}
    for order in orders:
        notices.print(f"{order} order: {effort.epochs} epochs")
        name = f"serialeq, {order}"
        curves[name] = curve(lambda: source.make(**setting), source.quality, order, effort.epochs)
    notices.print("others")
    extras = source.extras(setting, effort)
    found = {"curves": curves | extras.curves, "facts": extras.facts}
    return {"setting": dict(setting), **found}


def curve(
    make: Callable[[], Problem], quality: Callable[[Any], float], order: str, epochs: int
) -> dict[int, float]:
    """Return the quality after each epoch of a serial run."""
    found = {}
    with WorkerTeam(1) as team:
        problem = make()
        session = Session(problem, OrderSource(problem, order, SEED, team), "serial", team)
        for epoch in range(epochs):
            session.run_epoch(epoch)
            found[epoch + 1] = quality(problem)
    return found

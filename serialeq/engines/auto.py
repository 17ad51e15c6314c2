"""``engine="auto"``: predict, pick, and say why."""

from __future__ import annotations

from serialeq.errors import SerialeqError
from serialeq.order import Order
from serialeq.problem import Problem

from .engine import ENGINES, Engine, get_engine

_WORTHWHILE = 1.1  # predicted speedup below which the serial engine is safer


def choose_engine(name: str, problem: Problem, order: Order, n_workers: int) -> tuple[Engine, str]:
    """Return the engine to use and the reason, in words.

    `name` is an engine's, or "auto": serial or the problem's own parallel engine, whichever is
    predicted to be faster with so many workers that can really run at the same time.

    Raises
    ------
    SerialeqError
        If the problem does not work with the engine asked for.
    """
    if name != "auto":
        if not problem.runs_on(name):
            able = ", ".join(engine for engine in ENGINES if problem.runs_on(engine))
            raise SerialeqError(f"engine: expected one of {able} for this problem, got {name!r}")
        return get_engine(name), "as asked"
    if n_workers == 1:
        return get_engine("serial"), "one worker"
    speedup = problem.predicted_speedup(order, n_workers)
    parallel = problem.parallel_engine
    reason = f"predicted speedup of {parallel} on {n_workers} workers: {speedup:.2f}"
    if speedup < _WORTHWHILE:
        return get_engine("serial"), f"{reason}, less than {_WORTHWHILE}"
    return get_engine(parallel), reason

"""`fit`: train any problem."""

from __future__ import annotations

from typing import Any

from serialeq.problem import Problem, check_problem

from .callbacks import Callbacks
from .trainer import Execution, Fitted, train


def fit(
    problem: Problem,
    order: Any = "shuffled",
    *,
    n_epochs: int | range = 1,
    engine: str = "auto",
    n_jobs: int | None = None,
    seed: int = 0,
    with_loss: bool = True,
    callbacks: Callbacks = (),
) -> Fitted:
    """Train a problem for some epochs, in place.

    Parameters
    ----------
    problem : Problem
    order : {"shuffled", "reshuffled", "given", "blocked"}, array of int or Order
        One random permutation; a new one in each epoch; the order of the data; the problem's
        own blocked order, if it has one; any sequence of samples; or an order made elsewhere.
    n_epochs : int or range
        ``range(3, 5)`` goes on after three epochs that were done before, with the orders and
        steps of the fourth and the fifth.
    engine : str
        "auto", or the name of an engine.
    n_jobs : int, optional
        Number of workers, at most one for each core; None and −1: all cores. It decides nothing
        but the time.
    seed : int
        Of the order.
    with_loss : bool
        False: leave the loss, a pass over the data, out, unless a callback needs it.
    callbacks : sequence of Callback, or of functions
        Such as `serialeq.RunRecorder`; a function is called with each epoch's `EpochRecord`.

    Raises
    ------
    SerialeqError
        For an unknown order or engine or a problem that is none, and, as DivergenceError, if
        the loss is no longer finite.
    """
    check_problem(problem)
    execution = Execution(order, engine, n_jobs, seed)
    return train(problem, execution, n_epochs, with_loss=with_loss, callbacks=callbacks)

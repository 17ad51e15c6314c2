"""`fit`: train any problem."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from serialeq.digest import digest_arrays
from serialeq.native.team import WorkerTeam, available_cores, count_workers
from serialeq.problem import Problem, check_problem

from .callbacks import Callback
from .session import OrderSource, Session
from .trainer import EpochRecord, train


@dataclass(frozen=True, eq=False)
class Fitted:
    """What `fit` returns.

    Attributes
    ----------
    trained : dict of arrays
        What the digest covers.
    engine, engine_reason : str
        The engine that was used, and why.
    n_workers : int
    history : list of EpochRecord
    """

    trained: dict[str, np.ndarray]
    engine: str
    engine_reason: str
    n_workers: int
    history: list[EpochRecord]

    @property
    def digest(self) -> str:
        """The sha256 of the trained arrays."""
        return digest_arrays(self.trained)


def fit(
    problem: Problem,
    order: Any = "shuffled",
    *,
    n_epochs: int = 1,
    engine: str = "auto",
    n_jobs: int | None = None,
    seed: int = 0,
    first_epoch: int = 0,
    with_loss: bool = True,
    on_epoch: Callable[[EpochRecord], None] | None = None,
    callbacks: Sequence[Callback] = (),
) -> Fitted:
    """Train a problem for some epochs, in place.

    Parameters
    ----------
    problem : Problem
    order : {"shuffled", "reshuffled", "given", "blocked"}, array of int or Order
        One random permutation; a new one in each epoch; the order of the data; the problem's
        own blocked order, if it has one; any sequence of samples; or an order made elsewhere.
    n_epochs : int
    engine : str
        "auto", or the name of an engine.
    n_jobs : int, optional
        Number of workers, at most one for each core; None and −1: all cores. It decides nothing
        but the time.
    seed : int
        Of the order.
    first_epoch : int
        Epochs done before: orders and steps go on from there.
    with_loss : bool
        False: leave the training loss out, which takes a pass over the data.
    on_epoch : callable, optional
        Called with the `EpochRecord` of each epoch.
    callbacks : sequence of Callback
        Such as `serialeq.RunRecorder`, `serialeq.RunVerifier` or `serialeq.EarlyStopping`.

    Raises
    ------
    SerialeqError
        For an unknown order or engine or a problem that is none, and, as DivergenceError, if
        the loss is no longer finite.
    """
    check_problem(problem)
    n_workers = min(count_workers(n_jobs), available_cores())
    with WorkerTeam(n_workers) as team:
        session = Session(problem, OrderSource(problem, order, seed, team), engine, team)
        history = train(
            session,
            n_epochs,
            first_epoch=first_epoch,
            on_epoch=on_epoch,
            with_loss=with_loss,
            callbacks=callbacks,
        )
    used = session.engine.name if session.engine else engine
    return Fitted(problem.trained(), used, session.engine_reason, n_workers, history)

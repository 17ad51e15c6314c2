"""The training function: every `fit`, of a problem or of an estimator, ends here."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from serialeq.digest import digest_arrays
from serialeq.errors import DivergenceError
from serialeq.native.team import WorkerTeam, available_cores, count_workers
from serialeq.problem import Problem

from .callbacks import Callback, Callbacks, EpochRecord, Training
from .session import OrderSource, Session


@dataclass(frozen=True)
class Execution:
    """In which order, and how; see `serialeq.fit`."""

    order: Any = "shuffled"
    engine: str = "auto"
    n_jobs: int | None = None
    seed: int = 0


@dataclass(frozen=True)
class HeldOut:
    """Data that are not trained on."""

    loss: Callable[[WorkerTeam], float]
    """``loss(team)`` returns the loss of the present state on them."""
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    """What they are, for a manifest."""


@dataclass(frozen=True, eq=False)
class Fitted:
    """What comes of a training."""

    trained: dict[str, np.ndarray]
    """What the digest covers."""
    engine: str
    """The engine that was used."""
    engine_reason: str
    n_workers: int
    history: list[EpochRecord]
    epoch: int
    """Of how many epochs the state is: all, or fewer if the best was to be kept."""

    @property
    def digest(self) -> str:
        """The sha256 of the trained arrays."""
        return digest_arrays(self.trained)


def train(
    problem: Problem,
    execution: Execution,
    n_epochs: int | range,
    *,
    held_out: HeldOut | None = None,
    with_loss: bool = True,
    callbacks: Callbacks = (),
    description: dict[str, Any] | None = None,
) -> Fitted:
    """Run epochs in place and look at the loss after each; see also `serialeq.fit`.

    Parameters
    ----------
    problem : Problem
    execution : Execution
    n_epochs : int or range
    held_out : HeldOut, optional
    with_loss : bool
    callbacks : sequence of Callback or of functions
        Called in this order, but first those that may resume a run.
    description : dict, optional
        What is trained, for the manifest.
    """
    epochs = n_epochs if isinstance(n_epochs, range) else range(int(n_epochs))
    observers = sorted(map(Callback.of, callbacks), key=lambda callback: not callback.resumes)
    with_loss = with_loss or any(callback.needs_loss for callback in observers)
    description = dict(description or {})
    if held_out is not None:
        description["held_out"] = digest_arrays(held_out.arrays)
    keeps_best = any(callback.keeps_best for callback in observers)
    asked_for = count_workers(execution.n_jobs)
    n_workers = min(asked_for, available_cores())
    with WorkerTeam(n_workers) as team:
        orders = OrderSource(problem, execution.order, execution.seed, team)
        session = Session(problem, orders, execution.engine, team)
        training = Training(session, len(epochs), epochs.start, description, keeps_best=keeps_best)
        try:
            for callback in observers:
                callback.on_train_begin(training)
            while len(training.history) < len(epochs) and not training.stopped:
                epoch = epochs.start + len(training.history)
                record = _run_epoch(session, epoch, held_out, with_loss)
                training.add(record)
                for callback in observers:
                    callback.on_epoch_end(training, record)
            for callback in observers:
                callback.on_epochs_end(training)
            training.restore_best()
            for callback in observers:
                callback.on_train_end(training)
        except BaseException as error:
            for callback in observers:
                callback.on_failure(training, error)
            raise
        trained = problem.trained()
    reason = session.engine_reason
    if n_workers < asked_for:
        reason += f"; {asked_for} workers asked for, {n_workers} cores"
    engine = session.engine.name if session.engine else execution.engine
    done = training.best[0] if training.best else len(training.history)
    return Fitted(trained, engine, reason, n_workers, training.history, epochs.start + done)


def _run_epoch(
    session: Session, epoch: int, held_out: HeldOut | None, with_loss: bool
) -> EpochRecord:
    session.prepare(epoch)
    began = time.perf_counter()
    session.run_epoch(epoch)
    seconds = time.perf_counter() - began
    loss = float(session.problem.loss(session.team)) if with_loss else None
    outside = float(held_out.loss(session.team)) if held_out else None
    for name, found in (("loss", loss), ("held-out loss", outside)):
        if found is not None and not math.isfinite(found):
            raise DivergenceError(
                f"training diverged in epoch {epoch + 1}: the {name} is {found}; "
                "lower the step (learning_rate)"
            )
    return EpochRecord(epoch + 1, seconds, loss, outside)

"""The training loop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import Any

from serialeq.errors import DivergenceError

from .callbacks import Callback, EpochFunction, EpochRecord, Training
from .session import Session

__all__ = ["EpochRecord", "train"]


def train(
    session: Session,
    n_epochs: int,
    *,
    first_epoch: int = 0,
    validate: Callable[[], float] | None = None,
    on_epoch: Callable[[EpochRecord], None] | None = None,
    with_loss: bool = True,
    callbacks: Sequence[Callback] = (),
    description: dict[str, Any] | None = None,
) -> list[EpochRecord]:
    """Run epochs and look at the loss after each.

    Parameters
    ----------
    session : Session
    n_epochs : int
    first_epoch : int
        Epochs done before: orders and steps go on from there.
    validate : callable, optional
        Returns the loss on held-out data.
    on_epoch : callable, optional
        Called with the record of each epoch: the short form of a callback.
    with_loss : bool
        False: leave the training loss out, which takes a pass over the data, unless a callback
        needs it.
    callbacks : sequence of Callback
        Called in this order, but first those that may resume a run.
    description : dict, optional
        What is trained, for the manifest.

    Returns
    -------
    history : list of EpochRecord
        With those of a run that was resumed.

    Raises
    ------
    DivergenceError
        If a loss is no longer finite.
    """
    told = sorted(callbacks, key=lambda callback: not callback.resumes)
    if on_epoch is not None:
        told.append(EpochFunction(on_epoch, False))
    with_loss = with_loss or any(callback.needs_loss for callback in told)
    keeps_best = any(callback.keeps_best for callback in told)
    training = Training(session, n_epochs, first_epoch, description or {}, keeps_best=keeps_best)
    try:
        for callback in told:
            callback.on_train_begin(training)
        while len(training.history) < n_epochs and not training.stopped:
            record = _run_epoch(session, first_epoch + len(training.history), validate, with_loss)
            training.add(record)
            for callback in told:
                callback.on_epoch_end(training, record)
        for callback in told:
            callback.on_epochs_end(training)
        training.restore_best()
        for callback in told:
            callback.on_train_end(training)
    except BaseException as error:
        for callback in told:
            callback.on_failure(training, error)
        raise
    return training.history


def _run_epoch(
    session: Session, epoch: int, validate: Callable[[], float] | None, with_loss: bool
) -> EpochRecord:
    session.prepare(epoch)
    began = time.perf_counter()
    session.run_epoch(epoch)
    seconds = time.perf_counter() - began
    loss = float(session.problem.loss(session.team)) if with_loss else None
    held_out = float(validate()) if validate else None
    for name, found in (("loss", loss), ("held-out loss", held_out)):
        if found is not None and not math.isfinite(found):
            raise DivergenceError(
                f"training diverged in epoch {epoch + 1}: the {name} is {found}; "
                "lower the step (learning_rate)"
            )
    return EpochRecord(epoch + 1, seconds, loss, held_out)

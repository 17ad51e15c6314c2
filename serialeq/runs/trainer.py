"""The training loop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from serialeq.errors import DivergenceError

from .session import Session


@dataclass(frozen=True)
class EpochRecord:
    """What is known after an epoch.

    Attributes
    ----------
    epoch : int
        Counted from 1.
    seconds : float
        Time of the updates alone.
    loss : float or None
        Training loss.
    validation_loss : float or None
    """

    epoch: int
    seconds: float
    loss: float | None
    validation_loss: float | None = None


def train(
    session: Session,
    n_epochs: int,
    *,
    first_epoch: int = 0,
    validate: Callable[[], float] | None = None,
    on_epoch: Callable[[EpochRecord], None] | None = None,
    with_loss: bool = True,
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
        Called with the record of each epoch.
    with_loss : bool
        False: leave the training loss out, which takes a pass over the data.

    Raises
    ------
    DivergenceError
        If the loss is no longer finite.
    """
    history = []
    for epoch in range(first_epoch, first_epoch + n_epochs):
        session.prepare(epoch)
        began = time.perf_counter()
        session.run_epoch(epoch)
        seconds = time.perf_counter() - began
        loss = session.problem.loss(session.team) if with_loss else None
        if loss is not None and not math.isfinite(loss):
            raise DivergenceError(
                f"training diverged in epoch {epoch + 1}: the loss is {loss}; "
                "lower the step (learning_rate)"
            )
        record = EpochRecord(epoch + 1, seconds, loss, validate() if validate else None)
        history.append(record)
        if on_epoch is not None:
            on_epoch(record)
    return history

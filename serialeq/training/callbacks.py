"""What can be done beside training: see epochs, stop, keep checkpoints, compare."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from serialeq.errors import SerialeqError
from serialeq.problem import Problem

from .session import Session


@dataclass(frozen=True)
class EpochRecord:
    """What is known after an epoch (counted from 1): seconds of the updates alone, and losses."""

    epoch: int
    seconds: float
    loss: float | None
    validation_loss: float | None = None


EpochFunction = Callable[[EpochRecord], None]
Callbacks = Sequence["Callback | EpochFunction"]
State = dict[str, np.ndarray]
Best = tuple[int, State] | None


@dataclass(eq=False)
class Training:
    """A training in progress, as callbacks see it."""

    session: Session
    n_epochs: int
    """Epochs to do, unless stopped."""
    first_epoch: int = 0
    """Epochs done before, by another training."""
    description: dict[str, Any] = field(default_factory=dict)
    """What is trained (problem, parameters), for the manifest."""
    history: list[EpochRecord] = field(default_factory=list)
    stopped: str = ""
    """Why, if it is to stop before its last epoch."""
    keeps_best: bool = False
    """A callback asks for the model of the epoch with the lowest loss."""
    best: Best = None
    """How many epochs were done then, and the state, if `keeps_best`."""

    @property
    def problem(self) -> Problem:
        """The problem that is trained."""
        return self.session.problem

    def resume(self, state: State, history: list[EpochRecord], best: Best = None) -> None:
        """Go on from a state of `Problem.state`, with what is known of the epochs before."""
        self.problem.load(state)
        self.history[:] = history
        self.best = best

    def add(self, record: EpochRecord) -> None:
        """Note an epoch that was run, and keep its state if it is the best one so far."""
        self.history.append(record)
        if self.keeps_best and best_epoch(self.history) == record.epoch:
            self.best = len(self.history), self.problem.state()

    def restore_best(self) -> None:
        """Go back to the best state, if it was kept."""
        if self.best is not None and self.best[0] != len(self.history):
            self.problem.load(self.best[1])

    def stop(self, reason: str) -> None:
        """Let the epoch that was run be the last."""
        self.stopped = self.stopped or reason


def best_epoch(history: Sequence[EpochRecord]) -> int | None:
    """Return the first epoch with the lowest loss: held out, if there is one, or else training.

    None: there are no losses.
    """
    losses = ((r.loss if r.validation_loss is None else r.validation_loss, r) for r in history)
    found = [(loss, record.epoch) for loss, record in losses if loss is not None]
    return min(found)[1] if found else None


class Callback:
    """Base class: does nothing.

    `on_train_begin` may resume the training or stop it before its first epoch.
    """

    @staticmethod
    def of(given: Callback | EpochFunction) -> Callback:
        """Return a callback, or one that calls a function with the record of each epoch."""
        if isinstance(given, Callback):
            return given
        made = Callback()
        made.on_epoch_end = lambda training, record: given(record)
        return made

    needs_loss = False
    """Whether the training loss, which takes a pass over the data, is needed."""
    keeps_best = False
    """Whether the model is to be that of the epoch with the lowest loss."""
    resumes = False
    """Whether it may load an earlier state, so that the others have to be told after it."""

    def on_train_begin(self, training: Training) -> None:
        """Be told before the first epoch is planned."""

    def on_epoch_end(self, training: Training, record: EpochRecord) -> None:
        """Be told after each epoch."""

    def on_failure(self, training: Training, error: BaseException) -> None:
        """Be told that the training failed, or was interrupted (Ctrl-C, SIGTERM)."""

    def on_epochs_end(self, training: Training) -> None:
        """Be told after the last epoch, before the state of the best one is restored."""

    def on_train_end(self, training: Training) -> None:
        """Be told that the problem holds the result."""

    def on_fit_end(self, arrays: dict[str, np.ndarray], about: dict[str, Any]) -> None:
        """Be told what an estimator has become: arrays and description of a model file."""


class BestEpoch(Callback):
    """Ends with the model of the epoch with the lowest loss, instead of that of the last one.

    The loss is that on held-out data, or, without any, the training loss; of equal ones the first
    counts. All epochs are in the history and in a run's chain, and a resumed run ends with the
    same model.
    """

    needs_loss = keeps_best = True


class EarlyStopping(Callback):
    """Stops when the loss has not fallen by `tol` for `patience` epochs, as in scikit-learn.

    The loss is that of training, or, if `held_out`, that on held-out data. The model is that of the
    last epoch; add `BestEpoch` for that of ``best_epoch``, the one of the lowest loss, counted from
    1. What it does is a function of the history, so a resumed training stops where the other would.
    """

    needs_loss = True

    def __init__(self, patience: int = 5, tol: float = 1e-3, *, held_out: bool = False) -> None:
        self.patience, self.tol, self.held_out = patience, tol, held_out
        self.best_epoch = 0

    def on_train_begin(self, training: Training) -> None:
        """Look at the epochs that were done before."""
        self.best_epoch, self._best, self._waiting = 0, float("inf"), 0
        for record in training.history:
            self.on_epoch_end(training, record)

    def on_epoch_end(self, training: Training, record: EpochRecord) -> None:
        """Compare the loss with the best one."""
        loss = record.validation_loss if self.held_out else record.loss
        if loss is None:
            raise SerialeqError(
                "EarlyStopping: held_out: expected a training with held-out data, got none"
            )
        self._waiting = self._waiting + 1 if loss > self._best - self.tol else 0
        if loss < self._best:
            self._best, self.best_epoch = loss, record.epoch
        if self._waiting >= self.patience:
            training.stop(f"no better loss for {self.patience} epochs")

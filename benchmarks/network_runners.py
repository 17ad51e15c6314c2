"""What has a turn with the dropout network: epochs of an engine, of serial runs side by side."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from benchmarks.datasets import SEED
from benchmarks.texts import LabelledSplit
from benchmarks.timing import seconds
from serialeq.digest import digest_arrays
from serialeq.native.team import WorkerTeam
from serialeq.problems.network.parameters import NetworkParameters
from serialeq.problems.network.problem import DropoutNetwork, feed_forward
from serialeq.training.session import OrderSource, Session

N_GROUPS = 16
EPOCHS_PER_TURN = 3
"""Epochs timed together; each one draws masks, plans and runs."""

_STEPS = {1: 0.07, 2: 0.07}
_STEP = 0.05
"""Highest held-out accuracy on 20 Newsgroups, of some ten steps for each number of groups kept."""


@dataclass(frozen=True)
class Task:
    """A data set and a network.

    Attributes
    ----------
    split : LabelledSplit
    hidden_units : int
    n_kept : int
        Groups of `N_GROUPS` that each sample keeps.
    masks : str
    """

    split: LabelledSplit
    hidden_units: int
    n_kept: int
    masks: str

    @property
    def name(self) -> str:
        """Such as ``4/16 partition``."""
        return f"{self.n_kept}/{N_GROUPS} {self.masks}"

    def problem(self) -> DropoutNetwork:
        """Return a new problem."""
        classes = self.split.classes_train
        assert classes is not None
        return DropoutNetwork(
            self.split.X_train,
            np.eye(int(classes.max()) + 1)[classes],
            NetworkParameters(
                self.hidden_units,
                n_groups=N_GROUPS,
                n_kept=self.n_kept,
                masks=self.masks,
                learning_rate=_STEPS.get(self.n_kept, _STEP),
            ),
            seed=SEED,
        )

    def accuracy(self, problem: DropoutNetwork, trained: dict[str, np.ndarray]) -> float:
        """Return the share of held-out examples that are classified as they should be."""
        outputs = feed_forward(*problem.plain(trained), self.split.X_test)
        return float(np.mean(outputs.argmax(axis=1) == self.split.classes_test))


@dataclass(frozen=True)
class Entry:
    """Who takes part: an engine or "ceiling", in an order, with so many workers."""

    engine: str
    order: str
    jobs: int

    @property
    def name(self) -> str:
        """How it is called in ratios."""
        return f"{self.engine} {self.order}"


@contextmanager
def session_of(task: Task, entry: Entry) -> Iterator[tuple[DropoutNetwork, Session]]:
    """Open a session on a problem of its own."""
    with WorkerTeam(entry.jobs) as team:
        problem = task.problem()
        orders = OrderSource(problem, entry.order, SEED, team)
        yield problem, Session(problem, orders, entry.engine, team)


class Runner:
    """Goes on with the epochs of one contestant."""

    def __init__(self, task: Task, entry: Entry) -> None:
        self._opened = session_of(task, entry)
        self._session = self._opened.__enter__()[1]
        self._epoch = 0

    def epochs(self) -> None:
        """Run the epochs of a turn."""
        for _ in range(EPOCHS_PER_TURN):
            self._session.run_epoch(self._epoch)
            self._epoch += 1

    def turn(self) -> float:
        """Return the seconds of an epoch, planning included."""
        return seconds(self.epochs) / EPOCHS_PER_TURN

    def close(self) -> None:
        """End the threads."""
        self._opened.__exit__(None, None, None)


class Ceiling:
    """Independent serial runs, one on each core: what the machine allows, waits or no waits."""

    def __init__(self, task: Task, entry: Entry) -> None:
        serial = Entry("serial", entry.order, 1)
        self._runners = [Runner(task, serial) for _ in range(entry.jobs)]
        self._threads = ThreadPoolExecutor(entry.jobs)

    def _side_by_side(self) -> None:
        list(self._threads.map(Runner.epochs, self._runners))

    def turn(self) -> float:
        """Return the seconds of all runs together, over the number of epochs of all."""
        return seconds(self._side_by_side) / (EPOCHS_PER_TURN * len(self._runners))

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown()
        for runner in self._runners:
            runner.close()


def train(task: Task, entry: Entry, epochs: int) -> tuple[float, str]:
    """Train from the start; return held-out accuracy and digest."""
    with session_of(task, entry) as (problem, session):
        for epoch in range(epochs):
            session.run_epoch(epoch)
        trained = problem.trained()
    return task.accuracy(problem, trained), digest_arrays(trained)


def scikit_learn(split: LabelledSplit, hidden_units: int, epochs: int) -> dict[str, Any]:
    """Train `MLPClassifier` (Adam, its defaults, in float32) of the same size.

    Returns median seconds of an epoch, and held-out accuracy after each.
    """
    X, X_test = (matrix.astype(np.float32) for matrix in (split.X_train, split.X_test))
    model = MLPClassifier((hidden_units,), max_iter=1, warm_start=True, random_state=SEED)
    times, accuracies = [], []
    for _ in range(epochs):
        began = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # one epoch is not meant to
            model.fit(X, split.classes_train)
        times.append(time.perf_counter() - began)
        accuracies.append(float(model.score(X_test, split.classes_test)))
    return {"epoch": float(np.median(times)), "epochs": epochs, "accuracies": accuracies}

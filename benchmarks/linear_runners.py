"""What has a turn with linear models: a whole training run, from arrays to trained weights."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol

import numpy as np

from benchmarks.datasets import SEED
from benchmarks.kinds.linear import Setting, make_problem
from benchmarks.texts import LabelledSplit
from serialeq.digest import digest_arrays
from serialeq.native.team import WorkerTeam
from serialeq.problems.linear.problem import LinearModel
from serialeq.training.session import OrderSource, Session


@dataclass(frozen=True)
class Task:
    """Examples with one or several outputs, and a loss.

    Attributes
    ----------
    X, X_test : scipy.sparse.csr_array or ndarray
    labels, test_labels : ndarray
        -1 and 1, or classes 0, 1, … if `n_classes` is more than two.
    loss : str
        One of `LOSSES`.
    epochs : int
    n_classes : int
    """

    X: Any
    labels: np.ndarray
    X_test: Any
    test_labels: np.ndarray
    loss: str
    epochs: int
    n_classes: int = 2

    @property
    def targets(self) -> np.ndarray:
        """A column of -1 and 1 for each output."""
        if self.n_classes == 2:
            return self.labels.reshape(-1, 1)
        return np.where(self.labels[:, None] == np.arange(self.n_classes), 1.0, -1.0)

    def problem(self, setting: Setting, **options: Any) -> LinearModel:
        """Return a new problem."""
        options = asdict(setting) | {"loss": self.loss} | options
        return make_problem(self.X, self.targets, **options)

    def objective(self, trained: dict[str, np.ndarray], setting: Setting) -> float:
        """Return mean loss plus penalty of anybody's weights."""
        judge = self.problem(setting, arithmetic="float64")
        judge.load(trained)
        return judge.loss()

    def accuracy(self, trained: dict[str, np.ndarray]) -> float:
        """Return the share of held-out examples that are classified as they should be."""
        margins = np.asarray(self.X_test @ trained["coef"].T) + trained["intercept"]
        if self.n_classes == 2:
            found = np.where(margins[:, 0] > 0.0, 1.0, -1.0)
        else:
            found = margins.argmax(axis=1)
        return float(np.mean(found == self.test_labels))


def binary_task(split: LabelledSplit, loss: str, epochs: int) -> Task:
    """Return the task with labels -1 and 1."""
    return Task(split.X_train, split.y_train, split.X_test, split.y_test, loss, epochs)


def class_task(split: LabelledSplit, loss: str, epochs: int) -> Task:
    """Return the task of telling all classes apart, each one from the rest."""
    train, test = split.classes_train, split.classes_test
    assert train is not None
    assert test is not None
    return Task(split.X_train, train, split.X_test, test, loss, epochs, int(train.max()) + 1)


@dataclass(frozen=True)
class Lap:
    """Seconds of a training run.

    Attributes
    ----------
    total : float
        From arrays to trained weights.
    preparation : float
        Of these, before the first epoch: threads, lattice, order, plan, data layout.
    epoch : float
        Mean of an epoch.
    """

    total: float
    preparation: float
    epoch: float


@dataclass(frozen=True)
class Entry:
    """Who takes part, as the results name it.

    Attributes
    ----------
    name : str
    engine : str
    order : str
    arithmetic : str
    jobs : int
    size : int or None
        Samples per block or per mini-batch; None: the problem's own block, or no such thing.
    one_epoch : bool
        Only one epoch is run, and the time of all of them extrapolated.
    """

    name: str
    engine: str
    order: str
    arithmetic: str
    jobs: int
    size: int | None = None
    one_epoch: bool = False


class Trainer(Protocol):
    """Trains a model in one way."""

    @property
    def entry(self) -> Entry:
        """Who this is."""

    def fit(self, setting: Setting) -> tuple[Lap, dict[str, np.ndarray] | None]:
        """Train; return the time, and the weights as `LinearModel.trained` does, if any."""


@dataclass(frozen=True)
class Engine:
    """One engine of the library."""

    task: Task
    entry: Entry

    def fit(self, setting: Setting) -> tuple[Lap, dict[str, np.ndarray]]:
        """Train on threads, a problem and a session of its own."""
        entry = self.entry
        kind = "batch_size" if entry.engine == "minibatch" else "block_size"
        options: dict[str, Any] = {} if entry.size is None else {kind: entry.size}
        epochs = 1 if entry.one_epoch else self.task.epochs
        began = time.perf_counter()
        with WorkerTeam(entry.jobs) as team:
            problem = self.task.problem(setting, arithmetic=entry.arithmetic, team=team, **options)
            orders = OrderSource(problem, entry.order, SEED, team)
            session = Session(problem, orders, entry.engine, team)
            session.prepare(0)
            ready = time.perf_counter()
            for epoch in range(epochs):
                session.run_epoch(epoch)
            trained = problem.trained()
        end = time.perf_counter()
        each = (end - ready) / epochs
        return Lap(ready - began + each * self.task.epochs, ready - began, each), trained


@dataclass(frozen=True)
class Ceiling:
    """Independent serial runs side by side: what the machine allows, waits or no waits."""

    task: Task
    entry: Entry

    def fit(self, setting: Setting) -> tuple[Lap, None]:
        """Return the time of all runs over their number."""
        serial = Engine(self.task, replace(self.entry, engine="serial", jobs=1))
        n = self.entry.jobs
        began = time.perf_counter()
        with ThreadPoolExecutor(n) as threads:
            runs = list(threads.map(serial.fit, [setting] * n))
        total = (time.perf_counter() - began) / n
        laps = [lap for lap, _ in runs]
        preparation = sum(lap.preparation for lap in laps) / n**2
        return Lap(total, preparation, sum(lap.epoch for lap in laps) / n**2), None


class Turns:
    """A trainer's turns in the race; keeps the weights, and whether they were always the same."""

    def __init__(self, trainer: Trainer, setting: Setting) -> None:
        self.trained: dict[str, np.ndarray] | None = None
        self._trainer = trainer
        self._setting = setting
        self._digests: set[str] = set()

    def __call__(self) -> Lap:
        """Have a turn."""
        lap, self.trained = self._trainer.fit(self._setting)
        if self.trained is not None:
            self._digests.add(digest_arrays(self.trained))
        return lap

    @property
    def digest(self) -> str | None:
        """The digest of the weights of all turns; None if they were not the same, or none."""
        return next(iter(self._digests)) if len(self._digests) == 1 else None

"""Linear models, and how they are trained on each data set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.kinds import Source
from benchmarks.texts import TextDataset, load_text
from serialeq.native.team import WorkerTeam
from serialeq.problems.linear.parameters import LinearParameters
from serialeq.problems.linear.problem import LinearModel

DATA = tuple(TextDataset)

LOSSES = ("log_loss", "hinge")
"""The losses that are raced."""


@dataclass(frozen=True)
class Setting:
    """How a model is trained; scikit-learn has the same formulas."""

    alpha: float
    learning_rate: str = "optimal"
    eta0: float = 0.1
    power_t: float = 0.5

    @property
    def parameters(self) -> dict[str, Any]:
        """Those that mean something with these steps."""
        names = {"optimal": (), "constant": ("eta0",), "invscaling": ("eta0", "power_t")}
        used = ("alpha", "learning_rate", *names[self.learning_rate])
        return {name: getattr(self, name) for name in used}


_RACE = {"log_loss": Setting(1e-5), "hinge": Setting(1e-4)}
_RACE_DENSE = Setting(1e-4, "invscaling", eta0=1.0)

_QUALITY = {
    (TextDataset.NEWSGROUPS, "log_loss"): Setting(1e-6, "constant", eta0=2.0),
    (TextDataset.NEWSGROUPS, "hinge"): Setting(1e-5, "constant", eta0=0.1),
    (TextDataset.NEWSGROUPS_STOP, "log_loss"): Setting(1e-5),
    (TextDataset.NEWSGROUPS_STOP, "hinge"): Setting(1e-4),
    (TextDataset.LINUX, "log_loss"): Setting(1e-7),
    (TextDataset.LINUX, "hinge"): Setting(1e-5),
    (TextDataset.DENSE, "log_loss"): Setting(1e-4),
    (TextDataset.DENSE, "hinge"): Setting(1e-5, "invscaling", eta0=3.0),
}


def race_setting(data: TextDataset, loss: str) -> Setting:
    """Return how a data set is trained in the race.

    The hinge loss has the usual alpha: with a tenth of it, what 20 epochs of SGD end with differs
    by per cents from seed to seed, and no two arithmetics can be compared by one run.
    """
    return _RACE_DENSE if data == TextDataset.DENSE else _RACE.get(loss, Setting(1e-4))


def quality_setting(data: TextDataset, loss: str) -> Setting:
    """Return the highest held-out accuracy after 20 epochs, of some tens of settings."""
    return _QUALITY[data, loss]


def source(name: str, quick: bool) -> Source:
    """Return the texts of that name with two classes; the quality is the objective."""
    data, split = TextDataset(name), load_text(name, quick)
    targets = split.y_train.reshape(-1, 1)

    def make(*, loss: str = "log_loss", **setting: Any) -> LinearModel:
        setting = race_setting(data, loss).parameters | setting
        return make_problem(split.X_train, targets, loss=loss, **setting)

    return Source(f"{name}, {split.X_train.shape}", make, measure="objective")


def make_problem(
    X: Any, targets: np.ndarray, team: WorkerTeam | None = None, **parameters: Any
) -> LinearModel:
    """Return a new problem."""
    return LinearModel(X, targets, LinearParameters.from_record(parameters), team=team)

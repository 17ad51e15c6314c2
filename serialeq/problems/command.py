"""What a kind of problem says to the command line: which files it reads, and what it found.

A kind's `Command` declares files and options beside the estimator's parameters, as an estimator
declares those. ``serialeq train``, ``plan``, ``predict``, ``--resume`` and ``verify`` are made
of the two declarations.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from serialeq.errors import SerialeqError
from serialeq.training.estimator import Arrays, Estimator
from serialeq.training.parameters import Declared, Parameter


@dataclass(frozen=True)
class File(Parameter):
    """A file that is trained on: an argument, or with ``argument=False`` an option."""

    argument: bool = True


@dataclass
class Data:
    """What was read."""

    arguments: tuple[Any, ...]
    """What ``fit`` and ``problem`` of the estimator take."""
    summary: str
    """How much it is, in a line."""
    options: dict[str, Any] = field(default_factory=dict)
    """What else ``fit`` takes, such as held-out data."""
    inputs: dict[str, np.ndarray] = field(default_factory=dict)
    """What a model keeps to understand new data, such as labels and words."""
    about: dict[str, Any] = field(default_factory=dict)
    """What else a model tells of them."""
    rest: Any = None
    """What `Command.report` needs besides, such as held-out samples."""


class Report(NamedTuple):
    """What a kind tells of a training besides engine, loss and digest."""

    about: dict[str, Any]
    """For the manifest, the model and ``--json``."""
    lines: list[tuple[str, str]]
    """Label and text, for a person."""
    found: dict[str, Any]
    """For ``--json`` only."""


class Request(NamedTuple):
    """What ``serialeq predict`` is asked: of a file ("-": stdin), or of a user."""

    data: str | None
    user: str | None
    top: int

    @property
    def file(self) -> str:
        """The file; SerialeqError if a user was asked about."""
        if self.data is None:
            raise SerialeqError("predict: expected a file with a model of this kind, not --user")
        return self.data


class Answer(NamedTuple):
    """A table, and what is to be noted."""

    columns: list[str]
    rows: Iterable[Iterable[Any]]
    notice: str = ""


class Command(Declared):
    """Base of a kind's command; an instance has the values of its files and options."""

    def check(self, estimator: Estimator) -> None:
        """Raise SerialeqError for options that are wrong; before anything is read."""
        self.check_parameters()
        estimator.check_parameters()

    def estimator(self, classes: list[type[Estimator]], given: Mapping[str, Any]) -> Estimator:
        """Return the estimator that `given` parameters ask for."""
        return classes[0](**given)

    def read(self, estimator: Estimator) -> Data:
        """Read the files."""
        raise SerialeqError(f"{type(self).__name__} reads nothing")

    def report(self, estimator: Estimator, data: Data) -> Report:
        """Tell what a trained estimator found."""
        return Report({}, [], {})

    @classmethod
    def predict(
        cls, estimator: Estimator, arrays: Arrays, about: dict[str, Any], request: Request
    ) -> Answer:
        """Tell what a model says of new data."""
        raise SerialeqError("predict: models of this kind say nothing of new data")

    @classmethod
    def files(cls) -> dict[str, File]:
        """Return the fields that are files that are trained on."""
        found = {name: declared.parameter for name, declared in cls.declarations().items()}
        return {name: one for name, one in found.items() if isinstance(one, File)}

    def record(self) -> dict[str, Any]:
        """Return the options that make the model: how the files are read."""
        return {
            name: getattr(self, name)
            for name, declared in self.declarations().items()
            if declared.parameter.makes_model and not isinstance(declared.parameter, File)
        }

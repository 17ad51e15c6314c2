"""Where the problems come from that are raced: a kind's example, or data of its own.

A module here that is called like a kind says which data sets that has (`DATA`), and what comes of
one (``source(name, quick)``). Kinds without a module are raced by their registered example.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any, NamedTuple, Protocol

from serialeq.errors import SerialeqError
from serialeq.problem import Problem
from serialeq.problems.registry import imported, kinds
from serialeq.training.compare import Contestant

_TIMES_EXAMPLE = 100

Setting = Mapping[str, Any]
"""Parameters of a problem, by name; those that are left out have their defaults."""


class Effort(NamedTuple):
    """How long to measure: workers, rounds of turns, epochs of a training, seconds of a turn."""

    jobs: int
    rounds: int
    epochs: int
    turn: float = 0.25


class Peer(Protocol):
    """Another library that takes part."""

    def turn(self) -> float:
        """Return the seconds of an epoch."""

    def quality(self, epochs: int) -> float:
        """Train from the start; return what `Source.quality` would."""


class Extras(NamedTuple):
    """What else tells how good the results are.

    Attributes
    ----------
    curves : dict
        The quality after some epochs, by whose it is.
    facts : dict
        Anything else, by name.
    """

    curves: dict[str, dict[int, float]]
    facts: dict[str, Any]


@dataclass(frozen=True)
class Source:
    """Where problems come from, and how their results are judged.

    Attributes
    ----------
    described : str
        Which data, and how much.
    make : callable
        ``make(**setting)`` returns a new problem.
    quality : callable
        Of a problem's state; by default its loss.
    measure : str
        What that is.
    peers : callable
        ``peers(jobs, setting)`` returns other libraries as contestants.
    extras : callable
        ``extras(setting, effort)`` returns what ``benchmarks quality`` tells besides.
    """

    described: str
    make: Callable[..., Problem]
    quality: Callable[[Any], float] = lambda problem: problem.loss()
    measure: str = "loss"
    peers: Callable[[int, Setting], dict[Contestant, Peer]] = lambda jobs, setting: {}
    extras: Callable[[Setting, Effort], Extras] = lambda setting, effort: Extras({}, {})


def source_of(word: str, data: str | None, quick: bool) -> Source:
    """Return where the problems of a kind come from.

    Parameters
    ----------
    word : str
        Of a registered kind.
    data : str or None
        A data set of the kind, or how many times as large as its example the problem is to be.
    quick : bool
        Small and generated instead.

    Raises
    ------
    SerialeqError
        For an unknown kind or data set.
    """
    kind = kinds().get(word)
    if kind is None:
        raise SerialeqError(f"kind: expected one of {', '.join(kinds())}, got {word!r}")
    if data is None or data.isdecimal():
        n = max(int(data or (1 if quick else _TIMES_EXAMPLE)), 1)
        return Source(f"example of {word}, times {n}", partial(imported(kind.example), n))
    own = f"{__name__}.{word}"
    module = import_module(own) if find_spec(own) else None
    names = [] if module is None else [str(name) for name in module.DATA]
    if module is None or data not in names:
        expected = [*names, f"how many times as large as the example of {word} it is to be"]
        raise SerialeqError(f"data: expected {', or '.join(expected)}, got {data!r}")
    found: Source = module.source(data, quick)
    return found

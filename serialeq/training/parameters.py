"""Hyper-parameters, each declared once: a typed field with a default, a check and its help.

A declaration makes the constructor (by `dataclasses`), scikit-learn's ``get_params``, the check
before training, the option of the command line, the entry in a run's manifest and the
documentation::

    class Model(Declared):
        n_factors: Annotated[int, Parameter("Rank.", Whole(1))] = 32
"""

from __future__ import annotations

import inspect
import sys
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from functools import cache
from numbers import Integral, Real
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Self, dataclass_transform, get_args, get_origin, get_type_hints

import numpy as np

from serialeq.errors import DataError, SerialeqError


def anything(name: str, value: Any) -> None:
    """Take any value."""


@dataclass(frozen=True)
class Parameter:
    """What is to be known of a field besides its type and default."""

    help: str
    """A line, or a few; what the documentation and ``--help`` say."""
    check: Callable[[str, Any], None] = anything
    """``check(name, value)`` raises SerialeqError; not asked of None if the type allows it."""
    option: str | None = ""
    """Name on the command line; "": the field's, without ``n_``; None: it has none."""
    makes_model: bool = True
    """False: it decides about time or output only, and is no part of what a run is."""


@dataclass(frozen=True)
class Declaration:
    """A declared field: `Parameter`, and what its annotation says."""

    name: str
    parameter: Parameter
    type: Any
    default: Any

    @property
    def optional(self) -> bool:
        """Whether None is a value of its type."""
        return NoneType in get_args(self.type)

    @property
    def kind(self) -> Any:
        """Its type on the command line: the first of its types that can be one, or str."""
        known = bool, int, float, Path, list[str], tuple[int, int]
        return next((one for one in get_args(self.type) or (self.type,) if one in known), str)

    @property
    def option(self) -> str | None:
        """Its name on the command line, or None."""
        name = self.parameter.option
        return self.name.removeprefix("n_") if name == "" else name


@dataclass_transform(eq_default=False, field_specifiers=(field,))
class Declared:
    """Base of what has declared parameters: every subclass is a dataclass."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        notes = inspect.get_annotations(cls).values()
        if notes and not any("Annotated" in str(note) or "KW_ONLY" in str(note) for note in notes):
            return  # somebody's subclass that only adds behaviour
        own = cls.__dict__.get("__doc__")
        dataclass(eq=False, repr=False)(cls)
        cls.__doc__ = own and _documented(cls, own)
        types = {name: declared.type for name, declared in cls.declarations().items()}
        cls.__init__.__annotations__ |= types  # signatures without the notes

    @classmethod
    def declarations(cls) -> dict[str, Declaration]:
        """Return all declared fields by name."""
        return _declarations(cls)  # type: ignore[arg-type]

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """Return one with recorded values; what is missing has its default.

        Raises
        ------
        DataError
            If one is unknown, or missing without a default, or wrong.
        """
        declared = cls.declarations()
        if unknown := sorted(set(record) - set(declared)):
            raise DataError(f"{unknown[0]}: expected parameters of {cls.__name__}, got an unknown")
        for name, one in declared.items():
            if one.default is MISSING and name not in record:
                raise DataError(f"{name}: expected one for {cls.__name__}, got none")
        made = cls(**record)
        made.check_parameters()
        return made

    def check_parameters(self) -> None:
        """Raise SerialeqError for the first parameter that is wrong."""
        for name, declared in self.declarations().items():
            value = getattr(self, name)
            if not (value is None and declared.optional):
                declared.parameter.check(name, value)


@cache
def _declarations(cls: Any) -> dict[str, Declaration]:
    found = {}
    hints = get_type_hints(cls, include_extras=True)
    for own in fields(cls):
        hint = hints[own.name]
        if get_origin(hint) is Annotated:
            kind, *notes = get_args(hint)
            parameter = next(note for note in notes if isinstance(note, Parameter))
            found[own.name] = Declaration(own.name, parameter, kind, own.default)
    return found


def _documented(cls: type[Declared], doc: str) -> str:
    """Add a section of parameters to a docstring, before the next section."""
    lines = ["Parameters", "----------"]
    for name, declared in cls.declarations().items():
        kind = declared.type.__name__ if isinstance(declared.type, type) else str(declared.type)
        default = "" if declared.default is MISSING else f", default={declared.default!r}"
        lines += [
            f"{name} : {kind.replace('typing.', '')}{default}",
            *(f"    {line}" for line in textwrap.wrap(declared.parameter.help, 92)),
        ]
    head, rule, rest = inspect.cleandoc(doc).partition("\n\nAttributes\n")
    return "\n".join([head, "", *lines, ""]) + rule.removeprefix("\n") + rest


# ---- checks --------------------------------------------------------------------------------------


class Number:
    """A finite number of at least `least` (`above`: more than that), less than `below`."""

    _type: Any = Real
    _expected = "a finite number"

    def __init__(
        self, least: float = -np.inf, *, above: bool = False, below: float = np.inf
    ) -> None:
        self.least, self.above, self.below, self.most = least, above, below, np.inf

    def __call__(self, name: str, value: Any) -> None:
        """Raise SerialeqError unless it is one."""
        if isinstance(value, Integral) and abs(int(value)) > sys.float_info.max:
            raise SerialeqError(f"{name}: expected a number below 2**1024, got one beyond")
        number = isinstance(value, self._type) and not isinstance(value, bool)
        if not number or not np.isfinite(float(value)):
            raise SerialeqError(f"{name}: expected {self._expected}, got {value!r}")
        for wrong, bound in (
            (value < self.least, f"at least {self.least:g}"),
            (self.above and value == self.least, f"more than {self.least:g}"),
            (value >= self.below, f"less than {self.below}"),
            (value > self.most, f"at most {self.most}"),
        ):
            if wrong:
                raise SerialeqError(f"{name}: expected {bound}, got {value!r}")


class Whole(Number):
    """An integer from `least` to `most`."""

    _type, _expected = Integral, "an integer"

    def __init__(self, least: int = 0, most: float = 2**31 - 1) -> None:
        super().__init__(least)
        self.most = most


class OneOf:
    """One of the values."""

    def __init__(self, *values: Any) -> None:
        self.values = values

    def __call__(self, name: str, value: Any) -> None:
        """Raise SerialeqError unless it is one."""
        plain = value.item() if isinstance(value, np.generic) else value
        plain = plain.name if isinstance(plain, np.dtype) else plain
        if not any(type(plain) is type(one) and plain == one for one in self.values):
            expected = ", ".join(map(str, self.values))
            raise SerialeqError(f"{name}: expected one of {expected}, got {value!r}")


class Flag:
    """True or False."""

    def __call__(self, name: str, value: Any) -> None:
        """Raise SerialeqError unless it is one."""
        if not isinstance(value, (bool, np.bool_)):
            raise SerialeqError(f"{name}: expected True or False, got {value!r}")

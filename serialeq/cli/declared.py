"""Declarations as commands: the options of an estimator and of what reads its data."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import MISSING
from typing import Annotated, Any

import typer

from serialeq.problems.command import Command, File
from serialeq.problems.registry import Kind, imported
from serialeq.training.estimator import Estimator
from serialeq.training.parameters import Declaration

from .options import Options, keyword, signed

_NONE = "none"
"""What stands for None on the command line, where that is not the default."""


def classes_of(kind: Kind) -> list[type[Estimator]]:
    """Return the estimators of a kind."""
    return [imported(place) for place in kind.estimators]


def command_of(kind: Kind) -> type[Command]:
    """Return the class that reads the files of a kind."""
    found: type[Command] = imported(kind.command)
    return found


def declarations_of(kind: Kind) -> dict[str, Declaration]:
    """Return what a kind's command line has: files, options of reading, parameters."""
    found = dict(command_of(kind).declarations())
    for cls in classes_of(kind):
        for name, declared in cls.declarations().items():
            found.setdefault(name, declared)
    return {name: declared for name, declared in found.items() if declared.option is not None}


def with_options(kind: Kind, function: Callable[..., None], more: Options) -> Callable[..., None]:
    """Return a function with a signature for typer: a kind's options, and `more` of one's own.

    A kind's option of a name that is in `more` is left out. It calls
    ``function(kind, given, options)``, where `given` are the declared ones by name,
    without those that nobody asked for, and `options` the others.
    """
    declared = {name: one for name, one in declarations_of(kind).items() if name not in more}
    several = len(kind.estimators) > 1
    own = command_of(kind).declarations()

    def run(**values: Any) -> None:
        given = {name: value for name, value in values.items() if name in declared}
        if several:  # None: what the estimator in question has as its default
            given = {k: v for k, v in given.items() if v is not None or k in own}
        given = {k: None if v == _NONE and declared[k].optional else v for k, v in given.items()}
        function(kind, given, {name: values[name] for name in more})

    parameters = [_parameter(d, several and d.name not in own) for d in declared.values()]
    parameters += [keyword(name, *option) for name, option in more.items()]
    run.__doc__ = kind.summary
    return signed(run, parameters)


def _parameter(declared: Declaration, undecided: bool) -> inspect.Parameter:
    """Return a typer parameter; `undecided`: its default is None, the true one is in the help."""
    note, default, text = declared.parameter, declared.default, declared.parameter.help
    if undecided:
        text += "" if default is None else f" ({default} by default)"
        default = None
    kind = declared.kind
    parser: Callable[[str], Any] | None = None
    if declared.optional and declared.default is not None:
        text += f" {_NONE.capitalize()}: --{declared.option} {_NONE}."

        def parser(given: str) -> Any:
            return _NONE if given == _NONE else kind(given)

    hint = kind | None if declared.optional or undecided else kind
    name = f"--{str(declared.option).replace('_', '-')}"
    if declared.default is True:
        name = f"{name}/--no-{name[2:]}"
    argument = isinstance(note, File) and note.argument
    shown = typer.Argument(help=text) if argument else typer.Option(name, help=text, parser=parser)
    default = inspect.Parameter.empty if default is MISSING else default
    return keyword(declared.name, Annotated[hint, shown], default)

"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from inspect import Parameter, Signature
from pathlib import Path
from typing import Annotated, Any

import typer

Options = dict[str, tuple[Any, Any]]
"""Annotation and default of each option, by name."""

Jobs = Annotated[int | None, typer.Option(help="Workers; all cores by default.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]
Seed = Annotated[int, typer.Option(help="Seed of data, first state and order.")]
Out = Annotated[Path | None, typer.Option(help="Directory for the run and its model.")]
Plot = Annotated[Path | None, typer.Option(help="Write a picture (png, svg, pdf).")]
Best = Annotated[
    bool, typer.Option("--best", help="End with the epoch of the lowest (held-out) loss.")
]
Resume = Annotated[
    Path | None, typer.Option("--resume", help="Go on with the interrupted run of DIR.")
]
Every = Annotated[
    int | None, typer.Option("--checkpoint-every", help="Write a checkpoint every so many epochs.")
]
Seconds = Annotated[
    float | None,
    typer.Option("--checkpoint-seconds", help="Write one every so many seconds; 60 by default."),
]
DigestEvery = Annotated[
    int, typer.Option("--digest-every", help="With --out: hash the state every so many epochs.")
]
Keep = Annotated[
    bool, typer.Option("--keep-checkpoints", help="Keep them all, for verify --epochs.")
]
Engine = Annotated[
    str | None, typer.Option(help="An engine with the promise of the run's; auto by default.")
]
Files = Annotated[
    list[Path] | None,
    typer.Option("--data", help="Where the data are now, if moved; repeat for several files."),
]


def keyword(name: str, annotation: Any, default: Any) -> Parameter:
    """Return a parameter of a command."""
    return Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def signed(function: Callable[..., None], parameters: Sequence[Parameter]) -> Callable[..., None]:
    """Give a function of ``**values`` the signature that typer reads."""
    ordered = sorted(parameters, key=lambda parameter: parameter.default is not parameter.empty)
    function.__signature__ = Signature(ordered)  # type: ignore[attr-defined]
    function.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return function

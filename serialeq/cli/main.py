"""The command line: ``serialeq demo | train | predict | plan | verify | diff``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from serialeq.errors import SerialeqError
from serialeq.problems.registry import Kind, kinds

from . import plan, train
from .demo import demo
from .options import Options
from .predict import predict
from .runs import diff, verify
from .runs import train as train_or_resume

Start = Callable[[Kind, Mapping[str, Any], Mapping[str, Any]], None]


class _OfKind(TyperCommand):
    """A command that is made from a kind's declarations when it is called, not before."""

    def __init__(self, kind: Kind, start: Start, more: Options) -> None:
        super().__init__(kind.word, help=kind.summary)
        self._parts = kind, start, more

    def make_context(self, info_name: Any, args: Any, parent: Any = None, **extra: Any) -> Any:
        """Import the kind's estimator and hand over to the true command."""
        from .declared import with_options

        kind, start, more = self._parts
        app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        app.command(kind.word)(with_options(kind, start, more))
        return typer.main.get_command(app).make_context(info_name, args, parent, **extra)


def _by_kind(start: Start, more: Options) -> type[TyperGroup]:
    """Return a group of commands with one for each registered kind."""

    class Kinds(TyperGroup):
        def list_commands(self, ctx: Any) -> list[str]:
            return list(kinds())

        def get_command(self, ctx: Any, cmd_name: str) -> Any:
            if cmd_name in kinds():
                return _OfKind(kinds()[cmd_name], start, more)
            raise SerialeqError(f"expected a kind, one of {', '.join(kinds())}, got {cmd_name!r}")

    return Kinds


app = typer.Typer(
    help="Train on any number of workers and get the bits of the serial run.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for _name, _group, _callback in (
    ("train", _by_kind(train.start, train.OPTIONS), train_or_resume),
    ("plan", _by_kind(plan.start, plan.OPTIONS), plan.plan),
):
    _sub = typer.Typer(cls=_group, invoke_without_command=True)
    _sub.callback()(_callback)
    app.add_typer(_sub, name=_name)
for _command in (demo, predict, verify, diff):
    app.command()(_command)


def main() -> None:
    """Run the command line; errors become one line on stderr and exit status 1."""
    try:
        try:
            app(standalone_mode=True)
        finally:
            if sys.stdout is not None:  # closed by who called
                sys.stdout.flush()  # what is still in its buffer may not fit, either
    except SerialeqError as error:
        print(f"serialeq: {error}", file=sys.stderr)
        sys.exit(1)
    except OSError as error:
        if not isinstance(error, BrokenPipeError):  # who reads has seen enough
            print(f"serialeq: {error}", file=sys.stderr)
        sys.stdout = sys.stderr  # or the interpreter would try again, and have its own status
        sys.exit(1)

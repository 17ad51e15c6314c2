"""What the command line shows: progress, tables, JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from serialeq.training.trainer import EpochRecord

notices = Console(stderr=True, highlight=False, soft_wrap=True)
"""Progress and messages go to stderr; stdout is for results."""


class EpochProgress:
    """Reports epochs: a bar with loss and time left on a terminal, a line each otherwise."""

    def __init__(self, n_epochs: int, bar: Progress | None) -> None:
        self._n_epochs = n_epochs
        self._bar = bar
        self._task = bar.add_task("epochs", total=n_epochs, told="") if bar else None

    def __call__(self, record: EpochRecord) -> None:
        """Take note of an epoch."""
        told = f"loss {record.loss:.4f}"
        if record.validation_loss is not None:
            told += f", held out {record.validation_loss:.4f}"
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, advance=1, told=told)
        else:
            notices.print(f"epoch {record.epoch}/{self._n_epochs}: {told}, {record.seconds:.3f} s")


@contextmanager
def epoch_progress(n_epochs: int) -> Iterator[EpochProgress]:
    """Show progress while the block runs, and leave the terminal as it was."""
    if not notices.is_terminal:
        yield EpochProgress(n_epochs, None)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[told]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=notices) as bar:
        yield EpochProgress(n_epochs, bar)


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table on stdout; columns of numbers are right-aligned."""
    table = Table()
    for i, column in enumerate(columns):
        numeric = bool(rows) and all(
            row[i].lstrip("-").replace(".", "", 1).isdigit() for row in rows
        )
        table.add_column(column, justify="right" if numeric else "left", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    print(title)
    Console(soft_wrap=False, width=_width(columns, rows)).print(table)


def _width(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> int | None:
    """Return the width that a table needs where there is no terminal to fit into."""
    if Console().is_terminal:
        return None
    cells = [max(len(row[i]) for row in [columns, *rows]) for i in range(len(columns))]
    return sum(cells) + 3 * len(cells) + 1


def print_json(content: dict[str, Any]) -> None:
    """Print one JSON object on stdout."""
    print(json.dumps(content, allow_nan=False))

"""What the command line shows: progress, tables, JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from serialeq.training.callbacks import Callback, EpochRecord, Training

notices = Console(stderr=True, highlight=False, soft_wrap=True)
"""Progress and messages go to stderr; stdout is for results."""


class EpochProgress(Callback):
    """Shows epochs while a block runs: a bar with loss and time left on a terminal, else lines."""

    needs_loss = True

    def __init__(self) -> None:
        self._bar: Progress | None = None
        if notices.is_terminal:
            self._bar = Progress(
                TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
                TextColumn("{task.fields[loss]}"), TimeRemainingColumn(), console=notices,
            )  # fmt: skip

    def __enter__(self) -> EpochProgress:
        """Show the bar when the training begins."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the terminal as it was."""
        if self._bar is not None:
            self._bar.stop()

    def on_train_begin(self, training: Training) -> None:
        """Show how many epochs there are to be."""
        if self._bar is not None:
            n, done = training.n_epochs, len(training.history)
            self._task = self._bar.add_task("epochs", total=n, completed=done, loss="")
            self._bar.start()

    def on_epoch_end(self, training: Training, record: EpochRecord) -> None:
        """Take note of an epoch."""
        text = f"loss {record.loss:.4f}"
        if record.validation_loss is not None:
            text += f", held out {record.validation_loss:.4f}"
        if self._bar is not None:
            self._bar.update(self._task, advance=1, loss=text)
        else:
            at = f"{record.epoch}/{training.n_epochs}"
            notices.print(f"epoch {at}: {text}, {record.seconds:.3f} s")


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
    console = Console(soft_wrap=False)
    if not console.is_terminal:  # nothing to fit into
        console.width = console.measure(table, options=console.options.update(width=1_000)).maximum
    console.print(table)


def print_json(content: dict[str, Any]) -> None:
    """Print one JSON object on stdout."""
    print(json.dumps(content, allow_nan=False))

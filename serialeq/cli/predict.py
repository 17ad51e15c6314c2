"""What a saved model says of new data: ``serialeq predict``."""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import Annotated

import typer

from serialeq.errors import SerialeqError


def predict(
    model: Annotated[Path, typer.Argument(help="Directory written by train --out.")],
    data: Annotated[
        Path | None,
        typer.Argument(
            help="New data, as the model's training reads them; pairs of user and item for "
            "ratings; '-': stdin."
        ),
    ] = None,
    user: Annotated[str | None, typer.Option(help="Recommend for this user instead.")] = None,
    top: Annotated[int, typer.Option(help="How many items, or nearest words.")] = 10,
) -> None:
    """Predict labels or ratings, recommend items, find topics or nearest words; prints CSV."""
    from serialeq.problems.command import Request
    from serialeq.problems.loading import load
    from serialeq.problems.registry import kinds

    from .declared import command_of
    from .report import notices

    if (data is None) == (user is None):
        raise SerialeqError("predict: expected either a file of new data, or --user")
    saved = load(model)
    kind = kinds().get(saved.about["kind"])
    if kind is None:
        got = saved.about["kind"]
        raise SerialeqError(f"predict: expected the model of an estimator, got kind {got!r}")
    request = Request(None if data is None else str(data), user, top)
    answer = command_of(kind).predict(saved.estimator(), saved.arrays, saved.about, request)
    if answer.notice:
        notices.print(answer.notice)
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(answer.columns)
    out.writerows(answer.rows)

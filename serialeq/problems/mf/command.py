"""What the command line reads and tells of a matrix factorisation."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Annotated, Any

from serialeq.errors import DataError
from serialeq.problems import command
from serialeq.problems.command import Answer, Data, File, Report, Request
from serialeq.reading.lines import read_lines
from serialeq.reading.splits import split_indices
from serialeq.training.parameters import Number, Parameter

from .reading import read_ratings


class Command(command.Command):
    """Ratings, a part of which may be held out."""

    ratings: Annotated[Path, File("CSV, TSV, MovieLens '::' or RecBole '.inter'.")]
    test_fraction: Annotated[
        float, Parameter("Part of the data to hold out.", Number(0, below=1))
    ] = 0.0

    def read(self, estimator: Any) -> Data:
        """Read ratings; those held out are for validation."""
        ratings = read_ratings(self.ratings)
        kept, held = split_indices(len(ratings), self.test_fraction, estimator.random_state)
        return Data(
            (ratings.subset(kept),),
            f"{len(ratings):,} ratings of {ratings.n_users:,} users and {ratings.n_items:,} items",
            options={"validation": ratings.subset(held) if held.size else None},
            inputs={"user_ids": ratings.user_ids, "item_ids": ratings.item_ids},
        )

    def report(self, estimator: Any, data: Data) -> Report:
        """Tell the error: held out, if there is something to tell it by."""
        loss, held_out = estimator.final_losses()
        return Report({"rmse": loss if held_out is None else held_out}, [], {})

    @classmethod
    def predict(cls, estimator: Any, arrays: Any, about: Any, request: Request) -> Answer:
        """Tell the ratings of pairs, or the best items for a user."""
        users, items = (
            {str(label): k for k, label in enumerate(arrays[side].tolist())}
            for side in ("user_ids", "item_ids")
        )
        columns = ["user", "item", "prediction"]
        if request.user is not None:
            user = _number(users, "user", request.user, "--user")
            best, scores = estimator.recommend(user, request.top)
            found = zip(arrays["item_ids"][best], scores, strict=True)
            return Answer(columns, ([request.user, item, f"{s:.6g}"] for item, s in found))
        pairs = _read_pairs(str(request.data))
        rows = [_number(users, "user", row[0], place) for place, row in pairs]
        cols = [_number(items, "item", row[1], place) for place, row in pairs]
        scores = estimator.predict(rows, cols)
        return Answer(
            columns, ([*row, f"{s:.6g}"] for (_, row), s in zip(pairs, scores, strict=True))
        )


def _read_pairs(path: str) -> list[tuple[str, list[str]]]:
    try:
        lines = enumerate(csv.reader(read_lines(path)), 1)
        rows = [(f"{path}, line {k}", row) for k, row in lines if row]
    except csv.Error as error:
        raise DataError(f"pairs: cannot read {path}: {error}") from error
    if rows and [cell.strip().lower() for cell in rows[0][1][:2]] == ["user", "item"]:
        rows = rows[1:]
    for place, row in rows:
        if len(row) < 2:
            raise DataError(f"{place}: expected user and item, got {row!r}")
    if not rows:
        raise DataError(f"pairs: expected lines of user and item in {path}, got none")
    return [(place, row[:2]) for place, row in rows]


def _number(numbers: dict[str, int], what: str, label: str, place: str) -> int:
    if label not in numbers:
        raise DataError(f"{place}: expected a known {what}, got {label!r}")
    return numbers[label]

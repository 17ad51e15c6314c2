"""What a saved model says of new data: ``serialeq predict``."""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import Annotated

import typer

from serialeq.errors import DataError, SerialeqError
from serialeq.problems.embed.command import predict_neighbours, predict_topics
from serialeq.problems.linear.command import predict_samples


def predict(
    model: Annotated[Path, typer.Argument(help="Directory written by train --out.")],
    data: Annotated[
        Path | None,
        typer.Argument(
            help="CSV of user, item; for a linear model svmlight, or a text (or label TAB text) "
            "per line; for topics texts; for word vectors a word per line; '-': stdin."
        ),
    ] = None,
    user: Annotated[str | None, typer.Option(help="Recommend for this user instead.")] = None,
    top: Annotated[int, typer.Option(help="How many items, or nearest words.")] = 10,
) -> None:
    """Predict labels or ratings, recommend items to a user, find topics or nearest words; CSV.

    A linear model gives the label, its margin and, trained with log_loss or modified_huber, its
    probability; a regression the number.
    """
    from serialeq.problems.mf.training import FactorizationModel
    from serialeq.runs.model_file import load_model

    if (data is None) == (user is None):
        raise SerialeqError("predict: expected either a file of pairs or --user")
    arrays, about = load_model(model)
    kind = about.get("kind", "ratings")
    if kind == "cut":
        raise SerialeqError("predict: a cut has the labels of its own nodes only, in model.npz")
    if kind != "ratings":
        if data is None:
            raise SerialeqError(f"predict: expected a file with a model of kind {kind}, not --user")
        if kind == "embedding":
            predict_neighbours(arrays, about, str(data), top)
        elif kind == "topics":
            predict_topics(arrays, about, str(data))
        elif kind in ("linear", "network"):
            predict_samples(arrays, about, str(data))
        else:
            raise SerialeqError(f"predict: expected the model of an estimator, got kind {kind!r}")
        return
    trained = {name: arrays[name] for name in about["trained"]}
    fitted = FactorizationModel(trained, float(trained["mean"][0]))
    numbers = [
        {str(label): k for k, label in enumerate(arrays[side].tolist())}
        for side in ("user_ids", "item_ids")
    ]
    out = csv.writer(sys.stdout, lineterminator="\n")
    if user is not None:
        best, scores = fitted.recommend(_number(numbers[0], "user", user, "--user"), top)
        out.writerow(["user", "item", "prediction"])
        for item, score in zip(best, scores, strict=True):
            out.writerow([user, arrays["item_ids"][item], f"{score:.6g}"])
        return
    labels = _read_pairs(str(data))
    users = [_number(numbers[0], "user", row[0], place) for place, row in labels]
    items = [_number(numbers[1], "item", row[1], place) for place, row in labels]
    out.writerow(["user", "item", "prediction"])
    for (_, row), score in zip(labels, fitted.predict(users, items), strict=True):
        out.writerow([*row, f"{score:.6g}"])


def _read_pairs(path: str) -> list[tuple[str, list[str]]]:
    try:
        with sys.stdin if path == "-" else open(path, newline="", encoding="utf-8-sig") as file:
            rows = [(f"{path}, line {k}", row) for k, row in enumerate(csv.reader(file), 1) if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
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

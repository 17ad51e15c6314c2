"""Ratings from files."""

from __future__ import annotations

import contextlib
import csv
import os
import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from serialeq.errors import DataError
from serialeq.reading.lines import check_label, located, read_blocks, shown

from .ratings import Ratings, float_dtype

_SEPARATORS = ("\t", "::", ",", ";", None)  # None: runs of blanks
_NAMES = (
    {"user", "userid", "uid", "username", "reviewerid", "customerid"},
    {"item", "itemid", "iid", "movie", "movieid", "product", "productid", "asin", "bookid"},
    {"rating", "ratings", "score", "value", "stars", "overall"},
)
_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,18}")


def read_ratings(path: str | os.PathLike[str], dtype: Any = np.float32) -> Ratings:
    """Read a text file with one rating per line.

    The separator is a tab, ``::`` (MovieLens), a comma, a semicolon or blanks, whichever makes
    sense of the first line; with a comma or semicolon, fields may be in double quotes. A first
    line without any number is a header, also with RecBole's types (``user_id:token``). Columns
    that a header does not name are taken in the order user, item, rating; all others are
    ignored. Blank lines are skipped.

    Users and items are numbered by sorted label, hence independently of the order of the lines:
    as integers if all labels are integers in their usual spelling, otherwise as strings.

    Parameters
    ----------
    path : path
        UTF-8, with or without a byte order mark; gzip or bzip2 if the name ends in ``.gz`` or
        ``.bz2``; ``-`` for stdin.
    dtype : numpy dtype
        ``float32`` or ``float64``, of the values.

    Raises
    ------
    DataError
        If the file cannot be read, or a line is not a rating; names the line.
    """
    name, dtype = os.fsdecode(path), float_dtype(dtype)
    layout, codes, parts = None, (_Codes(), _Codes()), []
    for start, block in read_blocks(name):
        numbers = [number for number, line in enumerate(block, start) if line.strip()]
        lines = [block[number - start] for number in numbers]
        if lines and layout is None:
            layout = _find_layout(name, lines[0], numbers[0])
            if layout.header:
                del numbers[0], lines[0]
        if lines and layout is not None:
            try:
                parts.append(_parse(lines, layout, codes, dtype))
            except DataError:
                for number, line in zip(numbers, lines, strict=True):
                    try:
                        _parse([line], layout, codes, dtype)
                    except DataError as error:
                        raise located(name, number, error) from None
                raise
    if layout is None or not parts:
        got = "an empty file" if layout is None else "only a header"
        raise DataError(f"{name}: expected ratings, got {got}")
    users, items, values = map(np.concatenate, zip(*parts, strict=True))
    (user_ids, user_ranks), (item_ids, item_ranks) = (side.by_label() for side in codes)
    return Ratings(user_ranks[users], item_ranks[items], values, user_ids, item_ids)


class _Layout(NamedTuple):
    """What the first line says about all others."""

    separator: str | None
    width: int
    columns: tuple[int, int, int]
    header: bool
    line: int


class _Codes(dict[str, int]):
    """Numbers labels in order of appearance."""

    def __missing__(self, label: str) -> int:
        check_label(label, "an id")
        return self.setdefault(label, len(self))

    def by_label(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the sorted labels and the rank of each code."""
        labels = np.array(list(self), dtype=np.str_)
        if all(map(_INTEGER.fullmatch, self)):
            with contextlib.suppress(OverflowError):
                labels = np.array(list(map(int, self)), dtype=np.int64)
        ids, ranks = np.unique(labels, return_inverse=True)
        return ids, ranks.astype(np.int32)


def _parse(
    lines: list[str], layout: _Layout, codes: tuple[_Codes, _Codes], dtype: np.dtype[Any]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return users and items (as codes) and values; an error's message is about one line."""
    fields, widths = _split(lines, layout.separator)
    if len(widths) != len(lines) or not set(widths) <= {layout.width}:
        expected = f"expected {layout.width} columns as in line {layout.line}"
        raise DataError(f"{expected}, got {widths[0]}")
    *sides, rating = (fields[column :: layout.width] for column in layout.columns)
    users, items = (
        np.fromiter(map(code.__getitem__, labels), np.int32, len(lines))
        for code, labels in zip(codes, sides, strict=True)
    )
    try:
        exact = np.fromiter(map(float, rating), np.float64, len(lines))
        is_numeric = "_" not in "".join(rating)  # Python reads 1_000
    except ValueError:
        is_numeric = False
    if not is_numeric:
        raise DataError(f"expected a number as rating, got {shown(rating[0])}")
    with np.errstate(over="ignore"):
        values = exact.astype(dtype, copy=False)
    if not np.isfinite(values).all():
        raise DataError(f"expected a finite {dtype} as rating, got {shown(rating[0])}")
    return users, items, values


def _find_layout(name: str, line: str, number: int) -> _Layout:
    """Choose the first separator with which the line is a rating or a header with known names.

    Failing that, the first one that gives three columns.
    """
    fallback = None
    for separator in _SEPARATORS:
        try:
            fields, _ = _split([line], separator)
        except DataError:
            continue
        if len(fields) < 3:
            continue
        header = not any(map(_is_number, fields))
        columns, is_named = _find_columns(fields) if header else ((0, 1, 2), False)
        layout = _Layout(separator, len(fields), columns, header, number)
        if is_named or (not header and _is_number(fields[2])):
            return layout
        fallback = fallback or layout
    if fallback is None:
        expected = "expected user, item and rating between tabs, '::', commas, semicolons or blanks"
        raise located(name, number, f"{expected}, got {shown(line)}")
    return fallback


def _find_columns(names: Sequence[str]) -> tuple[tuple[int, int, int], bool]:
    """Return the columns of user, item and rating, and whether the header names any of them."""
    plain = [re.sub(r"[ _-]", "", name.partition(":")[0]).casefold() for name in names]
    named = [next((i for i, name in enumerate(plain) if name in known), -1) for known in _NAMES]
    others = (i for i in range(len(names)) if i not in named)
    user, item, rating = (next(others) if column < 0 else column for column in named)
    return (user, item, rating), max(named) >= 0


def _split(lines: list[str], separator: str | None) -> tuple[list[str], list[int]]:
    """Return all fields, line after line, and how many each line has.

    Fewer widths than lines mean a field with a line break in it.
    """
    rows: Iterable[list[str]] = (line.split(separator) for line in lines)
    if separator in (",", ";") and any('"' in line for line in lines):
        rows = csv.reader(lines, delimiter=separator, strict=True)
    fields: list[str] = []
    widths: list[int] = []
    try:
        for row in rows:  # one at a time: the garbage collector would visit many lists
            fields += row
            widths.append(len(row))
    except csv.Error:
        expected = "expected quotes around whole fields, closed on the same line"
        raise DataError(f"{expected}, got {shown(lines[0])}") from None
    return fields, widths


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True

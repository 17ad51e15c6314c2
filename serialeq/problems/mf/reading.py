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
_Part = tuple[np.ndarray, np.ndarray, np.ndarray]  # users, items, values
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
    name = os.fsdecode(path)
    reader = _Reader(name, float_dtype(dtype))
    for start, lines in read_blocks(name):
        reader.add(start, lines)
    return reader.ratings()


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
        order = np.argsort(labels, kind="stable")
        ranks = np.empty(order.size, dtype=np.int32)
        ranks[order] = np.arange(order.size, dtype=np.int32)
        return labels[order], ranks


class _Reader:
    """Takes lines and keeps the ratings as numbers."""

    def __init__(self, name: str, dtype: np.dtype[Any]) -> None:
        self._name = name
        self._dtype = dtype
        self._layout: _Layout | None = None
        self._users = _Codes()
        self._items = _Codes()
        self._parts: list[_Part] = []

    def add(self, start: int, lines: list[str]) -> None:
        """Take the next lines, the first of which has the number `start`."""
        if self._layout is None:
            n_blank = next((i for i, line in enumerate(lines) if line.strip()), len(lines))
            lines = lines[n_blank:]
            if not lines:
                return
            start += n_blank
            try:
                self._layout = _find_layout(lines[0], start)
            except DataError as error:
                raise located(self._name, start, error) from None
            if self._layout.header:
                lines = lines[1:]
                start += 1
        try:
            self._take(lines, self._layout)
        except DataError:
            self._take(self._checked(lines, start, self._layout), self._layout)

    def _take(self, lines: list[str], layout: _Layout) -> None:
        if lines:
            self._parts.append(self._parse(lines, layout))

    def _checked(self, lines: list[str], start: int, layout: _Layout) -> list[str]:
        """Return the lines that are not blank; name the first bad one."""
        kept = []
        for number, line in enumerate(lines, start):
            if not line.strip():
                continue
            try:
                self._parse([line], layout)
            except DataError as error:
                raise located(self._name, number, error) from None
            kept.append(line)
        return kept

    def _parse(self, lines: list[str], layout: _Layout) -> _Part:
        """Return users and items (as codes) and values; an error's message is about one line."""
        fields, widths = _split(lines, layout.separator)
        if len(widths) != len(lines) or not set(widths) <= {layout.width}:
            expected = f"expected {layout.width} columns as in line {layout.line}"
            raise DataError(f"{expected}, got {widths[0]}")
        user, item, rating = (fields[column :: layout.width] for column in layout.columns)
        users = np.fromiter(map(self._users.__getitem__, user), np.int32, len(lines))
        items = np.fromiter(map(self._items.__getitem__, item), np.int32, len(lines))
        try:
            exact = np.fromiter(map(float, rating), np.float64, len(lines))
            is_numeric = "_" not in "".join(rating)  # Python reads 1_000
        except ValueError:
            is_numeric = False
        if not is_numeric:
            raise DataError(f"expected a number as rating, got {shown(rating[0])}")
        with np.errstate(over="ignore"):
            values = exact.astype(self._dtype, copy=False)
        if not np.isfinite(values).all():
            expected = f"expected a finite {self._dtype} as rating"
            raise DataError(f"{expected}, got {shown(rating[0])}")
        return users, items, values

    def ratings(self) -> Ratings:
        """Return what the blocks contained."""
        if self._layout is None:
            raise DataError(f"{self._name}: expected ratings, got an empty file")
        if not self._parts:
            raise DataError(f"{self._name}: expected ratings, got only a header")
        users, items, values = map(np.concatenate, zip(*self._parts, strict=True))
        user_ids, user_ranks = self._users.by_label()
        item_ids, item_ranks = self._items.by_label()
        return Ratings(user_ranks[users], item_ranks[items], values, user_ids, item_ids)


def _find_layout(line: str, number: int) -> _Layout:
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
        raise DataError(f"{expected}, got {shown(line)}")
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
    rows: Iterable[list[str]]
    if separator is None:
        rows = map(str.split, lines)
    elif separator in (",", ";") and any('"' in line for line in lines):
        rows = csv.reader(lines, delimiter=separator, strict=True)
    else:
        widths = [line.count(separator) + 1 for line in lines]
        return "\n".join(lines).replace(separator, "\n").split("\n"), widths
    fields: list[str] = []
    widths = []
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

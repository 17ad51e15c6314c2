"""Ratings from files and arrays, checked where they come in.

Whatever is wrong with them is a `DataError` that names the line or the position, what was
expected and what came.
"""

from __future__ import annotations

import codecs
import contextlib
import csv
import gzip
import operator
import os
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp

from .errors import DataError
from .generate import synthetic_entries
from .kernels.random import permutation, stream_key

_LIMIT = 2**31  # of the number of entries and of each dimension
_MAX_LABEL = 500  # every label in an array takes the room of the longest
_BLOCK_BYTES = 1 << 22
_SEPARATORS = ("\t", "::", ",", ";", None)  # None: runs of blanks
_NAMES = (
    {"user", "userid", "uid", "username", "reviewerid", "customerid"},
    {"item", "itemid", "iid", "movie", "movieid", "product", "productid", "asin", "bookid"},
    {"rating", "ratings", "score", "value", "stars", "overall"},
)
_Part = tuple[np.ndarray, np.ndarray, np.ndarray]  # users, items, values
_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,18}")


@dataclass(frozen=True, eq=False)
class Ratings:
    """Observed entries of a user × item matrix.

    Attributes
    ----------
    users, items : arrays of int32, shape (n,)
        Row and column of each rating.
    values : array of float32 or float64, shape (n,)
    user_ids, item_ids : arrays of int64 or str
        The original label of each row and of each column.
    """

    users: np.ndarray
    items: np.ndarray
    values: np.ndarray
    user_ids: np.ndarray
    item_ids: np.ndarray

    def __len__(self) -> int:
        return int(self.values.size)

    @property
    def n_users(self) -> int:
        """Number of users, with or without ratings."""
        return int(self.user_ids.size)

    @property
    def n_items(self) -> int:
        """Number of items, with or without ratings."""
        return int(self.item_ids.size)

    @property
    def shape(self) -> tuple[int, int]:
        """(n_users, n_items)."""
        return self.n_users, self.n_items

    def subset(self, index: Any) -> Ratings:
        """Return the ratings chosen by an index array, a mask or a slice, numbered as before."""
        return replace(
            self, users=self.users[index], items=self.items[index], values=self.values[index]
        )


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
        UTF-8, with or without a byte order mark; gzip if the name ends in ``.gz``.
    dtype : numpy dtype
        ``float32`` or ``float64``, of the values.

    Raises
    ------
    DataError
        If the file cannot be read, or a line is not a rating; names the line.
    """
    name = os.fsdecode(path)
    reader = _Reader(name, _float_dtype(dtype))
    try:
        with gzip.open(name) if name.endswith(".gz") else open(name, "rb") as file:
            while block := file.read(_BLOCK_BYTES):
                reader.add(block + file.readline())
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{name}: expected a readable file, got: {reason}") from error
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
        if not 0 < len(label) <= _MAX_LABEL or "\0" in label:  # NumPy drops a NUL at the end
            expected = f"expected an id of 1 to {_MAX_LABEL} characters without NUL"
            raise DataError(f"{expected}, got {_shown(label)}")
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
    """Takes blocks of whole lines and keeps the ratings as numbers."""

    def __init__(self, name: str, dtype: np.dtype[Any]) -> None:
        self._name = name
        self._dtype = dtype
        self._n_lines = 0
        self._layout: _Layout | None = None
        self._users = _Codes()
        self._items = _Codes()
        self._parts: list[_Part] = []

    def add(self, block: bytes) -> None:
        """Read the next lines."""
        lines = self._decode(block).split("\n")
        if not lines[-1]:
            lines.pop()
        start = self._n_lines + 1
        self._n_lines += len(lines)
        if self._layout is None:
            n_blank = next((i for i, line in enumerate(lines) if line.strip()), len(lines))
            lines = lines[n_blank:]
            if not lines:
                return
            start += n_blank
            try:
                self._layout = _find_layout(lines[0], start)
            except DataError as error:
                raise self._located(start, error) from None
            if self._layout.header:
                lines = lines[1:]
                start += 1
        try:
            self._take(lines, self._layout)
        except DataError:
            self._take(self._checked(lines, start, self._layout), self._layout)

    def _located(self, line: int, problem: object) -> DataError:
        return DataError(f"{self._name}, line {line}: {problem}")

    def _decode(self, block: bytes) -> str:
        if self._n_lines == 0:
            block = block.removeprefix(codecs.BOM_UTF8)
        try:
            return _unify_newlines(block.decode())
        except UnicodeDecodeError as error:
            good = _unify_newlines(block[: error.start].decode())
            problem = f"expected UTF-8 text, got the byte 0x{block[error.start]:02x}"
            line = self._n_lines + 1 + good.count("\n")
            raise self._located(line, problem) from error

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
                raise self._located(number, error) from None
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
            raise DataError(f"expected a number as rating, got {_shown(rating[0])}")
        with np.errstate(over="ignore"):
            values = exact.astype(self._dtype, copy=False)
        if not np.isfinite(values).all():
            expected = f"expected a finite {self._dtype} as rating"
            raise DataError(f"{expected}, got {_shown(rating[0])}")
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
        raise DataError(f"{expected}, got {_shown(line)}")
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
    if separator is None:
        rows = [line.split() for line in lines]
    elif separator in (",", ";") and any('"' in line for line in lines):
        try:
            rows = list(csv.reader(lines, delimiter=separator, strict=True))
        except csv.Error:
            expected = "expected quotes around whole fields, closed on the same line"
            raise DataError(f"{expected}, got {_shown(lines[0])}") from None
    else:  # a list for each line would take twice the time
        widths = [line.count(separator) + 1 for line in lines]
        return "\n".join(lines).replace(separator, "\n").split("\n"), widths
    return list(chain.from_iterable(rows)), list(map(len, rows))


def _unify_newlines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}…"


def _float_dtype(dtype: Any) -> np.dtype[Any]:
    with contextlib.suppress(TypeError, ValueError):
        if np.dtype(dtype) in (np.float32, np.float64):
            return np.dtype(dtype)
    raise DataError(f"dtype: expected float32 or float64, got {_shown(dtype)}")


def check_entries(
    users: Any,
    items: Any,
    values: Any,
    shape: tuple[int, int] | None = None,
    dtype: Any = np.float32,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, tuple[int, int]]:
    """Check observed entries that come as arrays.

    Parameters
    ----------
    users, items : arrays of int, shape (n,)
        Row and column of each entry.
    values : array of int or float, shape (n,)
    shape : (n_users, n_items), optional
        Default: just large enough.
    dtype : numpy dtype
        ``float32`` or ``float64``, of the values returned.

    Returns
    -------
    users, items : arrays of int32
    values : array of `dtype`
        Each the array passed, not a copy, if its type and layout are right already.
    shape : (n_users, n_items)

    Raises
    ------
    DataError
        Names the argument (`users`, `items`, `ratings` or `shape`) and the position.
    """
    columns = [
        _vector("users", users, "iu", "integers"),
        _vector("items", items, "iu", "integers"),
        _vector("ratings", values, "iuf", "integers or floats"),
    ]
    if len({column.size for column in columns}) > 1:
        lengths = ", ".join(str(column.size) for column in columns)
        raise DataError(f"users, items, ratings: expected equal lengths, got {lengths}")
    if not 0 < columns[0].size < _LIMIT:
        raise DataError(f"ratings: expected 1 to {_LIMIT - 1} entries, got {columns[0].size}")
    bounds = (None, None) if shape is None else _checked_shape(shape)
    rows, n_users = _checked_index("users", columns[0], bounds[0])
    cols, n_items = _checked_index("items", columns[1], bounds[1])
    return rows, cols, _checked_values(columns[2], _float_dtype(dtype)), (n_users, n_items)


def _vector(name: str, given: Any, kinds: str, expected: str) -> np.ndarray:
    try:
        array = np.asarray(given)
    except (TypeError, ValueError) as error:
        raise DataError(f"{name}: expected a sequence of {expected}, got: {error}") from error
    if array.ndim != 1:
        raise DataError(f"{name}: expected one dimension, got shape {array.shape}")
    if array.size and array.dtype.kind not in kinds:
        raise DataError(f"{name}: expected {expected}, got an array of {array.dtype}")
    return array


def _checked_shape(shape: Any) -> tuple[int, int]:
    try:
        n_users, n_items = map(operator.index, shape)
    except (TypeError, ValueError):
        n_users = n_items = 0
    if not (0 < n_users < _LIMIT and 0 < n_items < _LIMIT):
        expected = f"two integers from 1 to {_LIMIT - 1}"
        raise DataError(f"shape: expected {expected}, got {_shown(shape)}")
    return n_users, n_items


def _checked_index(name: str, array: np.ndarray, size: int | None) -> tuple[np.ndarray, int]:
    """Return the array as int32, and `size` or the size needed."""
    end = size or _LIMIT - 1
    if array.min() < 0 or array.max() >= end:
        at = int(np.argmax((array < 0) | (array >= end)))
        raise DataError(f"{name}[{at}]: expected an integer from 0 to {end - 1}, got {array[at]}")
    return np.ascontiguousarray(array, dtype=np.int32), size or int(array.max()) + 1


def _checked_values(array: np.ndarray, dtype: np.dtype[Any]) -> np.ndarray:
    with np.errstate(all="ignore"):
        values = np.ascontiguousarray(array, dtype=dtype)
        if np.isfinite(values.min()) and np.isfinite(values.max()):
            return values
    at = int(np.argmin(np.isfinite(values)))
    expected = f"a number that {dtype} can hold" if np.isfinite(array[at]) else "a finite number"
    raise DataError(f"ratings[{at}]: expected {expected}, got {array[at]}")


def entries_of(X: Any) -> tuple[Any, Any, Any, tuple[int, int] | None]:
    """Return users, items, values and shape (None if unknown), to be checked by `check_entries`.

    Parameters
    ----------
    X : scipy sparse matrix or array, Ratings, or (users, items, ratings)
        All that a sparse matrix stores is an observed entry, zeros too; what it stores several
        times is summed.
    """
    if isinstance(X, Ratings):
        return X.users, X.items, X.values, X.shape
    if sp.issparse(X):
        return _stored_entries(X)
    if isinstance(X, (tuple, list)) and len(X) == 3:
        users, items, values = X
        return users, items, values, None
    got = type(X).__name__ + (f" of {len(X)}" if isinstance(X, (tuple, list)) else "")
    expected = "a scipy sparse matrix, Ratings or (users, items, ratings)"
    raise DataError(f"X: expected {expected}, got {got}")


def _stored_entries(X: Any) -> tuple[Any, Any, Any, tuple[int, int]]:
    if X.ndim != 2:
        raise DataError(f"X: expected two dimensions, got shape {X.shape}")
    matrix = X.tocsr()
    if not matrix.has_canonical_format:
        matrix = matrix.copy()
        matrix.sum_duplicates()
    rows = np.arange(matrix.shape[0], dtype=matrix.indices.dtype)
    return np.repeat(rows, np.diff(matrix.indptr)), matrix.indices, matrix.data, matrix.shape


def split_ratings(n: int, test_fraction: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Split ``0..n-1`` into training and test indices at random, both ascending.

    Raises
    ------
    DataError
        If `test_fraction` is not in [0, 1) or leaves nothing to train on.
    """
    if not 0 <= test_fraction < 1:
        raise DataError(f"test_fraction: expected a number in [0, 1), got {test_fraction!r}")
    n_test = round(n * test_fraction)
    if n_test >= n:
        raise DataError(f"test_fraction: expected ratings left to train on, got {n_test} of {n}")
    chosen = permutation(n, stream_key(seed, "test split"))
    return np.sort(chosen[n_test:]), np.sort(chosen[:n_test])


def generate_ratings(
    n_ratings: int = 1_000_000,
    n_users: int = 12_000,
    n_items: int = 4_000,
    rank: int = 8,
    seed: int = 0,
) -> Ratings:
    """Generate ratings with the shape of Netflix's, a pure function of the arguments.

    Whole numbers from 1 to 5 by a model of low rank with biases and noise, each of a different
    (user, item); few items have most of the ratings, and few users gave most of them. The labels
    count from 1.

    Raises
    ------
    DataError
        If an argument is not positive or there are fewer pairs than ratings.
    """
    arguments = {"n_ratings": n_ratings, "n_users": n_users, "n_items": n_items, "rank": rank}
    for name, value in arguments.items():
        if not 0 < value < _LIMIT:
            raise DataError(f"{name}: expected 1 to {_LIMIT - 1}, got {value}")
    if n_ratings > n_users * n_items:
        most = f"at most n_users * n_items = {n_users * n_items}"
        raise DataError(f"n_ratings: expected {most}, got {n_ratings}")
    users, items, values = synthetic_entries(n_ratings, n_users, n_items, rank, seed)
    return Ratings(users, items, values, np.arange(1, n_users + 1), np.arange(1, n_items + 1))

"""Ratings, checked where they come in."""

from __future__ import annotations

import contextlib
import operator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.sparse as sp

from serialeq.errors import DataError
from serialeq.native.incidence import LIMIT
from serialeq.reading.lines import shown

from .generate import synthetic_entries


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


def float_dtype(dtype: Any) -> np.dtype[Any]:
    """Return float32 or float64; anything else is a DataError."""
    with contextlib.suppress(TypeError, ValueError):
        if np.dtype(dtype) in (np.float32, np.float64):
            return np.dtype(dtype)
    raise DataError(f"dtype: expected float32 or float64, got {shown(dtype)}")


_SPARSE_IDS = 1_000_000  # models up to here are small, whatever the data


def check_entries(
    users: Any,
    items: Any,
    values: Any,
    shape: tuple[int, int] | None = None,
    dtype: Any = np.float32,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, tuple[int, int]]:
    """Return observed entries that come as arrays as int32, int32, `dtype`, and the shape.

    Each array, (n,), is the one passed, not a copy, if its type and layout are right already. The
    `dtype` of the values is float32 or float64; by default the shape is just large enough.

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
    if not 0 < columns[0].size < LIMIT:
        raise DataError(f"ratings: expected 1 to {LIMIT - 1} entries, got {columns[0].size}")
    bounds = (None, None) if shape is None else _checked_shape(shape)
    rows, n_users = _checked_index("users", columns[0], bounds[0])
    cols, n_items = _checked_index("items", columns[1], bounds[1])
    if shape is None and max(n_users, n_items) > max(_SPARSE_IDS, 8 * rows.size):
        raise DataError(
            f"users, items: expected numbers from 0 without large gaps, got up to "
            f"{max(n_users, n_items) - 1} in {rows.size} ratings; number them with "
            "np.unique(..., return_inverse=True), or pass a sparse matrix"
        )
    return rows, cols, _checked_values(columns[2], float_dtype(dtype)), (n_users, n_items)


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
    if not (0 < n_users < LIMIT and 0 < n_items < LIMIT):
        expected = f"two integers from 1 to {LIMIT - 1}"
        raise DataError(f"shape: expected {expected}, got {shown(shape)}")
    return n_users, n_items


def _checked_index(name: str, array: np.ndarray, size: int | None) -> tuple[np.ndarray, int]:
    """Return the array as int32, and `size` or the size needed."""
    end = size or LIMIT - 1
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

    `X` is a scipy sparse matrix or array, Ratings, or (users, items, ratings). All that a sparse
    matrix stores is an observed entry, zeros too; what it stores several times is summed.
    """
    if isinstance(X, Ratings):
        return X.users, X.items, X.values, X.shape
    if sp.issparse(X):
        if X.ndim != 2:
            raise DataError(f"X: expected two dimensions, got shape {X.shape}")
        matrix = X.tocsr()
        if not matrix.has_canonical_format:
            matrix = matrix.copy()
            matrix.sum_duplicates()
        rows = np.arange(matrix.shape[0], dtype=matrix.indices.dtype)
        return np.repeat(rows, np.diff(matrix.indptr)), matrix.indices, matrix.data, matrix.shape
    if isinstance(X, (tuple, list)) and len(X) == 3:
        users, items, values = X
        return users, items, values, None
    got = type(X).__name__ + (f" of {len(X)}" if isinstance(X, (tuple, list)) else "")
    expected = "a scipy sparse matrix, Ratings or (users, items, ratings)"
    raise DataError(f"X: expected {expected}, got {got}")


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
        if not 0 < value < LIMIT:
            raise DataError(f"{name}: expected 1 to {LIMIT - 1}, got {value}")
    if n_ratings > n_users * n_items:
        most = f"at most n_users * n_items = {n_users * n_items}"
        raise DataError(f"n_ratings: expected {most}, got {n_ratings}")
    users, items, values = synthetic_entries(n_ratings, n_users, n_items, rank, seed)
    return Ratings(users, items, values, np.arange(1, n_users + 1), np.arange(1, n_items + 1))

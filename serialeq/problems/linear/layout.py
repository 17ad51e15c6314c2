"""The matrix of a linear model: in one form, in slices of columns, and its supports."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
import scipy.sparse as sp

from serialeq.hypergraph import Hypergraph
from serialeq.native.atomics import LINE, unclaimed
from serialeq.native.jit import jit
from serialeq.native.simd import aligned, whole_pages
from serialeq.native.team import WorkerTeam

from .lattice import Lattice
from .slices import cut_columns, slice_dense, slice_rows


@dataclass(frozen=True, eq=False)
class Matrix:
    """Rows as arrays; of a dense matrix every entry is one, and no column needs a number.

    One form, so that kernels are compiled once.
    """

    shape: tuple[int, int]
    dense: bool
    indptr: np.ndarray
    """(n + 1,) int64: where each row's entries start."""
    indices: np.ndarray
    """int32: columns of the entries; empty if `dense`."""
    data: np.ndarray
    """float32 or float64: the entries, row after row."""

    @classmethod
    def of(cls, X: Any) -> Self:
        """Return a scipy CSR array or a 2-d array in this form; it is left as it was."""
        if X.dtype not in (np.float32, np.float64):
            X = X.astype(np.float64)
        if not sp.issparse(X):
            indptr = np.arange(X.shape[0] + 1, dtype=np.int64) * X.shape[1]
            data = np.ascontiguousarray(X).reshape(-1)
            return cls(X.shape, True, indptr, np.zeros(0, dtype=np.int32), data)
        if not X.has_canonical_format:  # sums depend on the order of entries
            X = X.copy()
            X.sum_duplicates()
        indptr = X.indptr.astype(np.int64, copy=False)
        return cls(X.shape, False, indptr, X.indices.astype(np.int32, copy=False), X.data)

    @property
    def mean_entries(self) -> float:
        """Mean number of entries of a row."""
        return float(self.indptr[-1]) / max(self.shape[0], 1)

    def table(self) -> np.ndarray:
        """Return the entries of a dense matrix in two dimensions."""
        return self.data.reshape(self.shape)

    def arrays(self) -> dict[str, np.ndarray]:
        """Return what it is made of, by name."""
        if self.dense:
            return {"values": self.table()}
        return {"indptr": self.indptr, "indices": self.indices, "values": self.data}


class Supports(Hypergraph):
    """The columns of each row, and the intercept as the last variable.

    They are made when somebody looks at them: sliced engines never do.
    """

    arity = 0

    def __init__(self, matrix: Matrix, fit_intercept: bool) -> None:
        self.n_samples, n_features = matrix.shape
        self.n_variables = n_features + fit_intercept
        self._matrix, self._n_features = matrix, n_features

    @cached_property
    def indptr(self) -> np.ndarray:  # type: ignore[override]
        """Where each sample's variables start; shape (n + 1,)."""
        more = self.n_variables - self._n_features  # the intercept
        return self._matrix.indptr + more * np.arange(self.n_samples + 1)

    @cached_property
    def indices(self) -> np.ndarray:  # type: ignore[override]
        """The variables of all samples, uint32."""
        indices = self._matrix.indices.astype(np.uint32)
        if self._matrix.dense:
            indices = np.tile(np.arange(self._n_features, dtype=np.uint32), self.n_samples)
        if self.n_variables == self._n_features:
            return indices
        return np.insert(indices, self._matrix.indptr[1:], self._n_features)


_NO_GRAM = np.zeros((0, 0), dtype=np.int32)


@dataclass(frozen=True, eq=False)
class Layout:
    """The matrix in slices of columns, and the place of each column's weights.

    The rest is as in `serialeq.problems.linear.context.LinearContext`, `first` its `first_column`.
    """

    n_samples: int
    """Of the matrix."""
    n_slices: int
    rows: np.ndarray
    """int32: which rows of the matrix are there, in which order."""
    place: np.ndarray
    """(d,) uint32: row of the weights that belongs to each column."""
    first: np.ndarray
    row_width: int
    ptr: np.ndarray
    columns: np.ndarray
    values: np.ndarray

    @cached_property
    def _where(self) -> np.ndarray:
        where = np.full(self.n_samples, -1, dtype=np.int32)
        where[self.rows] = np.arange(self.rows.size, dtype=np.int32)
        return where

    def positions(self, samples: np.ndarray) -> np.ndarray | None:
        """Return where the rows of some samples lie, int32; None if one of them is not there."""
        found = np.empty(samples.size, dtype=np.int32)
        return found if _look_up(self._where, samples, found) else None


@jit
def _look_up(numbers: Any, keys: Any, found: Any) -> bool:
    """Set ``found`` to the numbers at `keys`; return whether none of them is negative."""
    least = np.int32(0)
    for k in range(keys.size):
        found[k] = numbers[np.uintp(keys[k])]
        least = min(least, found[k])
    return least == 0


def lay_out(
    matrix: Matrix,
    rows: np.ndarray,
    n_slices: int,
    lattice: Lattice | None,
    team: WorkerTeam,
    block: int = 64,
    gram: np.ndarray = _NO_GRAM,
) -> Layout:
    """Lay `rows` (int32) of a matrix out in slices of columns, as integers if there is a lattice.

    If they are dense, set `gram`, int32 of shape (n, block or more), to the inner products of rows
    of a block.
    """
    rows = rows.copy()
    exact = lattice is not None
    scale = 2.0**lattice.feature_bits / lattice.scale if lattice is not None else 1.0
    dtype: Any = np.int16 if exact else np.float32
    n_samples, n_features = matrix.shape
    indptr, indices = matrix.indptr, matrix.indices
    if matrix.dense:
        width = -(-n_features // n_slices)
        row_width = -(-width // 32) * 32
        first = np.arange(n_slices + 1) * whole_pages(row_width)
        column = np.arange(n_features)
        place = (first[column // width] + column % width).astype(np.uint32)
        values = aligned((n_slices, rows.size, row_width), dtype)
        team.run(
            slice_dense, unclaimed(), matrix.table(), rows, width, scale, exact, values, block,
            gram,
        )  # fmt: skip
        ptr, columns = np.zeros((0, 0), dtype=np.int64), np.zeros(0, dtype=np.uint32)
        values = values.reshape(-1)
        return Layout(n_samples, n_slices, rows, place, first, row_width, ptr, columns, values)
    cuts, first, place = cut_columns(indptr, indices, n_features, n_slices, frequent_first=exact)
    ptr = np.empty((n_slices, rows.size + 1), dtype=np.int64)
    n_entries = int(np.diff(indptr)[rows].sum())
    # in one piece, as the system has larger pages for large pieces
    room = np.empty(n_entries * (4 + np.dtype(dtype).itemsize), dtype=np.uint8)
    columns, values = room[: 4 * n_entries].view(np.uint32), room[4 * n_entries :].view(dtype)
    arrived = np.zeros(team.n_threads * LINE, dtype=np.int64)
    team.run(
        slice_rows, team.n_threads, indptr, indices, matrix.data, rows, cuts, place, scale, exact,
        ptr, columns, values, unclaimed(), arrived, team.stop_flag,
    )  # fmt: skip
    return Layout(n_samples, n_slices, rows, place, first, 0, ptr, columns, values)

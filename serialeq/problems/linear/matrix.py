"""The rows that a linear model is trained on, in one form, so that kernels are compiled once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import scipy.sparse as sp


@dataclass(frozen=True, eq=False)
class Matrix:
    """Rows as arrays; of a dense matrix every entry is one, and no column needs a number."""

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

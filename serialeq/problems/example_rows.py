"""Small rows with labels, for the examples of several kinds."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from serialeq.native.random import permutation


def example_rows(n: int = 240, width: int = 30, dense: bool = False) -> tuple[Any, np.ndarray]:
    """Return rows of eighths, and a column of −1 and 1, without any library's randomness."""
    numbers = permutation(n * width, 7).astype(np.int64).reshape(n, width)
    X = (numbers % 8) / 8.0
    X[numbers % 3 > 0] = 0.0
    y = np.where(X[:, :5].sum(axis=1) > X[:, 5:10].sum(axis=1), 1.0, -1.0)
    return (X if dense else sp.csr_array(X)), y[:, None]

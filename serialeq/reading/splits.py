"""Which samples are held out."""

from __future__ import annotations

import numpy as np

from serialeq.errors import DataError
from serialeq.native.random import permutation, stream_key


def split_indices(n: int, test_fraction: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Split ``0..n-1`` into training and test indices at random, both ascending.

    DataError: if `test_fraction` is not in [0, 1) or leaves nothing to train on.
    """
    if not 0 <= test_fraction < 1:
        raise DataError(f"test_fraction: expected a number in [0, 1), got {test_fraction!r}")
    n_test = round(n * test_fraction)
    if n_test >= n:
        raise DataError(f"test_fraction: expected samples left to train on, got {n_test} of {n}")
    chosen = permutation(n, stream_key(seed, "test split"))
    return np.sort(chosen[n_test:]), np.sort(chosen[:n_test])

"""Rows and labels for the linear estimators, and a classifier of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from serialeq import LinearClassifier


def blobs(
    n: int = 300, d: int = 30, n_classes: int = 2, seed: int = 0
) -> tuple[sp.csr_array, np.ndarray]:
    """Return sparse rows and labels that a linear model mostly finds."""
    rng = np.random.default_rng(seed)
    X = rng.random((n, d)) * (rng.random((n, d)) < 0.3)
    X /= np.maximum(np.linalg.norm(X, axis=1, keepdims=True), 1e-9)
    scores = X @ rng.standard_normal((d, n_classes)) + 0.02 * rng.standard_normal((n, n_classes))
    return sp.csr_array(X), scores.argmax(axis=1)


X, Y = blobs()
X3, Y3 = blobs(n_classes=3)
NAMES = np.array(["no", "yes"])


def classifier(**parameters: Any) -> LinearClassifier:
    return LinearClassifier(**{"alpha": 1e-3, "max_iter": 5, "tol": None, "n_jobs": 1} | parameters)

"""A small problem, for golden digests, tests and races."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from serialeq.native.random import permutation
from serialeq.problem import Problem

from .estimator import TopicModel


def example(n: int = 1, **parameters: Any) -> Problem:
    """Return the factorisation of 240 documents of 30 words, or of n times as many."""
    numbers = (permutation(7_200 * n, 7).astype(np.int64)).reshape(240 * n, 30)
    X = (numbers % 8) / 8.0
    X[numbers % 3 > 0] = 0.0
    return TopicModel(**{"n_components": 4} | parameters).problem(sp.csr_array(X))

"""A small problem, for golden digests, tests and races."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from serialeq.native.random import permutation
from serialeq.problem import Problem

from .estimator import WordEmbedding


def example(n: int = 1, **parameters: Any) -> Problem:
    """Return the factorisation of counts of 30 words, or of n blocks of so many beside them."""
    numbers = permutation(900 * n, 5).astype(np.int64).reshape(n, 30, 30)
    both = numbers + numbers.transpose(0, 2, 1)
    counts = np.where(both % 4 == 0, 1 + both % 9, 0)
    estimator = WordEmbedding(**{"n_components": 8} | parameters)
    return estimator.problem(sp.block_diag([sp.csr_array(block) for block in counts], "csr"))

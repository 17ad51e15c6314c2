"""The objective of a linear model, summed in an order that no number of threads changes."""

from __future__ import annotations

from typing import Any

import numpy as np

from serialeq.native.atomics import load_acquire
from serialeq.native.jit import jit

from .losses import value

CHUNK = 256
"""Rows per partial sum of the loss."""


@jit
def loss_worker(
    thread: int, n_threads: int, loss: int, epsilon: float, indptr: Any, indices: Any, data: Any,
    coef: Any, intercept: Any, targets: Any, importance: Any, partial: Any, stop_flag: Any,
) -> bool:  # fmt: skip
    """Set ``partial[i]`` to the loss of chunk ``i`` of the rows, for every n_threads-th chunk.

    ``coef`` is (d, C); a dense row has no `indices`. A chunk's sum depends on the chunk alone.
    """
    n, n_outputs = targets.shape
    margins = np.zeros(n_outputs)
    for i in range(thread, partial.size, n_threads):
        if load_acquire(stop_flag, 0):
            break
        sum_ = 0.0
        for row in range(i * CHUNK, min((i + 1) * CHUNK, n)):
            margins[:] = intercept
            start = indptr[row]
            for k in range(np.uintp(start), np.uintp(indptr[row + 1])):
                j = np.uintp(indices[k]) if indices.size else k - np.uintp(start)
                for o in range(n_outputs):
                    margins[o] += data[k] * coef[j, o]
            for o in range(n_outputs):
                weight = importance[row, o] if importance.size else 1.0
                sum_ += weight * value(loss, epsilon, margins[o], targets[row, o])
        partial[i] = sum_
    return False

"""The objective of a linear model, summed in an order that no number of threads changes."""

from __future__ import annotations

from typing import Any

import numpy as np

from serialeq.native.atomics import load_acquire
from serialeq.native.jit import jit
from serialeq.native.sums import sequential_mean
from serialeq.native.team import WorkerTeam

from .layout import Matrix
from .losses import value

_CHUNK = 256  # rows per partial sum


def sum_of_losses(
    rows: Matrix, loss: int, epsilon: float, coef: np.ndarray, intercept: np.ndarray,
    targets: np.ndarray, importance: np.ndarray, team: WorkerTeam,
) -> float:  # fmt: skip
    """Return the weighted loss of all rows and outputs with weights ``coef``, (d, C)."""
    partial = np.zeros(-(-targets.shape[0] // _CHUNK))
    team.run(
        loss_worker, team.n_threads, loss, epsilon, rows.indptr, rows.indices, rows.data, coef,
        intercept, targets, importance, partial, team.stop_flag,
    )  # fmt: skip
    return ordered_sum(partial)


def ordered_sum(values: np.ndarray) -> float:
    """Return the sum, added up in order."""
    return float(sequential_mean(values)) * values.size if values.size else 0.0


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
        for row in range(i * _CHUNK, min((i + 1) * _CHUNK, n)):
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

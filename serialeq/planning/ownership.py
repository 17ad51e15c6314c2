"""Owner computes: a task runs where its heaviest resource lives.

Resources are dealt to workers once, in contiguous runs of equal load, so that neighbours in
memory stay together and few rows change hands. Where that would let one worker fall behind, a
task goes to a worker that has done less than its share.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from serialeq.native.incidence import bounds
from serialeq.native.jit import jit
from serialeq.order import CHUNK, Order

_SLACK = 256
_LOAD_SAMPLE = 1 << 16  # steps from which the load of each resource is estimated


def assign_owners(order: Order, n_workers: int) -> np.ndarray:
    """Return the worker (uint16) of each step."""
    if n_workers == 1:
        return np.zeros(order.n_steps, dtype=np.uint16)
    sizes = order.sizes
    stride = max(1, order.n_steps // _LOAD_SAMPLE)
    owner = _deal(*order.tasks.csr, order.sequence, sizes, order.weights, n_workers, stride)
    claims = (order.weights << 16) | owner
    slack = max(_SLACK, int(sizes.max()) if sizes.size else 1)
    given = np.zeros(n_workers + 1, dtype=np.int64)
    workers = np.empty(order.n_steps, dtype=np.uint16)
    for begin, supports in order.supports():
        _assign(*supports, claims, sizes[begin:], slack, given, workers[begin : begin + CHUNK])
    return workers


@jit
def _deal(
    indptr: Any, arity: int, indices: Any, sequence: Any, sizes: Any, weights: Any,
    n_workers: int, stride: int,
) -> Any:  # fmt: skip
    """Deal resources to workers in contiguous runs of equal load."""
    load = np.zeros(weights.size, np.int64)
    total = np.int64(0)
    for i in range(0, sequence.size, stride):
        size = sizes[i] if sizes.size else 1
        lower, upper = bounds(indptr, arity, np.intp(sequence[i]))
        heaviest = lower
        for k in range(lower, upper):
            if weights[np.intp(indices[k])] > weights[np.intp(indices[heaviest])]:
                heaviest = k
        if upper > lower:
            load[np.intp(indices[heaviest])] += size
        total += size
    owner = np.zeros(weights.size, np.uint16)
    below = np.int64(0)
    for r in range(weights.size):
        middle = below + load[r] // 2
        owner[r] = min(n_workers - 1, middle * n_workers // max(total, 1))
        below += load[r]
    return owner


@jit
def _assign(
    indptr: Any, arity: int, indices: Any, claims: Any, sizes: Any, slack: int, given: Any,
    workers: Any,
) -> None:  # fmt: skip
    """Give each step to the owner of its heaviest resource, unless that one is far ahead.

    ``claims[r]`` is weight * 2**16 + owner: one maximum, no unpredictable branch. ``given[w]``
    counts the samples of worker ``w``, the last entry all; more than `slack` samples above an
    even share is too much.
    """
    n_workers = given.size - 1
    so_far = given[n_workers]
    spare = 0
    for i in range(workers.size):
        lower, upper = bounds(indptr, arity, i)
        strongest = np.int64(0)
        for k in range(np.uintp(lower), np.uintp(upper)):
            strongest = max(strongest, claims[np.uintp(indices[k])])
        w = np.intp(strongest & 0xFFFF)
        if (given[w] - slack) * n_workers > so_far:
            while given[spare] * n_workers > so_far:
                spare = (spare + 1) % n_workers
            w = spare
        size = sizes[i] if sizes.size else 1
        workers[i] = w
        given[w] += size
        so_far += size
    given[n_workers] = so_far

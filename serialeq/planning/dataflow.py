"""Dataflow: a task starts when the last earlier task on each of its resources is done.

Workers run their own tasks in serial order, so every resource sees the same accesses in the same
order as in the serial run, and the same bits come out. No deadlock: a wait always names an
earlier task. A *vector clock* per worker, what it already knows to be done, transitively, removes
the waits that say nothing new.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from serialeq.kernels.incidence import bounds
from serialeq.kernels.jit import jit
from serialeq.order import Order

from .ownership import assign_owners
from .schedule import Schedule, assemble, check_workers


def plan_dataflow(order: Order, n_workers: int, with_times: bool = False) -> Schedule:
    """Plan waits instead of barriers; equal to the serial run for any order."""
    check_workers(n_workers)
    workers = assign_owners(order, n_workers)
    waits = find_waits(order, workers, n_workers)
    return assemble(order, n_workers, workers, waits, with_times=with_times)


def find_waits(order: Order, workers: np.ndarray, n_workers: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the waits (waiter, awaited), as steps, that make an assignment safe.

    The scan fills buffers of a fixed size and is resumed with larger ones: arrays that change
    inside a compiled loop cost a reference count per step.
    """
    n_resources, sequence = order.tasks.n_variables, order.sequence
    # Last step on each resource, and its worker: step * 2**16 + worker.
    last = np.full(n_resources, -(1 << 16), dtype=np.int64)
    # clock[w, u]: worker w knows that u is done up to this step; of itself it knows all.
    clock = np.full((n_workers, n_workers), -1, dtype=np.int64)
    np.fill_diagonal(clock, np.iinfo(np.int64).max)
    latest = np.full(n_workers, -1, dtype=np.int64)
    capacity = max(1024, n_workers, sequence.size // 32)
    history = _History.empty(capacity if n_workers > 2 else 1, n_workers)
    waiters, awaiteds = [], []
    step = n_history = 0
    while step < sequence.size:
        waiter = np.empty(capacity, dtype=np.int64)
        awaited = np.empty(capacity, dtype=np.int64)
        step, n_waits, n_history = _scan(
            *order.tasks.csr, sequence, workers, step, last, clock, latest,
            *history, n_history, waiter, awaited,
        )  # fmt: skip
        waiters.append(waiter[:n_waits])
        awaiteds.append(awaited[:n_waits])
        if n_history == history.since.size:
            history = history.doubled()
    empty = np.zeros(0, dtype=np.int64)
    return np.concatenate([empty, *waiters]), np.concatenate([empty, *awaiteds])


class _History(NamedTuple):
    """The clock of every worker after each of its waits.

    Entry ``h`` is ``clock[h]`` from step ``since[h]`` on; ``before[h]`` is the same worker's
    previous entry.
    """

    clock: np.ndarray
    since: np.ndarray
    before: np.ndarray

    @classmethod
    def empty(cls, size: int, n_workers: int) -> _History:
        return cls(*(np.empty(shape, np.int64) for shape in ((size, n_workers), size, size)))

    def doubled(self) -> _History:
        return _History(*(np.concatenate([array, np.empty_like(array)]) for array in self))


@jit
def _scan(
    indptr: Any, arity: int, indices: Any, sequence: Any, workers: Any, begin: int, last: Any,
    clock: Any, latest: Any, history: Any, since: Any, before: Any, n_history: int, waiter: Any,
    awaited: Any,
) -> Any:  # fmt: skip
    """Find waits from step `begin` on until the buffers are full; return where it stopped."""
    n_workers = latest.size
    need = np.full(n_workers, -1, np.int64)  # steps that the current one has to wait for
    n_waits = 0
    for i in range(begin, sequence.size):
        lower, upper = bounds(indptr, arity, np.intp(sequence[i]))
        w = np.intp(workers[i])
        pending = 0
        for k in range(np.uintp(lower), np.uintp(upper)):
            r = np.uintp(indices[k])
            step, u = last[r] >> 16, np.intp(last[r] & 0xFFFF)
            last[r] = (i << 16) | w
            if step > clock[w, u]:
                pending += 1
                need[u] = max(need[u], step)
        if pending == 0:
            continue
        before_step = n_waits
        while True:
            u = np.argmax(need)  # the latest first: it may imply the others
            step = need[u]
            if step < 0:
                break
            need[u] = -1
            if step <= clock[w, u]:
                continue
            waiter[n_waits] = i
            awaited[n_waits] = step
            n_waits += 1
            clock[w, u] = step
            h = latest[u]
            while h >= 0 and since[h] > step:
                h = before[h]
            if h >= 0:
                for x in range(n_workers):
                    if x != u:
                        clock[w, x] = max(clock[w, x], history[h, x])
        if n_workers > 2 and n_waits > before_step:  # between two nobody learns of a third
            history[n_history] = clock[w]
            since[n_history] = i
            before[n_history] = latest[w]
            latest[w] = n_history
            n_history += 1
        if n_waits + n_workers > waiter.size or (n_workers > 2 and n_history == since.size):
            return i + 1, n_waits, n_history
    return sequence.size, n_waits, n_history

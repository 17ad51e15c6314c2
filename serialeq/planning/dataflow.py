"""Dataflow: a task starts when the last earlier task on each of its resources is done.

Workers run their own tasks in serial order, so every resource sees the same accesses in the same
order as in the serial run, and the same bits come out. No deadlock: a wait always names an
earlier task. A *vector clock* per worker, what it already knows to be done, transitively, removes
the waits that say nothing new.

Proved in ``proofs/``: theorem ``dataflow_is_serial``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from serialeq.native.incidence import bounds
from serialeq.native.jit import jit
from serialeq.order import CHUNK, Order

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

    The scan fills buffers of a fixed size and is resumed with fresh ones: arrays that change
    inside a compiled loop cost a reference count per step.
    """
    # Last step on each resource, and its worker: step * 2**16 + worker.
    last = np.full(order.tasks.n_variables, -(1 << 16), dtype=np.int64)
    # clock[w, u]: worker w knows that u is done up to this step; of itself it knows all.
    clock = np.full((n_workers, n_workers), -1, dtype=np.int64)
    np.fill_diagonal(clock, np.iinfo(np.int64).max)
    latest = np.full(n_workers, -1, dtype=np.int64)
    capacity = max(1024, n_workers, order.n_steps // 32)
    # The clock of every worker after each of its waits: from step since[h] on it is history[h], and
    # before[h] is the same worker's previous entry.
    history = np.empty((capacity if n_workers > 2 else 1, n_workers), dtype=np.int64)
    since, before = np.empty((2, history.shape[0]), dtype=np.int64)
    waiter = awaited = np.zeros(0, dtype=np.int64)
    full: list[tuple[np.ndarray, np.ndarray]] = []
    n_waits = n_history = 0
    for begin, supports in order.supports():
        step, stop = begin, min(begin + CHUNK, order.n_steps)
        while step < stop:
            if n_waits + n_workers > waiter.size:
                full.append((waiter[:n_waits], awaited[:n_waits]))
                waiter, awaited = np.empty((2, capacity), dtype=np.int64)
                n_waits = 0
            if n_workers > 2 and n_history == since.size:
                history, since, before = (
                    np.concatenate([array, np.empty_like(array)])
                    for array in (history, since, before)
                )
            step, n_waits, n_history = _scan(
                *supports, begin, step, stop, workers, last, clock, latest, history, since, before,
                n_history, waiter, awaited, n_waits,
            )  # fmt: skip
    full.append((waiter[:n_waits], awaited[:n_waits]))
    return np.concatenate([w for w, _ in full]), np.concatenate([a for _, a in full])


@jit
def _scan(
    indptr: Any, arity: int, indices: Any, begin: int, step: int, stop: int, workers: Any,
    last: Any, clock: Any, latest: Any, history: Any, since: Any, before: Any, n_history: int,
    waiter: Any, awaited: Any, n_waits: int,
) -> Any:  # fmt: skip
    """Find the waits of steps `step` to `stop` until a buffer is full; return where it stopped.

    The supports are those of the steps from `begin` on.
    """
    n_workers = latest.size
    need = np.full(n_workers, -1, np.int64)  # steps that the current one has to wait for
    for i in range(step, stop):
        lower, upper = bounds(indptr, arity, i - begin)
        w = np.intp(workers[i])
        pending = 0
        for k in range(np.uintp(lower), np.uintp(upper)):
            r = np.uintp(indices[k])
            earlier, u = last[r] >> 16, np.intp(last[r] & 0xFFFF)
            last[r] = (i << 16) | w
            if earlier > clock[w, u]:
                pending += 1
                need[u] = max(need[u], earlier)
        if pending == 0:
            continue
        before_step = n_waits
        while True:
            u = np.argmax(need)  # the latest first: it may imply the others
            earlier = need[u]
            if earlier < 0:
                break
            need[u] = -1
            if earlier <= clock[w, u]:
                continue
            waiter[n_waits] = i
            awaited[n_waits] = earlier
            n_waits += 1
            clock[w, u] = earlier
            h = latest[u]
            while h >= 0 and since[h] > earlier:
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
    return stop, n_waits, n_history

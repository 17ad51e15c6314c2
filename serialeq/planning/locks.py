"""Ordered locks: one lock per resource, granted in serial order.

Every access to a resource draws, at planning time, a ticket: the number of earlier accesses. A
task starts when each of its resources has reached its ticket. The order of the grants makes the
result serial (compare Nawab et al. 2017, COP); locks granted in order of arrival (the AIG of Niu
et al. 2011) would be safe but not reproducible.
Proved in ``proofs/``: theorem ``direct_waits_are_enough``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from serialeq.native.incidence import bounds
from serialeq.native.jit import jit
from serialeq.order import Order

from .ownership import assign_owners
from .schedule import Schedule, check_workers, place_samples


def plan_locks(order: Order, n_workers: int, with_times: bool = False) -> Schedule:
    """Plan ordered per-resource locks; equal to the serial run for any order.

    Counter ``r`` is the number of grants of resource ``r`` that have been given back.
    """
    check_workers(n_workers)
    workers = assign_owners(order, n_workers)
    steps = np.argsort(workers, kind="stable").astype(np.int32)
    slot = np.empty(steps.size, dtype=np.int32)
    slot[steps] = np.arange(steps.size, dtype=np.int32)
    ptr, locks, tickets = _draw_tickets(
        *order.tasks.csr, order.sequence, slot, order.tasks.n_variables
    )
    ends = np.arange(1, steps.size + 1)
    worker_ptr = np.concatenate([[0], np.cumsum(np.bincount(workers, minlength=n_workers))])
    return Schedule(
        **place_samples(order, steps, ends - 1, ends, with_times),
        worker_ptr=worker_ptr,
        wait_ptr=ptr,
        wait_counter=locks,
        wait_value=tickets,
        post_ptr=ptr,
        post_counter=locks,
        post_value=tickets + np.int32(1),
        n_counters=order.tasks.n_variables,
    )


@jit
def _draw_tickets(
    indptr: Any, arity: int, indices: Any, sequence: Any, slot: Any, n_resources: int
) -> Any:
    """Return, by segment, the distinct resources of each task and its tickets for them."""
    n = sequence.size
    holder = np.full(n_resources, -1, np.int64)
    drawn = np.zeros(n_resources, np.int32)
    lock_ptr = np.zeros(n + 1, np.int64)
    for i in range(n):
        lower, upper = bounds(indptr, arity, np.intp(sequence[i]))
        for k in range(lower, upper):
            r = np.intp(indices[k])
            if holder[r] != i:
                holder[r] = i
                lock_ptr[slot[i] + 1] += 1
    for s in range(n):
        lock_ptr[s + 1] += lock_ptr[s]
    holder[:] = -1
    locks = np.empty(lock_ptr[n], np.int32)
    tickets = np.empty(lock_ptr[n], np.int32)
    for i in range(n):
        place = lock_ptr[slot[i]]
        lower, upper = bounds(indptr, arity, np.intp(sequence[i]))
        for k in range(lower, upper):
            r = np.intp(indices[k])
            if holder[r] != i:
                holder[r] = i
                locks[place] = r
                tickets[place] = drawn[r]
                drawn[r] += 1
                place += 1
    return lock_ptr, locks, tickets

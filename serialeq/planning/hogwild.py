"""Hogwild!'s plan: all workers at once, and nobody waits."""

from __future__ import annotations

import numpy as np

from serialeq.order import Order

from .ownership import assign_owners
from .schedule import Schedule, assemble, check_workers


def plan_hogwild(order: Order, n_workers: int, with_times: bool = False) -> Schedule:
    """Plan Hogwild! (Niu et al. 2011): everyone runs, nobody waits. Not serially equivalent.

    In a fine order each worker takes one contiguous run of the random order. Blocks are given
    to the workers that own them, as for dataflow, which is the best that Hogwild! can have.
    """
    check_workers(n_workers)
    if order.is_fine:
        steps = np.arange(order.n_steps, dtype=np.int64)
        workers = (steps * n_workers // max(order.n_steps, 1)).astype(np.uint16)
    else:
        workers = assign_owners(order, n_workers)
    return assemble(order, n_workers, workers, with_times=with_times)

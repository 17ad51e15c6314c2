"""The serial plan: one worker, in serial order, without waits."""

from __future__ import annotations

import numpy as np

from serialeq.order import Order

from .schedule import Schedule, assemble


def plan_serial(order: Order, n_workers: int = 1, with_times: bool = False) -> Schedule:
    """Plan the serial run, whatever number of workers is offered."""
    workers = np.zeros(order.n_steps, dtype=np.uint16)
    return assemble(order, 1, workers, with_times=with_times)

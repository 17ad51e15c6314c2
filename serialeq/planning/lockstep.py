"""Steps that all workers do together, one after the other: each its own part of a block."""

from __future__ import annotations

import numpy as np

from .schedule import Schedule, check_workers

_NONE = np.zeros(0, dtype=np.int32)


def plan_lockstep(layout: np.ndarray, n_steps: int, n_workers: int) -> Schedule:
    """Plan steps of each worker: step t follows everybody's step t - 1.

    Positions are not samples here: worker ``p`` runs positions ``p * n_steps`` and on, one segment
    each.
    """
    check_workers(n_workers)
    n_segments = n_steps * n_workers
    positions = np.arange(n_segments + 1, dtype=np.int64)
    others = np.array(
        [[u for u in range(n_workers) if u != p] for p in range(n_workers)], dtype=np.int32
    ).reshape(n_workers, 1, n_workers - 1)
    step = np.arange(n_steps, dtype=np.int32)
    wait_shape = (n_workers, n_steps, n_workers - 1)
    return Schedule(
        layout=layout,
        times=_NONE,
        worker_ptr=np.arange(n_workers + 1, dtype=np.int64) * n_steps,
        start=positions[:-1],
        stop=positions[1:].copy(),
        wait_ptr=positions * (n_workers - 1),
        wait_counter=np.broadcast_to(others, wait_shape).ravel(),
        wait_value=np.broadcast_to(step[None, :, None], wait_shape).ravel(),
        post_ptr=positions.copy(),
        post_counter=np.repeat(np.arange(n_workers, dtype=np.int32), n_steps),
        post_value=np.tile(step + 1, n_workers).astype(np.int32),
        n_counters=n_workers,
    )

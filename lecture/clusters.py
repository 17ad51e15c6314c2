"""Clusters of workers whose schemes are no `Schedule`, as they depend on who arrives first.

All take the times of the tasks and return the time until every task has counted once.
"""

from __future__ import annotations

import heapq

import numpy as np


def barrier_time(times: np.ndarray, n_dropped: int = 0) -> float:
    """Return the time of synchronous rounds; a round ends without the slowest `n_dropped` workers.

    Parameters
    ----------
    times : array of float64, shape (n_rounds, n_workers)
        Synchronous mini-batch: a task for each worker and round, then a barrier.
    n_dropped : int
        Backup workers (Chen et al. 2016): the work of the slowest is thrown away.
    """
    last = times.shape[1] - 1 - n_dropped
    return float(np.partition(times, last, axis=1)[:, last].sum())


def round_robin_time(times: np.ndarray, n_workers: int, update: float) -> float:
    """Return the time if workers update the model in turns (Langford, Smola, Zinkevich 2009).

    Parameters
    ----------
    times : array of float64, shape (n_tasks,)
        Task ``i`` is worker ``i % n_workers``'s; its gradient is computed in parallel.
    n_workers : int
    update : float
        Time of an update of the model, which follows that of the task before.
    """
    free = [0.0] * n_workers
    turn = 0.0
    for i, time in enumerate(times.tolist()):
        worker = i % n_workers
        turn = free[worker] = max(free[worker] + time, turn) + update
    return turn


def server_time(times: np.ndarray, n_workers: int, update: float) -> tuple[float, float]:
    """Return time and mean staleness with an asynchronous parameter server.

    A worker computes a gradient, and queues for the server, which makes one update at a time, in
    order of arrival. Nobody waits for anybody's gradient.

    Returns
    -------
    time : float
    staleness : float
        Mean number of others' updates between a task's reading the model and its update.
    """
    arrivals: list[tuple[float, int]] = []
    read_at = [0] * n_workers  # updates made when the worker last read the model
    tasks = iter(times.tolist())
    for worker, time in zip(range(n_workers), tasks, strict=False):  # as many as there are
        heapq.heappush(arrivals, (time, worker))
    server = 0.0
    staleness = n_updates = 0
    while arrivals:
        arrival, worker = heapq.heappop(arrivals)
        server = max(server, arrival) + update
        staleness += n_updates - read_at[worker]
        n_updates += 1
        read_at[worker] = n_updates
        time = next(tasks, None)
        if time is not None:
            heapq.heappush(arrivals, (server + time, worker))
    return server, staleness / max(n_updates, 1)

"""A team of threads that runs compiled, GIL-free jobs and can be stopped."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from numbers import Integral
from queue import SimpleQueue
from typing import Any

import numpy as np

from .errors import SerialeqError

MAX_WORKERS = 1024


def available_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def count_workers(n_jobs: int | None) -> int:
    """Return the number of workers that ``n_jobs`` means, as scikit-learn counts.

    None and -1: all cores; -2: all but one, and so on.

    Raises
    ------
    SerialeqError
        If `n_jobs` is zero, no integer, or beyond 1024.
    """
    if n_jobs is None:
        return available_cores()
    if isinstance(n_jobs, bool) or not isinstance(n_jobs, Integral) or n_jobs == 0:
        raise SerialeqError(f"n_jobs: expected a positive integer, -1 or None, got {n_jobs!r}")
    if n_jobs < 0:
        return max(1, available_cores() + 1 + int(n_jobs))
    if n_jobs > MAX_WORKERS:
        raise SerialeqError(f"n_jobs: expected at most {MAX_WORKERS}, got {n_jobs}")
    return int(n_jobs)


class WorkerTeam:
    """The calling thread, which is thread 0, and threads that stay parked between jobs.

    The caller works too, as in OpenMP: then a job wakes one thread less, and two threads on two
    cores are not put on the same one by the system's scheduler.

    Parameters
    ----------
    n_workers : int
        Number of workers that schedules are made for.
    n_threads : int, optional
        Number of threads that run them, the caller included: by default as many as there are
        workers, but not more than cores. It decides nothing but the time.

    Attributes
    ----------
    stop_flag : array of int64, shape (1,)
        Not zero: every compiled loop returns soon. Set when the caller is interrupted, or a job
        fails.
    """

    def __init__(self, n_workers: int, n_threads: int | None = None) -> None:
        self.n_workers = n_workers
        self.n_threads = n_threads or min(n_workers, available_cores())
        self.stop_flag = np.zeros(1, dtype=np.int64)
        self._done: SimpleQueue[BaseException | None] = SimpleQueue()
        self._jobs: list[SimpleQueue[tuple[Callable[..., Any], tuple[Any, ...]] | None]] = []
        for t in range(1, self.n_threads):
            jobs: SimpleQueue[tuple[Callable[..., Any], tuple[Any, ...]] | None] = SimpleQueue()
            self._jobs.append(jobs)
            threading.Thread(
                target=_work,
                args=(t, jobs, self._done, self.stop_flag),
                name=f"serialeq-{t}",
                daemon=True,
            ).start()

    def run(self, job: Callable[..., bool], *arguments: Any) -> None:
        """Call ``job(thread, *arguments)`` on every thread until it returns False on each.

        A job returns True now and then, so that the caller can be interrupted (Ctrl-C): then the
        stop flag is set, all workers return, and the interruption goes on its way.
        """
        self.stop_flag[0] = 0
        failure: BaseException | None = None
        for jobs in self._jobs:
            jobs.put((job, arguments))
        try:
            while job(0, *arguments):
                pass
        except BaseException as interruption:
            self.stop_flag[0] = 1
            failure = interruption
        for _ in self._jobs:
            while True:
                try:
                    failure = self._done.get() or failure
                    break
                except BaseException as interruption:
                    self.stop_flag[0] = 1
                    failure = interruption
        if failure is not None:
            raise failure

    def close(self) -> None:
        """End the threads."""
        for jobs in self._jobs:
            jobs.put(None)
        self._jobs = []

    def __enter__(self) -> WorkerTeam:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _work(
    thread: int, jobs: SimpleQueue[Any], done: SimpleQueue[Any], stop_flag: np.ndarray
) -> None:
    while (task := jobs.get()) is not None:
        job, arguments = task
        try:
            while job(thread, *arguments):
                pass
        except BaseException as error:
            stop_flag[0] = 1  # others may be waiting for this thread
            done.put(error)
        else:
            done.put(None)

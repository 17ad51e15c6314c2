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
from .kernels.atomics import LINE, load_acquire, relax
from .kernels.jit import jit

MAX_WORKERS = 1024

_PATIENCE = 1024  # rounds, about 0.3 ms: to sleep and be woken takes 0.05 ms, and an epoch may be 2

_Task = tuple[int, Callable[..., bool], tuple[Any, ...]]  # turn, job, its arguments


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
        self._turn = np.zeros(1, dtype=np.int64)
        linger(self._turn, -1)  # compiles
        self._process = os.getpid()
        self._reports = _Reports(self.n_threads - 1, self.stop_flag)
        self._tasks: list[SimpleQueue[_Task | None]] = []
        for t in range(1, self.n_threads):
            tasks: SimpleQueue[_Task | None] = SimpleQueue()
            self._tasks.append(tasks)
            threading.Thread(
                target=_work,
                args=(t, tasks, self._turn, self._reports),
                name=f"serialeq-{t}",
                daemon=True,
            ).start()

    def run(self, job: Callable[..., bool], *arguments: Any, n_threads: int | None = None) -> None:
        """Call ``job(thread, *arguments)`` on every thread until it returns False on each.

        With `n_threads`, on so many of them only: the caller alone if it is 1.

        A job returns True now and then, so that the caller can be interrupted (Ctrl-C): then the
        stop flag is set, all workers return, and the interruption goes on its way.

        Raises
        ------
        SerialeqError
            In a forked process, where the threads do not exist: make a team there.
        """
        if self._process != os.getpid():
            raise SerialeqError(
                "WorkerTeam: expected to be used by the process that made it; after a fork, make "
                "a new one"
            )
        n_helpers = (n_threads or self.n_threads) - 1
        self.stop_flag[0] = 0
        turn = int(self._turn[0]) + 1
        task = (turn, job, arguments)
        failure: BaseException | None = None
        handed_out = False
        while True:  # an interruption may come between any two instructions
            try:
                if not handed_out:
                    for tasks in self._tasks[:n_helpers]:
                        tasks.put(task)
                    self._turn[0] = turn
                    handed_out = True
                    while failure is None and job(0, *arguments):
                        pass
                self._reports.wait_for(turn, n_helpers)
                break
            except BaseException as interruption:
                self.stop_flag[0] = 1
                failure = failure or interruption
        errors = self._reports.take_errors()
        if failure is not None or errors:
            raise failure or errors[0]

    def close(self) -> None:
        """End the threads."""
        for tasks in self._tasks:
            tasks.put(None)
        self._turn[0] = -1
        self._tasks = []

    def __enter__(self) -> WorkerTeam:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Reports:
    """What the threads tell the caller. Nothing is lost if the caller is interrupted in between."""

    def __init__(self, n_threads: int, stop_flag: np.ndarray) -> None:
        self._finished = np.zeros((n_threads, LINE), np.int64)  # each thread's latest turn
        self._news: SimpleQueue[None] = SimpleQueue()  # there may be more than one looks at
        self._errors: list[BaseException] = []
        self._stop_flag = stop_flag

    def failed(self, error: BaseException) -> None:
        self._errors.append(error)
        self._stop_flag[0] = 1  # others may be waiting for this thread

    def has_finished(self, thread: int, turn: int) -> bool:
        return bool(self._finished[thread - 1, 0] == turn)

    def finished(self, thread: int, turn: int) -> None:
        self._finished[thread - 1, 0] = turn
        self._news.put(None)

    def wait_for(self, turn: int, n_threads: int) -> None:
        """Return when the first threads have finished a turn."""
        finished = self._finished[:n_threads, 0]
        while (finished != turn).any():
            late = int(np.argmax(finished != turn))
            if not linger(self._finished[late], int(finished[late])):
                self._news.get()
        while not self._news.empty():
            self._news.get()

    def take_errors(self) -> list[BaseException]:
        errors, self._errors = self._errors, []
        return errors


@jit
def linger(word: Any, old: int) -> bool:
    """Wait a while for ``word[0]`` to be another than `old`; return whether it is."""
    for idle in range(_PATIENCE):
        if load_acquire(word, 0) != old:
            return True
        relax(idle)
    return False


def _work(
    thread: int, tasks: SimpleQueue[_Task | None], latest: np.ndarray, reports: _Reports
) -> None:
    turn = 0
    while True:
        linger(latest, turn)
        task = tasks.get()
        if task is None:
            break
        turn, job, arguments = task
        if not reports.has_finished(thread, turn):  # an interrupted caller hands out again
            try:
                while job(thread, *arguments):
                    pass
            except BaseException as error:
                reports.failed(error)
            reports.finished(thread, turn)
        del task, job, arguments  # a parked thread keeps nothing alive

"""A team of threads that runs compiled, GIL-free jobs and can be stopped.

How jobs come to threads is checked in ``proofs/team.pml``, a model that has to change with it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from functools import cache
from numbers import Integral
from queue import SimpleQueue
from typing import Any

import numpy as np

from serialeq.errors import SerialeqError

from .atomics import LINE, call_kernel, claim, load_acquire, relax, store_release
from .jit import jit
from .kernel import BoundKernel

MAX_WORKERS = 1024

_PATIENCE = 1024  # rounds, about 0.3 ms: to sleep and be woken takes 0.1 ms, and an epoch may be 2

_TURN, _ADDRESS, _BLOCK, _THREADS = range(4)  # places in what lingering threads are told

_Task = tuple[int, Callable[..., bool], tuple[Any, ...]]  # turn, job, its arguments


def available_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def count_workers(n_jobs: int | None) -> int:
    """Return the number of workers that ``n_jobs`` means, as scikit-learn counts.

    None and -1: all cores; -2: all but one, and so on.

    SerialeqError: if `n_jobs` is zero, no integer, or beyond 1024.
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


class NativeJob:
    """A job in machine code, ``run(context, thread, n_threads)``, that needs no Python to start.

    The code sets ``again[thread * LINE]`` of its team to whether there is more to do.
    """

    def __init__(self, bound: BoundKernel, again: np.ndarray) -> None:
        self.address, self.block = bound.address, bound.block
        self._bound, self._again = bound, again

    def __call__(self, thread: int, n_threads: int) -> bool:
        """Do a thread's share, or a part of it."""
        self._bound.run(thread, n_threads)
        return bool(self._again[thread * LINE])


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
    again : array of int64
        What native jobs tell of each thread (`NativeJob`).
    stop_flag : array of int64, shape (1,)
        Not zero: every compiled loop returns soon. Set when the caller is interrupted, or a job
        fails.
    """

    def __init__(self, n_workers: int, n_threads: int | None = None) -> None:
        self.n_workers = n_workers
        self.n_threads = n_threads or min(n_workers, available_cores())
        _compile()
        self.stop_flag = np.zeros(1, dtype=np.int64)
        self.again = np.zeros(self.n_threads * LINE, dtype=np.int64)
        self._told = np.zeros(LINE, dtype=np.int64)
        self._process = os.getpid()
        self._reports = _Reports(self.n_threads - 1, self.stop_flag)
        self._tasks: list[SimpleQueue[_Task | None]] = []
        self._current: _Task | None = None
        for t in range(1, self.n_threads):
            tasks: SimpleQueue[_Task | None] = SimpleQueue()
            self._tasks.append(tasks)
            threading.Thread(
                target=_work,
                args=(t, tasks, self._told, self.again, self._reports),
                name=f"serialeq-{t}",
                daemon=True,
            ).start()

    def run(self, job: Callable[..., bool], *arguments: Any, n_threads: int | None = None) -> None:
        """Call ``job(thread, *arguments)`` on every thread until it returns False on each.

        With `n_threads`, on so many of them only: the caller alone if it is 1. Threads that have
        just run a `NativeJob` start the next one without Python, and without being woken.

        A job returns True now and then, so that the caller can be interrupted (Ctrl-C): then the
        stop flag is set, all workers return, and the interruption goes on its way.

        Raises
        ------
        SerialeqError
            In a forked process, where the threads do not exist: make a team there. And if the team
            is closed, or has fewer threads.
        """
        if self._process != os.getpid():
            raise SerialeqError(
                "WorkerTeam: expected to be used by the process that made it; after a fork, make "
                "a new one"
            )
        n_helpers = (n_threads or self.n_threads) - 1
        if n_helpers > len(self._tasks):
            raise SerialeqError(
                f"WorkerTeam: expected {n_helpers} threads beside the caller, got "
                f"{len(self._tasks)}; the team is closed or smaller"
            )
        self.stop_flag[0] = 0
        self._reports.take_errors()  # of a job whose failure was not waited for
        turn = int(self._told[_TURN]) + 1
        self._current = task = (turn, job, arguments)  # threads may have no more than addresses
        native = isinstance(job, NativeJob)
        failure: BaseException | None = None
        handed_out = finished = False
        while not finished:  # an interruption may come while another one is dealt with
            try:
                while not finished:  # and the first one between any two instructions
                    try:
                        if not handed_out and failure is None:
                            self._hand_out(task, n_helpers)
                        elif not handed_out:
                            self._hand_out_again(task, n_helpers)
                        handed_out = True
                        while failure is None and job(0, *arguments):
                            pass
                        self._reports.wait_for(turn, n_helpers, native)
                        finished = True
                    except BaseException as interruption:
                        self.stop_flag[0] = 1
                        failure = failure or interruption
            except BaseException as interruption:
                self.stop_flag[0] = 1
                failure = failure or interruption
        self._current = None
        errors = self._reports.take_errors()
        if failure is not None or errors:
            raise failure or errors[0]

    def _hand_out(self, task: _Task, n_helpers: int) -> None:
        turn, job, _ = task
        address, block = (job.address, job.block) if isinstance(job, NativeJob) else (0, 0)
        self._told[: _THREADS + 1] = turn, address, block, n_helpers + 1
        lingered = _tell(self._reports.states, n_helpers)
        # Told first: a thread that had done its task by then would be told of it once more.
        for tasks, told in zip(self._tasks[:n_helpers], lingered, strict=True):
            if not (address and told):
                tasks.put(task)

    def _hand_out_again(self, task: _Task, n_helpers: int) -> None:
        """Hand a task out of which it is not known who has it: those who have done it drop it."""
        self._told[_TURN] = task[0]  # what is beside it may be older, but nobody is told to look
        for tasks in self._tasks[:n_helpers]:
            tasks.put(task)

    def close(self) -> None:
        """End the threads."""
        ending, self._tasks = self._tasks, []  # first: no job may wait for a thread that has ended
        for tasks in ending:
            tasks.put(None)

    def __enter__(self) -> WorkerTeam:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Reports:
    """What the threads tell the caller. Nothing is lost if the caller is interrupted in between."""

    def __init__(self, n_threads: int, stop_flag: np.ndarray) -> None:
        self.latest = np.zeros(n_threads * LINE, np.int64)  # turn that each thread has finished
        self.states = np.ones(n_threads * LINE, np.int64)  # 0: the thread lingers
        self._news: SimpleQueue[None] = SimpleQueue()  # there may be more than one looks at
        self._errors: list[BaseException] = []
        self._stop_flag = stop_flag

    def failed(self, error: BaseException) -> None:
        self._errors.append(error)
        self._stop_flag[0] = 1  # others may be waiting for this thread

    def has_finished(self, thread: int, turn: int) -> bool:
        return bool(self.latest[(thread - 1) * LINE] >= turn)

    def finished(self, thread: int, turn: int) -> None:
        _publish(self.latest, (thread - 1) * LINE, turn)
        self._news.put(None)

    def wait_for(self, turn: int, n_threads: int, native: bool) -> None:
        """Return when the first threads have finished a turn; of a native job there are no news."""
        while not _all_finished(self.latest, n_threads, turn):
            if not native:
                self._news.get()
        while not self._news.empty():
            self._news.get()

    def take_errors(self) -> list[BaseException]:
        errors, self._errors = self._errors, []
        return errors


@jit
def _tell(states: Any, n_helpers: int) -> Any:
    """Tell the threads that linger that there is a task; return which ones do."""
    lingered = np.empty(n_helpers, np.bool_)
    for helper in range(n_helpers):
        lingered[helper] = claim(states, helper * LINE)
    return lingered


@jit
def _linger(thread: int, told: Any, again: Any, latest: Any, states: Any) -> None:
    """Run native jobs until there is another one, or none for a while.

    Whoever sets the thread's state to 1 decides what it does next: its caller, who has told it a
    job, or the thread itself, which will sleep until something is in its queue.
    """
    own = (thread - 1) * LINE
    store_release(states, own, 0)
    idle = 0
    while True:
        if load_acquire(states, own):
            turn, address = told[_TURN], told[_ADDRESS]
            if address == 0:
                return
            more = True
            while more:
                call_kernel(address, told[_BLOCK], thread, told[_THREADS])
                more = again[thread * LINE] != 0
            store_release(states, own, 0)  # first: once its caller knows, it may be told again
            store_release(latest, own, turn)
            idle = 0
        elif idle < _PATIENCE:
            relax(idle)
            idle += 1
        elif claim(states, own):
            return


@jit
def _publish(words: Any, at: int, value: int) -> None:
    store_release(words, at, value)


@jit
def _all_finished(latest: Any, n_helpers: int, turn: int) -> bool:
    """Wait a while for threads to finish a turn; return whether they have."""
    for helper in range(n_helpers):
        idle = 0
        while load_acquire(latest, helper * LINE) < turn:
            if idle == _PATIENCE:
                return False
            relax(idle)
            idle += 1
    return True


@cache
def _compile() -> None:
    """Compile everything before there are threads, and interruptions."""
    told, again, latest, states = np.zeros((4, 2 * LINE), dtype=np.int64)
    _tell(states, 0)
    _publish(latest, 0, 0)
    _all_finished(latest, 0, 0)
    _linger(1, told, again, latest, states)


def _work(
    thread: int,
    tasks: SimpleQueue[_Task | None],
    told: np.ndarray,
    again: np.ndarray,
    reports: _Reports,
) -> None:
    while True:
        if tasks.empty():
            _linger(thread, told, again, reports.latest, reports.states)
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

"""Run a schedule: the loop of one thread, and the team that runs it.

The protocol of counters and claims is checked in ``proofs/executor.pml``, a model of `run_thread`
and `advance` that has to change with them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from serialeq.kernels.atomics import LINE, call_kernel, claim, load_acquire, relax, store_release
from serialeq.kernels.jit import inline, jit
from serialeq.kernels.kernel import BoundKernel
from serialeq.kernels.simd import aligned_zeros
from serialeq.planning.schedule import Schedule
from serialeq.team import WorkerTeam

_FEW_COUNTERS = 1024  # so many get a pair of cache lines each

_TURN = 1 << 16  # samples after which a thread returns to Python, to let an interruption through
_PATIENCE = 160  # rounds of waiting after which a thread helps others
_IDLE_TURN = 640  # rounds of waiting, likewise: on a busy machine a yield takes milliseconds


class Executor:
    """A schedule with its counters, ready to be run again and again.

    Parameters
    ----------
    schedule : Schedule
    team : WorkerTeam
    """

    def __init__(self, schedule: Schedule, team: WorkerTeam) -> None:
        s = schedule
        self.team = team
        self._stride = LINE if s.n_counters <= _FEW_COUNTERS else 1
        self._counters = aligned_zeros((s.n_counters * self._stride,), np.int64)
        self._seen = aligned_zeros((s.n_workers, (s.n_counters // LINE + 2) * LINE), np.int64)
        self._cursor = aligned_zeros((s.n_workers, LINE), np.int64)
        self._claims = aligned_zeros((s.n_workers * LINE,), np.int64)
        self._arguments = (
            s.worker_ptr, s.start, s.stop, s.wait_ptr, s.wait_counter, s.wait_value, s.post_ptr,
            s.post_counter, s.post_value, self._counters, self._stride, self._seen, self._cursor,
            self._claims, team.stop_flag,
        )  # fmt: skip
        self._n_threads = min(team.n_threads, s.n_workers)
        run_thread(0, s.n_workers + 1, 0, 0, *self._arguments)  # compiles; runs no worker

    def run(self, kernel: BoundKernel) -> None:
        """Execute one epoch with a kernel bound to data in the schedule's layout."""
        for state in (self._counters, self._seen, self._cursor, self._claims):
            state[:] = 0
        self.team.run(
            run_thread, self._n_threads, kernel.address, kernel.block, *self._arguments,
            n_threads=self._n_threads,
        )  # fmt: skip


@jit
def run_thread(
    thread: int, n_threads: int, address: int, block: int, worker_ptr: Any, start: Any, stop: Any,
    wait_ptr: Any, wait_counter: Any, wait_value: Any, post_ptr: Any, post_counter: Any,
    post_value: Any, counters: Any, stride: int, seen: Any, cursor: Any, claims: Any,
    stop_flag: Any,
) -> bool:  # fmt: skip
    """Run the thread's share of the workers, each until it has to wait, for a while.

    A thread with several workers turns to the next when one has to wait, so that more workers
    than cores cost little. A thread that has nothing to do for a while helps the workers of
    others: on a busy machine their threads may be off their cores. Whoever advances a worker
    holds its claim. Returns whether there is more to do.
    """
    n_workers = worker_ptr.size - 1
    own, end = n_workers * thread // n_threads, n_workers * (thread + 1) // n_threads
    budget = _TURN
    idle = 0
    while budget > 0:
        finished = True
        before = budget
        for w in range(0 if idle > _PATIENCE else own, n_workers if idle > _PATIENCE else end):
            if not load_acquire(claims, w * LINE) and claim(claims, w * LINE):
                budget -= advance(
                    w, budget, address, block, worker_ptr, start, stop, wait_ptr, wait_counter,
                    wait_value, post_ptr, post_counter, post_value, counters, stride, seen, cursor,
                )  # fmt: skip
                done = cursor[w, 0] == worker_ptr[w + 1] - worker_ptr[w]
                store_release(claims, w * LINE, 0)
            else:
                done = False
            finished = finished and (done or w < own or w >= end)
        if finished or load_acquire(stop_flag, 0):
            return False
        if budget < before:
            idle = 0
        else:
            relax(idle)
            idle += 1
            if idle > _IDLE_TURN:
                return True
    return True


@inline
def advance(
    worker: int, budget: int, address: int, block: int, worker_ptr: Any, start: Any, stop: Any,
    wait_ptr: Any, wait_counter: Any, wait_value: Any, post_ptr: Any, post_counter: Any,
    post_value: Any, counters: Any, stride: int, seen: Any, cursor: Any,
) -> Any:  # fmt: skip
    """Run a worker's next segments until one has to wait or the budget (samples) is spent.

    ``cursor[worker]`` says where to go on: segments done, samples done of the next one.
    ``seen[worker]`` holds the last value read of each counter, so that most waits read nothing
    that another core writes. Returns the number of samples run, at least 1 per segment.
    """
    first, last = worker_ptr[worker], worker_ptr[worker + 1]
    offset = cursor[worker, 1]
    s = first + cursor[worker, 0]
    spent = 0
    while s < last and spent < budget:
        ready = True
        for j in range(wait_ptr[s], wait_ptr[s + 1]):
            c, value = np.intp(wait_counter[j]), wait_value[j]
            if seen[worker, c] < value:
                seen[worker, c] = load_acquire(counters, c * stride)
                ready = ready and seen[worker, c] >= value
        if not ready:
            break
        begin, end = start[s] + offset, stop[s]
        if end - begin > budget - spent:
            call_kernel(address, block, begin, begin + budget - spent)
            offset += budget - spent
            spent = budget
            break
        call_kernel(address, block, begin, end)
        for j in range(post_ptr[s], post_ptr[s + 1]):
            store_release(counters, np.intp(post_counter[j]) * stride, np.int64(post_value[j]))
        spent += max(end - begin, 1)
        offset = 0
        s += 1
    cursor[worker, 0] = s - first
    cursor[worker, 1] = offset
    return spent

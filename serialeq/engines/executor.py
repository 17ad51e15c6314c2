"""Run a schedule: the loop of one thread, and the team that runs it.

The protocol of counters and claims is checked in ``proofs/executor.pml``, a model of `run_thread`
and `advance` that has to change with them.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from serialeq.native.atomics import LINE, call_kernel, claim, load_acquire, relax, store_release
from serialeq.native.jit import inline
from serialeq.native.kernel import BoundKernel, kernel
from serialeq.native.simd import aligned_zeros
from serialeq.native.team import NativeJob, WorkerTeam
from serialeq.planning.schedule import Schedule

_FEW_COUNTERS = 1024  # so many get a pair of cache lines each

_TURN = 1 << 16  # samples after which a thread returns to Python, to let an interruption through
_PATIENCE = 160  # rounds of waiting after which a thread helps others
_IDLE_TURN = 640  # rounds of waiting, likewise: on a busy machine a yield takes milliseconds


class Progress(NamedTuple):
    """A schedule, and how far an epoch has come: what `run_thread` works on."""

    worker_ptr: np.ndarray
    start: np.ndarray
    stop: np.ndarray
    wait_ptr: np.ndarray
    wait_counter: np.ndarray
    wait_value: np.ndarray
    post_ptr: np.ndarray
    post_counter: np.ndarray
    post_value: np.ndarray
    target: np.ndarray
    """(3,) int64: the kernel's address and block; counters lie that far apart."""
    counters: np.ndarray
    seen: np.ndarray
    """(workers, counters rounded up): last value that each worker has read of each counter."""
    cursor: np.ndarray
    """(workers, `LINE`): segments done, samples done of the next one."""
    claims: np.ndarray
    again: np.ndarray
    """(threads * `LINE`,) int64: whether the thread has more to do."""
    stop_flag: np.ndarray


class Executor:
    """A schedule with its counters, ready to be run again and again."""

    def __init__(self, schedule: Schedule, team: WorkerTeam) -> None:
        s = schedule
        self.team = team
        stride = LINE if s.n_counters <= _FEW_COUNTERS else 1
        self.progress = Progress(
            s.worker_ptr, s.start, s.stop, s.wait_ptr, s.wait_counter, s.wait_value, s.post_ptr,
            s.post_counter, s.post_value,
            target=np.array([0, 0, stride]),
            counters=aligned_zeros((s.n_counters * stride,), np.int64),
            seen=aligned_zeros((s.n_workers, (s.n_counters // LINE + 2) * LINE), np.int64),
            cursor=aligned_zeros((s.n_workers, LINE), np.int64),
            claims=aligned_zeros((s.n_workers * LINE,), np.int64),
            again=team.again,
            stop_flag=team.stop_flag,
        )  # fmt: skip
        self._n_threads = min(team.n_threads, s.n_workers)
        self._job = NativeJob(run_thread.bind(self.progress), team.again)

    def run(self, kernel: BoundKernel) -> None:
        """Execute one epoch with a kernel bound to data in the schedule's layout."""
        state = self.progress
        state.target[:2] = kernel.address, kernel.block
        for array in (state.counters, state.seen, state.cursor, state.claims):
            array[:] = 0
        self.team.run(self._job, self._n_threads, n_threads=self._n_threads)


@kernel
def run_thread(c: Any, thread: int, n_threads: int) -> None:
    """Run the thread's share of the workers, each until it has to wait, for a while.

    A thread with several workers turns to the next when one has to wait, so that more workers
    than cores cost little. A thread that has nothing to do for a while helps the workers of
    others: on a busy machine their threads may be off their cores. Whoever advances a worker
    holds its claim. Sets ``again`` if there is more to do.
    """
    n_workers = c.worker_ptr.size - 1
    claims = c.claims
    own, end = n_workers * thread // n_threads, n_workers * (thread + 1) // n_threads
    budget = _TURN
    idle = 0
    while budget > 0:
        finished = True
        before = budget
        for w in range(0 if idle > _PATIENCE else own, n_workers if idle > _PATIENCE else end):
            if not load_acquire(claims, w * LINE) and claim(claims, w * LINE):
                budget -= advance(c, w, budget)
                done = c.cursor[w, 0] == c.worker_ptr[w + 1] - c.worker_ptr[w]
                store_release(claims, w * LINE, 0)
            else:
                done = False
            finished = finished and (done or w < own or w >= end)
        if finished or load_acquire(c.stop_flag, 0):
            c.again[thread * LINE] = 0
            return
        if budget < before:
            idle = 0
        else:
            relax(idle)
            idle += 1
            if idle > _IDLE_TURN:
                break
    c.again[thread * LINE] = 1


@inline
def advance(c: Any, worker: int, budget: int) -> Any:
    """Run a worker's next segments until one has to wait or the budget (samples) is spent.

    ``seen`` is kept so that most waits read nothing that another core writes. Returns the number
    of samples run, at least 1 per segment.
    """
    cursor, seen, counters = c.cursor, c.seen, c.counters
    address, block, stride = c.target[0], c.target[1], c.target[2]
    first, last = c.worker_ptr[worker], c.worker_ptr[worker + 1]
    offset = cursor[worker, 1]
    s = first + cursor[worker, 0]
    spent = 0
    while s < last and spent < budget:
        ready = True
        for j in range(c.wait_ptr[s], c.wait_ptr[s + 1]):
            counter, value = np.intp(c.wait_counter[j]), c.wait_value[j]
            if seen[worker, counter] < value:
                seen[worker, counter] = load_acquire(counters, counter * stride)
                ready = ready and seen[worker, counter] >= value
        if not ready:
            break
        begin, end = c.start[s] + offset, c.stop[s]
        if end - begin > budget - spent:
            call_kernel(address, block, begin, begin + budget - spent)
            offset += budget - spent
            spent = budget
            break
        call_kernel(address, block, begin, end)
        for j in range(c.post_ptr[s], c.post_ptr[s + 1]):
            at = np.intp(c.post_counter[j]) * stride
            store_release(counters, at, np.int64(c.post_value[j]))
        spent += max(end - begin, 1)
        offset = 0
        s += 1
    cursor[worker, 0] = s - first
    cursor[worker, 1] = offset
    return spent

"""What a schedule will bring, without running it: critical path and predicted speedup.

A cost model in nanoseconds plays the dataflow rule on P workers: a task starts when its worker
is free and the last earlier task on each of its resources is done.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from serialeq.native.incidence import bounds
from serialeq.native.jit import jit
from serialeq.order import Order

from .ownership import assign_owners

_WINDOWS = 8


@dataclass(frozen=True)
class CostModel:
    """Costs in nanoseconds, measured on a 2.6 GHz server core (rank-32 factorisation).

    They decide about speed only, never about bits.
    """

    sample: float = 5.0
    """One update."""
    wait: float = 15.0
    """Opening a segment: one more call, a counter read and a counter written."""
    handoff: float = 150.0
    """From the end of a task on one core until another core can start one that waits for it."""
    transfer: float = 3.0
    """A resource that another core used last: its lines have to be fetched."""
    launch: float = 40_000.0
    """Waking the team, once an epoch."""


DEFAULT_COSTS = CostModel()


@dataclass(frozen=True)
class Prediction:
    """Predicted time of one epoch, in nanoseconds, under the dataflow engine."""

    n_workers: int
    serial: float
    parallel: float
    n_waits: int
    """Steps that wait for another worker's."""

    @property
    def speedup(self) -> float:
        """Serial time over parallel time."""
        return self.serial / self.parallel


def predict(
    order: Order, n_workers: int, costs: CostModel = DEFAULT_COSTS, limit: int | None = None
) -> Prediction:
    """Simulate the dataflow engine on `n_workers` workers.

    With a `limit`, only that many steps are simulated, in a few windows spread over the epoch,
    and the rest is taken to be like them.
    """
    if limit is not None and order.n_steps > limit:
        width = limit // _WINDOWS
        windows = [
            predict(
                replace(order, sequence=order.sequence[first : first + width]), n_workers, costs
            )
            for first in np.linspace(0, order.n_steps - width, _WINDOWS).astype(int)
        ]
        scale = order.n_steps / (width * _WINDOWS)
        return Prediction(
            n_workers,
            sum(window.serial for window in windows) * scale,
            sum(window.parallel - costs.launch for window in windows) * scale + costs.launch,
            round(sum(window.n_waits for window in windows) * scale),
        )
    serial = order.n_samples * costs.sample
    if n_workers == 1 or order.n_steps == 0:
        return Prediction(n_workers, serial, max(serial, 1.0), 0)
    workers = assign_owners(order, n_workers)
    touch = costs.transfer * (1.0 if order.is_fine else 0.0)
    makespan, n_waits = _simulate(
        *order.tasks.csr, order.sequence, order.sizes, workers, order.tasks.n_variables,
        n_workers, costs.sample, costs.wait, costs.handoff, touch,
    )  # fmt: skip
    return Prediction(n_workers, serial, makespan + costs.launch, int(n_waits))


def critical_path(order: Order) -> int:
    """Return the length, in samples, of the longest chain of conflicting tasks.

    No schedule that orders conflicting samples as the serial run does can be shorter, on any
    number of workers; it is at least the degree of the hottest variable in the order (proof and
    counter-examples: ``proofs/limits.md``, L1.1 to L1.3).
    """
    return int(_longest_chain(*order.tasks.csr, order.sequence, order.sizes, order.weights.size))


@jit
def _longest_chain(
    indptr: Any, arity: int, indices: Any, sequence: Any, sizes: Any, n_resources: int
) -> Any:
    depth = np.zeros(n_resources, np.int64)
    longest = np.int64(0)
    for i in range(sequence.size):
        lower, upper = bounds(indptr, arity, np.intp(sequence[i]))
        mine = np.int64(0)
        for k in range(lower, upper):
            mine = max(mine, depth[np.intp(indices[k])])
        mine += sizes[i] if sizes.size else 1
        for k in range(lower, upper):
            depth[np.intp(indices[k])] = mine
        longest = max(longest, mine)
    return longest


@jit
def _simulate(
    indptr: Any, arity: int, indices: Any, sequence: Any, sizes: Any, workers: Any,
    n_resources: int, n_workers: int, sample: float, wait: float, handoff: float, touch: float,
) -> Any:  # fmt: skip
    free = np.zeros(n_workers)
    done = np.zeros(n_resources)  # when the last task on each resource ended
    last = np.full(n_resources, -1, np.int64)  # and on which worker
    synced = np.zeros((n_workers, n_workers))  # what a worker knows of the others' progress
    n_waits = 0
    for i in range(sequence.size):
        w = np.intp(workers[i])
        lower, upper = bounds(indptr, arity, np.intp(sequence[i]))
        begin = free[w]
        cost = sample * (sizes[i] if sizes.size else 1)
        for k in range(lower, upper):
            r = np.intp(indices[k])
            u = last[r]
            if u >= 0 and u != w:
                cost += touch
                if done[r] > synced[w, u]:
                    synced[w, u] = done[r]
                    n_waits += 1
                    cost += wait
                    begin = max(begin, done[r] + handoff)
        free[w] = begin + cost
        for k in range(lower, upper):
            r = np.intp(indices[k])
            done[r] = free[w]
            last[r] = w
    return free.max(), n_waits

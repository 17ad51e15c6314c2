"""Batches with barriers: conflict-free groups, and CYCLADES.

Both cut the order into batches and every batch into *rounds*; workers run a round's tasks in
parallel and meet at a barrier before the next round. They differ in what a round is.

groups
    A task's group is one more than the latest group of an earlier conflicting task of the batch.
    Tasks of a group share no resource, so they commute; conflicting tasks keep their order.
cyclades
    Pan et al. 2016: the connected components of the batch's conflict graph are dealt to the
    workers; each runs its components in serial order. One round per batch.

Proved in ``proofs/``: theorems ``groups_of_a_batch`` and ``cyclades_components``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from serialeq.errors import SerialeqError
from serialeq.native.incidence import bounds
from serialeq.native.jit import inline, jit
from serialeq.order import Order

from .schedule import Schedule, assemble, check_workers

GROUP_BATCH = 4096
CYCLADES_BATCH = 800
"""Samples per batch; 800 is the published system's setting for sparse factorisation."""


def plan_groups(
    order: Order, n_workers: int, with_times: bool = False, batch: int = GROUP_BATCH
) -> Schedule:
    """Plan conflict-free groups, one after another, each run in parallel."""
    return _plan(order, n_workers, with_times, batch, _group_rounds)


def plan_cyclades(
    order: Order, n_workers: int, with_times: bool = False, batch: int = CYCLADES_BATCH
) -> Schedule:
    """Plan CYCLADES: batch, connected components, workers, barrier."""
    return _plan(order, n_workers, with_times, batch, _component_rounds)


def _plan(order: Order, n_workers: int, with_times: bool, batch: int, rounds: Any) -> Schedule:
    check_workers(n_workers)
    if batch < 1:
        raise SerialeqError(f"batch: expected at least 1, got {batch}")
    tasks = order.tasks
    steps, workers, first = rounds(
        *tasks.csr, order.sequence, order.sizes, tasks.n_variables, n_workers, batch
    )
    waits = _barriers(workers, first, n_workers)
    return assemble(order, n_workers, workers, waits, steps, with_times)


@jit
def _group_rounds(
    indptr: Any, arity: int, indices: Any, sequence: Any, sizes: Any, n_resources: int,
    n_workers: int, batch: int,
) -> Any:  # fmt: skip
    """Return planned steps, their workers, and whether a step is the first of its round."""
    n = sequence.size
    steps, workers, first = np.empty(n, np.int32), np.empty(n, np.uint16), np.zeros(n, np.uint8)
    latest = np.zeros(n_resources, np.int64)  # group on each resource, over all batches
    group = np.empty(n, np.int64)  # of a step, counted in its batch
    begin = before = 0
    while begin < n:
        end, weight, highest = begin, 0, before
        while end < n and (weight < batch or end == begin):
            weight += sizes[end] if sizes.size else 1
            lower, upper = bounds(indptr, arity, np.intp(sequence[end]))
            mine = before
            for k in range(lower, upper):
                mine = max(mine, latest[np.intp(indices[k])])
            for k in range(lower, upper):
                latest[np.intp(indices[k])] = mine + 1
            group[end] = mine - before
            highest = max(highest, mine + 1)
            end += 1
        n_groups = highest - before
        weights, done, place = np.zeros((3, n_groups + 1), np.int64)
        for i in range(begin, end):
            weights[group[i]] += sizes[i] if sizes.size else 1
            place[group[i] + 1] += 1
        place = begin + np.cumsum(place)
        first[place[:n_groups]] = 1
        for i in range(begin, end):
            g = group[i]
            steps[place[g]] = i
            workers[place[g]] = done[g] * n_workers // weights[g]
            done[g] += sizes[i] if sizes.size else 1
            place[g] += 1
        begin, before = end, highest
    return steps, workers, first


@inline
def _find(parent: Any, x: int) -> int:
    while parent[x] != x:
        parent[x] = parent[parent[x]]
        x = parent[x]
    return x


@jit
def _component_rounds(
    indptr: Any, arity: int, indices: Any, sequence: Any, sizes: Any, n_resources: int,
    n_workers: int, batch: int,
) -> Any:  # fmt: skip
    """Return planned steps, their workers, and whether a step is the first of its round."""
    n = sequence.size
    workers, first = np.empty(n, np.uint16), np.zeros(n, np.uint8)
    holder = np.full(n_resources, -1, np.int64)  # latest step on each resource
    parent = np.arange(n)
    weight_of = np.zeros(n, np.int64)
    worker_of = np.empty(n, np.int64)
    begin = 0
    while begin < n:
        end, weight = begin, 0
        while end < n and (weight < batch or end == begin):
            weight += sizes[end] if sizes.size else 1
            lower, upper = bounds(indptr, arity, np.intp(sequence[end]))
            for k in range(lower, upper):
                r = np.intp(indices[k])
                if holder[r] >= begin:
                    a, b = _find(parent, end), _find(parent, holder[r])
                    parent[max(a, b)] = min(a, b)
                holder[r] = end
            end += 1
        for i in range(begin, end):
            weight_of[_find(parent, i)] += sizes[i] if sizes.size else 1
        roots = np.array([i for i in range(begin, end) if parent[i] == i])
        load = np.zeros(n_workers, np.int64)
        for j in np.argsort(-weight_of[roots], kind="mergesort"):  # largest component first
            w = np.argmin(load)
            worker_of[roots[j]] = w
            load[w] += weight_of[roots[j]]
        first[begin] = 1
        for i in range(begin, end):
            workers[i] = worker_of[_find(parent, i)]
        begin = end
    return np.arange(n).astype(np.int32), workers, first


@jit
def _barriers(workers: Any, first: Any, n_workers: int) -> Any:
    """Return the waits that put a barrier before each round.

    A worker's first step in a round waits for the last earlier-round step of every other worker.
    """
    n = workers.size
    last = np.full(n_workers, -1, np.int64)  # last step of each worker in earlier rounds
    clock = np.full((n_workers, n_workers), -1, np.int64)
    most = min(n, first.sum() * n_workers) * (n_workers - 1)
    waiter = np.empty(most, np.int64)
    awaited = np.empty(most, np.int64)
    n_waits = 0
    i = 0
    while i < n:
        stop = i + 1
        while stop < n and not first[stop]:
            stop += 1
        entered = np.zeros(n_workers, np.uint8)
        for k in range(i, stop):
            w = np.intp(workers[k])
            if entered[w]:
                continue
            entered[w] = 1
            for u in range(n_workers):
                if u != w and last[u] > clock[w, u]:
                    waiter[n_waits] = k
                    awaited[n_waits] = last[u]
                    n_waits += 1
                    clock[w, u] = last[u]
        for k in range(i, stop):
            last[np.intp(workers[k])] = k
        i = stop
    return waiter[:n_waits].copy(), awaited[:n_waits].copy()

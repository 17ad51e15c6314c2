"""Every plan is safe, and is what its engine is named after."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from harness import EQUIVALENT, assign_randomly, plan
from hypothesis import given
from hypothesis import strategies as st

from serialeq.engines.engine import ENGINES, get_engine
from serialeq.errors import SerialeqError
from serialeq.hypergraph import Hypergraph
from serialeq.order import Order, given_order, shuffled_order
from serialeq.planning.batches import _group_rounds, plan_cyclades, plan_groups
from serialeq.planning.ownership import assign_owners
from serialeq.testing import cases, check_schedule


@pytest.mark.parametrize("engine", EQUIVALENT)
@given(case=cases(), batch=st.integers(1, 40), timed=st.booleans())
def test_every_plan_is_safe(engine: str, case: Any, batch: int, timed: bool) -> None:
    graph, order, n_workers = case
    schedule = plan(engine, order, n_workers, batch, timed)
    check_schedule(order, schedule)
    check_schedule(order, schedule, graph)
    assert schedule.n_workers == (n_workers if ENGINES[engine].parallel else 1)
    assert schedule.times.size == (order.n_samples if timed else 0)


@given(case=cases(), seed=st.integers(0, 99), timed=st.booleans())
def test_dataflow_is_safe_for_every_assignment(case: Any, seed: int, timed: bool) -> None:
    graph, order, n_workers = case
    check_schedule(order, assign_randomly(order, n_workers, seed, timed), graph)


@pytest.mark.parametrize("n_workers", [2, 3, 8])
def test_dataflow_with_more_waits_than_its_buffers_hold(n_workers: int) -> None:
    rng = np.random.default_rng(1)
    graph = Hypergraph(rng.integers(0, 500, (20_000, 2)), 2, 500)
    order = shuffled_order(graph, 0)
    schedule = assign_randomly(order, n_workers, 0)
    assert schedule.n_waits > 1_024
    check_schedule(order, schedule)


def batches(order: Order, size: int) -> list[range]:
    """Return the steps of each batch: as few as have `size` samples."""
    sizes = order.sizes if order.sizes.size else np.ones(order.n_steps, int)
    result, begin = [], 0
    for step in range(order.n_steps):
        if sizes[begin : step + 1].sum() >= size or step + 1 == order.n_steps:
            result.append(range(begin, step + 1))
            begin = step + 1
    return result


@given(case=cases(), batch=st.integers(1, 40))
def test_groups_are_free_of_conflicts_and_as_few_as_possible(case: Any, batch: int) -> None:
    _, order, n_workers = case
    tasks = order.tasks
    supports = [set(tasks.support(task).tolist()) for task in order.sequence]
    expected = []
    for steps in batches(order, batch):
        level = dict.fromkeys(steps, 0)
        for i in steps:
            meets = [level[j] for j in range(steps[0], i) if supports[i] & supports[j]]
            level[i] = 1 + max(meets, default=0)
        expected += [[i for i in steps if level[i] == k] for k in sorted(set(level.values()))]

    planned, workers, first = _group_rounds(
        *tasks.csr, order.sequence, order.sizes, tasks.n_variables, n_workers, batch
    )
    ends = [*np.flatnonzero(first)[1:], planned.size]
    assert [group.tolist() for group in np.split(planned, ends)[:-1] if group.size] == expected
    for group in np.split(workers, ends)[:-1]:
        assert (np.diff(group.astype(int)) >= 0).all()
        if order.is_fine and group.size:
            assert np.bincount(group).max() <= -(-group.size // n_workers)


@given(case=cases(kinds="given shuffled"), batch=st.integers(1, 40))
def test_cyclades_keeps_components_on_one_worker(case: Any, batch: int) -> None:
    graph, order, n_workers = case
    schedule = plan_cyclades(order, n_workers, with_times=True, batch=batch)
    owner = np.empty(order.n_steps, dtype=np.int64)
    for worker, (low, high) in enumerate(pairwise(schedule.worker_ptr)):
        for s in range(low, high):
            owner[schedule.times[schedule.start[s] : schedule.stop[s]]] = worker
    incidence = graph.matrix().astype(int)
    for begin in range(0, order.n_steps, batch):
        rows = incidence[order.sequence[begin : begin + batch]]
        meets = sp.csr_array((rows @ rows.T) != 0)
        _, components = sp.csgraph.connected_components(meets, directed=False)
        for component in range(components.max() + 1):
            assert len(set(owner[begin : begin + batch][components == component])) == 1


@pytest.mark.parametrize("n_workers", [2, 3, 7])
def test_no_worker_gets_far_ahead_of_an_even_share(n_workers: int) -> None:
    star = Hypergraph(np.stack([np.zeros(5_000, int), np.arange(1, 5_001)], axis=1), 2, 5_001)
    for seed in range(3):
        workers = assign_owners(shuffled_order(star, seed), n_workers)
        done = np.cumsum(workers[:, None] == np.arange(n_workers), axis=0)
        share = np.arange(1, 5_001)[:, None] / n_workers
        assert (done - share).max() <= 257


@pytest.mark.parametrize("n_workers", [0, -1, 1025])
@pytest.mark.parametrize(
    "engine", [name for name, engine in ENGINES.items() if engine.parallel and engine.plan]
)
def test_impossible_numbers_of_workers_are_refused(engine: str, n_workers: int) -> None:
    order = given_order(Hypergraph([0], 1, 1), [0])
    with pytest.raises(SerialeqError, match=f"n_workers: expected 1 to 1024, got {n_workers}"):
        plan(engine, order, n_workers, 1)


@pytest.mark.parametrize("planner", [plan_groups, plan_cyclades])
def test_empty_batches_are_refused(planner: Any) -> None:
    with pytest.raises(SerialeqError, match="batch: expected at least 1, got 0"):
        planner(given_order(Hypergraph([0], 1, 1), [0]), 2, batch=0)


def test_unknown_engines_are_refused() -> None:
    with pytest.raises(SerialeqError, match=r"engine: expected one of serial, .*, got 'fast'"):
        get_engine("fast")

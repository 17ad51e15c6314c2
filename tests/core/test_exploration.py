"""Exploration finds the wait that is missing, and passes what is right."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from harness import EQUIVALENT, assign, graph_of, plan
from hypothesis import given, settings
from hypothesis import strategies as st

from serialeq.errors import ScheduleError
from serialeq.hypergraph import Hypergraph
from serialeq.order import given_order, shuffled_order
from serialeq.testing import Chain, cases, explore, interleave
from serialeq.testing.exploration import _picks


@pytest.mark.parametrize("engine", EQUIVALENT)
@settings(max_examples=15)
@given(case=cases(), timed=st.booleans())
def test_right_schedules_survive_exploration(engine: str, case: Any, timed: bool) -> None:
    graph, order, n_workers = case
    schedule = plan(engine, order, n_workers, 5, timed)
    explore(lambda: Chain(graph, timed=timed), order, schedule, n=3)


def test_exploration_finds_a_missing_wait() -> None:
    graph = Hypergraph([0, 0], 1, 1)
    for workers, told in ([0, 1], "'last worker first'"), ([1, 0], "'first worker first'"):
        order = given_order(graph, [0, 1])
        schedule = assign(order, workers, 2)
        explore(lambda: Chain(graph), order, schedule)
        unsafe = replace(schedule, wait_value=0 * schedule.wait_value)
        with pytest.raises(AssertionError, match=rf"interleaving {told}: array '\w+'\[0\]: exp"):
            explore(lambda: Chain(graph), order, unsafe)


def test_random_interleavings_find_what_no_simple_one_does() -> None:
    graph = graph_of(30)
    order = shuffled_order(graph, 0)
    schedule = plan("hogwild", order, 3, 1)
    with pytest.raises(AssertionError, match="interleaving"):
        explore(lambda: Chain(graph), order, schedule)


def test_interleavings_are_what_they_are_called() -> None:
    graph = Hypergraph(np.arange(4), 1, 4)
    order = given_order(graph, np.arange(4))
    schedule = replace(
        assign(order, [0, 1, 0, 1], 2),
        worker_ptr=np.array([0, 2, 4]),
        start=np.arange(4),
        stop=np.arange(1, 5),
        wait_ptr=np.zeros(5, np.int64),
        post_ptr=np.zeros(5, np.int64),
    )
    runs: dict[str, list[int]] = {}
    for name, pick in _picks(2, 20, 0):
        runs[name] = []

        def follow(ready: Any, run: Any = runs[name], pick: Any = pick) -> int:
            place = pick(ready)
            run.append(ready[place][0])
            return int(place)

        interleave(Chain(graph), schedule, follow)
    assert runs["first worker first"] == runs["worker 1 starved"] == [0, 0, 1, 1]
    assert runs["last worker first"] == runs["worker 0 starved"] == [1, 1, 0, 0]
    assert runs["in turn"] == [0, 1, 0, 1]
    assert len({tuple(run) for name, run in runs.items() if name.startswith("random")}) > 3


def test_a_deadlock_is_an_error() -> None:
    order = given_order(Hypergraph([0, 0], 1, 1), [0, 1])
    schedule = assign(order, [0, 1], 2)
    schedule = replace(schedule, wait_value=schedule.wait_value + 1)
    with pytest.raises(ScheduleError, match=r"deadlock: workers \[1\] wait for ever"):
        explore(lambda: Chain(order.tasks), order, schedule)

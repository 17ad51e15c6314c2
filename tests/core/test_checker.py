"""The checker refuses wrong schedules; runs that are steered show that they are wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from harness import SequentialTeam, assign, assign_randomly, bind, same_bytes
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from serialeq.engines.executor import Executor
from serialeq.errors import ScheduleError
from serialeq.hypergraph import Hypergraph
from serialeq.order import Order, given_order, shuffled_order
from serialeq.planning.dataflow import plan_dataflow
from serialeq.planning.locks import plan_locks
from serialeq.planning.schedule import Schedule
from serialeq.testing import Chain, cases, check_schedule, hypergraphs, interleave


def without_wait(schedule: Schedule, wait: int) -> Schedule:
    segments = np.arange(schedule.n_segments + 1)
    removed = segments > np.searchsorted(schedule.wait_ptr, wait, side="right") - 1
    return replace(
        schedule,
        wait_ptr=schedule.wait_ptr - removed,
        wait_counter=np.delete(schedule.wait_counter, wait),
        wait_value=np.delete(schedule.wait_value, wait),
    )


@settings(max_examples=30)
@given(case=cases(), seed=st.integers(0, 99))
def test_every_wait_of_dataflow_is_necessary(case: Any, seed: int) -> None:
    _, order, n_workers = case
    schedule = assign_randomly(order, n_workers, seed)
    for wait in range(schedule.n_waits):
        mutant = without_wait(schedule, wait)
        with pytest.raises(ScheduleError, match="has to come before"):
            check_schedule(order, mutant)


@settings(max_examples=30)
@given(case=cases(kinds="given shuffled"), seed=st.integers(0, 99))
def test_without_a_wait_some_run_gives_other_bits(case: Any, seed: int) -> None:
    graph, order, n_workers = case
    schedule = assign_randomly(order, n_workers, seed, timed=True)
    # Times tell the repeats of one sample apart: exchanging those would change nothing.
    expected = Chain(graph, timed=True).oracle(order.samples())
    for wait in range(schedule.n_waits):
        counter, value = schedule.wait_counter[wait], schedule.wait_value[wait]
        awaited = schedule.worker_ptr[counter] + value - 1

        def latest(ready: list[tuple[int, int]], awaited: int = awaited) -> int:
            return min(range(len(ready)), key=lambda i: ready[i][1] == awaited)

        problem = Chain(graph, timed=True)
        interleave(problem, without_wait(schedule, wait), latest)
        assert not same_bytes(problem.trained(), expected)


def test_the_executor_shows_the_lack_of_a_wait() -> None:
    graph = Hypergraph([0, 0], 1, 1)
    order = given_order(graph, [0, 1])
    schedule = assign(order, [0, 1], 2)
    assert schedule.n_waits == 1
    expected = Chain(graph).oracle(order.samples())
    for plan_, equal in ((schedule, True), (without_wait(schedule, 0), False)):
        problem = Chain(graph)
        team = SequentialTeam(2, turns=[1, 0])  # worker 1 first
        Executor(plan_, team).run(bind(problem, plan_))
        assert same_bytes(problem.trained(), expected) == equal


def test_a_thread_helps_the_worker_that_its_own_waits_for() -> None:
    graph = Hypergraph([0, 0], 1, 1)
    order = given_order(graph, [0, 1])
    schedule = assign(order, [1, 0], 2)
    problem = Chain(graph)
    expected = problem.oracle(order.samples())
    Executor(schedule, SequentialTeam(2, turns=[0])).run(bind(problem, schedule))
    assert same_bytes(problem.trained(), expected)


@given(case=cases(kinds="shuffled"), data=st.data())
def test_exchange_of_two_conflicting_samples_is_caught(case: Any, data: Any) -> None:
    graph, order, n_workers = case
    conflicts = list(graph.conflict_graph().edges)
    assume(conflicts)
    schedule = plan_dataflow(order, n_workers)
    a, b = (np.flatnonzero(schedule.layout == e) for e in data.draw(st.sampled_from(conflicts)))
    layout = schedule.layout.copy()
    layout[a], layout[b] = layout[b], layout[a]
    with pytest.raises(ScheduleError, match="has to come before"):
        check_schedule(order, replace(schedule, layout=layout))


def test_a_variable_that_was_not_declared_is_caught() -> None:
    declared = Hypergraph([0, 1], 1, 2)
    true = Hypergraph([0, 0, 1], [0, 1, 3], 2)
    order = given_order(declared, [0, 1])
    schedule = assign(order, [0, 1], 2)
    check_schedule(order, schedule)
    message = r"variable 0: sample 0 \(worker 0\) has to come before sample 1 \(worker 1\)"
    with pytest.raises(ScheduleError, match=message):
        check_schedule(order, schedule, true)
    problem = Chain(true)
    expected = problem.oracle(order.samples())
    interleave(problem, schedule, lambda ready: -1)
    assert not same_bytes(problem.trained(), expected)


def three_samples() -> tuple[Order, Schedule]:
    """Return samples 0, 1, 2 of one variable, run by workers 0, 1, 0."""
    order = given_order(Hypergraph([0, 0, 0], 1, 1), [0, 1, 2])
    schedule = assign(order, [0, 1, 0], 2, timed=True)
    check_schedule(order, schedule)
    return order, schedule


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"layout": [0, 2, 2], "times": []}, r"sample [12]: expected to run"),
        ({"layout": [2, 0, 1], "times": []}, r"sample 0 \(worker 0\) has to come before sample 1"),
        ({"times": [0, 1, 2]}, r"\(serial position, sample\) .*: expected to run"),
        ({"stop": [1, 2, 2]}, r"expected to run 1 times, got 0"),
        ({"stop": [2, 2, 3]}, r"expected to run 1 times, got 2"),
        ({"stop": [1, 2, 4]}, r"segment 2: no positions of a layout of 3"),
        ({"worker_ptr": [0, 2, 2]}, r"worker_ptr: expected to run from 0 to 3"),
        ({"wait_value": [1, 2]}, r"worker 1 at sample 1 waits for counter 0 to reach 2|deadlock"),
        ({"wait_value": [9, 1]}, r"worker 0 at sample 2 waits for counter 1 to reach 9"),
        ({"wait_value": [0, 1]}, r"sample 1 \(worker 1\) has to come before sample 2 \(worker 0\)"),
        ({"post_value": [1, 1, 1]}, r"counter 0 may not grow: .* posts 1 and .* posts 1"),
        ({"post_value": [2, 1, 1]}, r"counter 0 may not grow|deadlock"),
        ({"post_counter": [1, 0, 1]}, r"counter 1 may not grow: .*|deadlock"),
    ],
)
def test_mutants_of_a_small_schedule_are_caught(change: dict[str, Any], message: str) -> None:
    order, schedule = three_samples()
    arrays = {key: np.array(value, getattr(schedule, key).dtype) for key, value in change.items()}
    with pytest.raises(ScheduleError, match=message):
        check_schedule(order, replace(schedule, **arrays))


def test_workers_that_wait_for_each_other_are_named() -> None:
    order, schedule = three_samples()
    # Worker 0's first segment waits for worker 1, which waits for it.
    mutant = replace(
        schedule,
        wait_ptr=np.array([0, 1, 1, 2]),
        wait_counter=np.array([1, 0], np.int32),
        wait_value=np.array([1, 1], np.int32),
    )
    with pytest.raises(ScheduleError, match="deadlock: worker 0 at sample 0, worker 1 at sample 1"):
        check_schedule(order, mutant)


def test_a_counter_that_two_workers_race_for_is_caught() -> None:
    # Worker 2 waits for the 1 of worker 0, but the 2 of worker 1 lets it go as well.
    order = given_order(Hypergraph([0, 1, 0], 1, 2), [0, 1, 2])
    schedule = replace(
        assign(order, [0, 1, 2], 3),
        post_counter=np.zeros(3, np.int32),
        post_value=np.array([1, 2, 3], np.int32),
    )
    with pytest.raises(ScheduleError, match="counter 0 may not grow"):
        check_schedule(order, schedule)


def runs(s: Schedule, cursor: tuple[int, ...], counters: tuple[int, ...]) -> Iterator[list[int]]:
    """Yield what is run, as a list of samples, in every possible interleaving of the segments.

    A list ends with -1 where the workers got stuck.
    """
    ends = s.worker_ptr[1:].tolist()
    stuck = done = cursor == tuple(ends)
    for w, segment in enumerate(cursor):
        if segment == ends[w]:
            continue
        waits = range(s.wait_ptr[segment], s.wait_ptr[segment + 1])
        if all(counters[s.wait_counter[j]] >= s.wait_value[j] for j in waits):
            stuck = False
            after = list(counters)
            for j in range(s.post_ptr[segment], s.post_ptr[segment + 1]):
                after[s.post_counter[j]] = int(s.post_value[j])
            rest = (*cursor[:w], segment + 1, *cursor[w + 1 :])
            here = s.layout[s.start[segment] : s.stop[segment]].tolist()
            for later in runs(s, rest, tuple(after)):
                yield here + later
    if done:
        yield []
    elif stuck:
        yield [-1]


@settings(max_examples=300)
@given(data=st.data(), n_workers=st.integers(2, 3), locked=st.booleans())
def test_what_the_checker_accepts_is_right_in_every_interleaving(
    data: Any, n_workers: int, locked: bool
) -> None:
    graph = data.draw(hypergraphs(max_samples=5, distinct=True))
    order = shuffled_order(graph, 0)
    seed = data.draw(st.integers(0, 99))
    planned = plan_locks(order, n_workers) if locked else assign_randomly(order, n_workers, seed)
    largest = {
        "layout": graph.n_samples - 1,
        "wait_counter": planned.n_counters - 1,
        "wait_value": 3,
        "post_counter": planned.n_counters - 1,
        "post_value": 3,
    }
    name = data.draw(st.sampled_from(list(largest)))
    array = getattr(planned, name).copy()
    assume(array.size)
    place = data.draw(st.integers(0, array.size - 1))
    array[place] = data.draw(st.integers(0, largest[name]))
    mutant = replace(planned, **{name: array})

    supports = [set(graph.support(e).tolist()) for e in range(graph.n_samples)]
    expected = order.samples().tolist()
    right = all(
        sorted(run) == sorted(expected)
        and all(
            [e for e in run if v in supports[e]] == [e for e in expected if v in supports[e]]
            for v in range(graph.n_variables)
        )
        for run in runs(mutant, tuple(planned.worker_ptr[:-1].tolist()), (0,) * planned.n_counters)
    )
    try:
        check_schedule(order, mutant)
    except ScheduleError:
        event("refused" if not right else "refused, though right")
    else:
        event("accepted")
        assert right

"""The promise: every equivalent engine returns the bits of the serial run, for every order."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from factorizations import factorization
from harness import EQUIVALENT, SMALL, assign, contended, plan, run_threads, same_bytes
from hypothesis import given, settings
from hypothesis import strategies as st
from problems.mf.oracle import OPTIONS, train

from serialeq.digest import digest_arrays
from serialeq.engines.engine import ENGINES
from serialeq.engines.executor import _TURN
from serialeq.errors import ScheduleError
from serialeq.hypergraph import Hypergraph
from serialeq.native.team import WorkerTeam
from serialeq.order import given_order
from serialeq.problems.mf.problem import Factorization
from serialeq.testing import Chain, cases, check_schedule, interleave
from serialeq.training.session import OrderSource, Session


@pytest.mark.parametrize("engine", EQUIVALENT)
@given(case=cases(), batch=st.integers(1, 40), timed=st.booleans(), oversubscribed=st.booleans())
def test_threads_return_the_serial_bits(
    engine: str, case: Any, batch: int, timed: bool, oversubscribed: bool
) -> None:
    graph, order, n_workers = case
    problem = Chain(graph, timed=timed)
    expected = problem.oracle(order.samples())
    schedule = plan(engine, order, n_workers, batch, timed)
    run_threads(problem, schedule, n_workers if oversubscribed else None)
    assert same_bytes(problem.trained(), expected)


@pytest.mark.parametrize("engine", EQUIVALENT)
@given(case=cases(), batch=st.integers(1, 40), timed=st.booleans(), seed=st.integers(0, 999))
def test_every_interleaving_returns_the_serial_bits(
    engine: str, case: Any, batch: int, timed: bool, seed: int
) -> None:
    graph, order, n_workers = case
    problem = Chain(graph, timed=timed)
    expected = problem.oracle(order.samples())
    rng = random.Random(seed)
    schedule = plan(engine, order, n_workers, batch, timed)
    interleave(problem, schedule, lambda ready: rng.randrange(len(ready)))
    assert same_bytes(problem.trained(), expected)


@pytest.mark.parametrize("n_workers", [2, 3, 8])
@pytest.mark.parametrize("engine", EQUIVALENT)
def test_contended_samples_on_as_many_threads_as_workers(engine: str, n_workers: int) -> None:
    graph, order = contended(10_000)
    problem = Chain(graph)
    expected = problem.oracle(order.samples())
    run_threads(problem, plan(engine, order, n_workers, 500), n_workers)
    assert same_bytes(problem.trained(), expected)


def test_segments_of_several_turns() -> None:
    # A long segment of worker 0, a short one of worker 1, another long one: a thread returns to
    # Python in the middle of a segment, and goes on from there.
    n = 3 * _TURN // 2
    graph = Hypergraph(np.zeros(2 * n + 1, int), 1, 1)
    order = given_order(graph, np.arange(2 * n + 1))
    problem = Chain(graph)
    expected = problem.oracle(order.samples())
    schedule = assign(order, [0] * n + [1] + [0] * n, 2)
    assert (schedule.stop - schedule.start).tolist() == [n, n, 1]
    run_threads(problem, schedule)
    assert same_bytes(problem.trained(), expected)


def digests_of_runs(engine: str, n_runs: int, n_workers: int, n_samples: int) -> set[str]:
    graph, order = contended(n_samples)
    digests = set()
    schedule = plan(engine, order, n_workers, 500)
    for _ in range(n_runs):
        problem = Chain(graph)
        run_threads(problem, schedule, n_workers)
        digests.add(digest_arrays(problem.trained()))
    return digests


def test_200_runs_have_one_digest() -> None:
    graph, order = contended(3_000)
    expected = digest_arrays(Chain(graph).oracle(order.samples()))
    assert digests_of_runs("dataflow", 200, 4, 3_000) == {expected}


@pytest.mark.slow
@pytest.mark.parametrize("engine", EQUIVALENT)
def test_many_runs_have_one_digest(engine: str) -> None:
    n_runs = 10 if SMALL else 100
    for n_workers in (2, 4, 8):
        assert len(digests_of_runs(engine, n_runs, n_workers, 20_000)) == 1


def test_hogwild_promises_nothing() -> None:
    assert not ENGINES["hogwild"].equivalent
    graph, order = contended(50)
    schedule = plan("hogwild", order, 2, 1)
    with pytest.raises(ScheduleError, match=r"sample \d+ .worker 0. has to come before"):
        check_schedule(order, schedule)
    problem = Chain(graph)
    expected = problem.oracle(order.samples())
    interleave(problem, schedule, lambda ready: -1)  # the last worker first
    assert not same_bytes(problem.trained(), expected)


FACTORIZATIONS = {
    "plain": {},
    "adagrad": {"bias": "all", "schedule": "adagrad"},
    "inverse": {"schedule": "inverse", "dtype": "float64"},
    "weights": {"schedule": "adagrad", "bias": "all", "weights": np.linspace(0.0, 1.0, 150)},
}


@pytest.mark.parametrize("case", FACTORIZATIONS.values(), ids=FACTORIZATIONS.keys())
@pytest.mark.parametrize("kind", ["given", "blocked", "shuffled", "reshuffled", "repeats"])
def test_factorization_equals_the_oracle_after_three_epochs(
    kind: str, case: dict[str, Any]
) -> None:
    options = {**OPTIONS, **case}
    rng = np.random.default_rng(11)
    shape, n = (23, 17), 150
    users, items = rng.integers(0, shape[0], n), rng.integers(0, shape[1], n)
    values = rng.uniform(1, 5, n).astype(np.float32)
    order: Any = rng.integers(0, n, 2 * n) if kind == "repeats" else kind

    def make() -> Factorization:
        return factorization(users, items, values, shape, **options)

    problem = make()
    source = OrderSource(problem, order, seed=3)
    epochs = [source.epoch(epoch).samples() for epoch in range(3)]
    expected = train(users, items, values, shape, problem.trained(), epochs, **options)
    for engine in EQUIVALENT:
        for n_workers in (1, 2, 3, 5, 8):
            problem = make()
            with WorkerTeam(n_workers, n_workers if n_workers == 3 else None) as team:
                orders = OrderSource(problem, order, 3, team)
                session = Session(problem, orders, engine, team)
                for epoch in range(3):
                    session.run_epoch(epoch)
            assert same_bytes(problem.trained(), expected), (engine, n_workers)


@pytest.mark.parametrize("n_samples", [0, 1])
@pytest.mark.parametrize("engine", EQUIVALENT)
def test_epochs_of_next_to_nothing(engine: str, n_samples: int) -> None:
    graph = Hypergraph([0, 1][: 2 * n_samples], 2, 2)
    order = given_order(graph, np.arange(n_samples))
    problem = Chain(graph)
    expected = problem.oracle(order.samples())
    schedule = plan(engine, order, 4, 1)
    check_schedule(order, schedule)
    run_threads(problem, schedule)
    assert same_bytes(problem.trained(), expected)


@settings(max_examples=10)
@given(case=cases(kinds="blocked"))
def test_a_schedule_can_be_run_again(case: Any) -> None:
    graph, order, n_workers = case
    problem = Chain(graph)
    expected = problem.oracle(np.tile(order.samples(), 3))
    schedule = plan("dataflow", order, n_workers, 1)
    for _ in range(3):
        run_threads(problem, schedule)
    assert same_bytes(problem.trained(), expected)

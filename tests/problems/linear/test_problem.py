"""Linear models: lookahead is serial SGD to the byte, and where it could not be, an error."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from harness import same_bytes
from hypothesis import given, settings
from problems.linear.trainings import (
    CONFIGS,
    ENGINES,
    HINGE,
    LOG,
    MINIBATCHES,
    OPTIONS,
    make,
    model,
    oracle,
    outcome,
    text,
    title,
    train,
    trainings,
)

from serialeq.digest import digest_arrays
from serialeq.native.team import WorkerTeam
from serialeq.order import given_order
from serialeq.problems.linear import cost as linear_cost
from serialeq.problems.linear.cost import LinearCost
from serialeq.testing.strategies import worker_counts
from serialeq.training.session import OrderSource, Session


def check_engines(config: dict[str, Any], serial: str, parallel: str, batch: int = 0) -> None:
    """Check that one worker returns what the oracle says, and many return what one does."""
    results: Counter[bool] = Counter()

    @settings(max_examples=30)
    @given(training=trainings(**config), n_workers=worker_counts())
    def check(training: Any, n_workers: int) -> None:
        X, targets, drawn, order, n_epochs = training
        options = config | drawn
        problem = make(X, targets, **options)
        expected = outcome(problem, order, serial, n_epochs=n_epochs)
        trained = ":" not in expected
        results[trained] += 1
        if trained:
            exact = oracle(problem, X, targets, order, n_epochs, options, batch)
            assert same_bytes(problem.trained(), exact)
        others = make(X, targets, **options)
        assert outcome(others, order, parallel, n_workers, n_epochs) == expected

    check()
    assert results[True] > results[False]  # which is no training, but an error


@pytest.mark.parametrize("config", CONFIGS, ids=title)
def test_serial_is_the_oracle_and_lookahead_is_serial(config: dict[str, Any]) -> None:
    check_engines(config, "serial", "lookahead")


@pytest.mark.parametrize("config", MINIBATCHES, ids=title)
def test_mini_batches_are_the_oracle_on_any_number_of_workers(config: dict[str, Any]) -> None:
    check_engines(config, "minibatch", "minibatch", config["batch_size"])


@pytest.mark.parametrize("n_outputs", [1, 2])
def test_steps_below_a_tick_of_the_lattice_add_up_in_a_mini_batch(n_outputs: int) -> None:
    rng = np.random.default_rng(0)
    X = 0.05 * rng.standard_normal((1_000, 40))
    targets = np.sign(X @ rng.standard_normal((40, n_outputs)))
    options = {"learning_rate": "constant", "eta0": 0.05, "alpha": 0.0, "fit_intercept": False}
    problem = model(X, targets, loss="log_loss", batch_size=500, **options)
    assert problem.lattice is not None
    assert problem.lattice.tick / 2 > 0.05 * 0.5 / 500  # a factor alone is rounded to zero
    team = WorkerTeam(2)
    session = Session(problem, OrderSource(problem, "given", 0, team), "minibatch", team)
    coef = np.zeros((40, n_outputs))
    for epoch in range(20):
        session.run_epoch(epoch)
        for rows in (slice(0, 500), slice(500, 1_000)):
            slopes = -targets[rows] / (1 + np.exp(targets[rows] * (X[rows] @ coef)))
            coef -= 0.05 * X[rows].T @ slopes / 500
    found = problem.trained()["coef"].T
    assert np.linalg.norm(found - coef) < 0.25 * np.linalg.norm(coef)


@pytest.mark.parametrize("n_workers", [2, 5, 8])
def test_as_many_threads_as_workers(n_workers: int) -> None:
    X, targets = text(n=2_000, d=100)
    expected = train(make(X, targets, **HINGE), "shuffled", "serial", n_epochs=2)
    problem = make(X, targets, **HINGE)
    trained = train(problem, "shuffled", "lookahead", n_workers, 2, n_threads=n_workers)
    assert same_bytes(trained, expected)


def test_every_order_makes_its_own_bits() -> None:
    # So equal bits above do say something: the result depends on the order of the samples.
    X, targets = text(n=100, d=30)
    digests = {
        digest_arrays(train(make(X, targets, **HINGE), order, "serial"))
        for order in ("given", "shuffled", "reshuffled", np.arange(100)[::-1])
    }
    assert len(digests) == 4


def test_a_weight_that_is_folded_to_nothing_has_no_sign() -> None:
    # -1 unit times the scale rounds to -0.0. The row that then moves nothing is left out by the
    # serial engine and added with factor 0 by the others: -0.0 + 0.0 would be 0.0.
    X, targets = np.array([[1.0, 1 / 16]]), np.array([[-1.0]])
    options = {
        "loss": "hinge",
        "alpha": 2.0,
        "learning_rate": "constant",
        "eta0": 0.4,
        "block_size": 16,
    }
    options |= {"lattice_bits": (4, 0)}
    start = {"coef": np.array([[-8.0, -0.01]]), "intercept": np.array([0.0])}
    digests = set()
    for engine, n_workers in (("serial", 1), ("lookahead", 1), ("lookahead", 2)):
        problem = make(X, targets, **options)
        problem.load(start)
        trained = train(problem, "given", engine, n_workers)
        assert trained["coef"][0, 0] < -1
        assert trained["coef"][0, 1] == 0
        digests.add(digest_arrays(trained))
    assert len(digests) == 1
    moved = make(X, targets, **options)
    train(moved, "given", "serial")  # one step of -0.4 units, folded at the end of the epoch
    assert moved.trained()["coef"][0, 1] == 0
    assert not np.signbit(moved.trained()["coef"][0, 1])


def test_training_goes_on_from_what_was_loaded() -> None:
    X, targets = text(n=150, d=50)
    whole = train(make(X, targets, **HINGE), "reshuffled", "serial", n_epochs=3)
    first = make(X, targets, **HINGE)
    train(first, "reshuffled", "serial")
    then = make(X, targets, **HINGE)
    then.load(first.state())
    with WorkerTeam(3) as team:
        session = Session(then, OrderSource(then, "reshuffled", 3, team), "lookahead", team)
        for epoch in (1, 2):
            session.run_epoch(epoch)
    assert same_bytes(then.trained(), whole)


@pytest.mark.parametrize("engine", ["serial", "lookahead", "minibatch"])
def test_the_mean_is_the_mean_of_the_weights_after_each_update(engine: str) -> None:
    # By definition: the weights after each update, seen by stopping there.
    X, targets = text(n=90, d=20)
    options = LOG | {"alpha": 0.02, "learning_rate": "constant", "eta0": 1.0, "batch_size": 1}
    seen = []
    for stop in range(10, 91):
        problem = make(X, targets, **options)
        seen.append(train(problem, np.arange(stop), engine, 2))
    averaged = make(X, targets, **options | {"average": 10})
    train(averaged, "given", engine, 2)
    for found, name in zip(averaged.published(), ("coef", "intercept"), strict=True):
        expected = np.mean([arrays[name] for arrays in seen], axis=0)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6 * np.abs(expected).max())
        assert np.abs(expected - seen[-1][name]).max() > 1e-3 * np.abs(expected).max()


def test_means_go_on_from_what_was_loaded() -> None:
    X, targets = text(n=150, d=50)
    options = HINGE | {"average": 30}
    whole = train(make(X, targets, **options), "reshuffled", "serial", n_epochs=2)
    first, then = make(X, targets, **options), make(X, targets, **options)
    train(first, "reshuffled", "serial")
    then.load(first.state())
    with WorkerTeam(3) as team:
        session = Session(then, OrderSource(then, "reshuffled", 3, team), "lookahead", team)
        session.run_epoch(1)
    assert same_bytes(then.trained(), whole)


def test_means_start_anew_with_the_updates() -> None:
    X, targets = text(n=90, d=20)
    options = LOG | {"average": 1, "alpha": 0.1}
    again, then = make(X, targets, **options), make(X, targets, **options)
    first = train(again, "given", "serial")
    then.load({name: first[name] for name in ("coef", "intercept")})
    trained = train(again, "given", "serial")  # epoch 0 once more
    assert same_bytes(trained, train(then, "given", "serial"))
    assert again.n_updates == then.n_updates == 90


def test_what_is_loaded_is_not_shrunk_by_what_was_before() -> None:
    X, targets = text(n=90, d=20)
    start = {"coef": np.ones((1, 20)), "intercept": np.zeros(1)}
    digests = set()
    for n_before in (0, 1):
        problem = make(X, targets, **LOG | {"alpha": 0.1})
        with WorkerTeam(1) as team:
            session = Session(problem, OrderSource(problem, "given", 3, team), "serial", team)
            for _ in range(n_before):
                session.run_epoch(0)
        problem.load(start)
        digests.add(digest_arrays(train(problem, "given", "serial")))
    assert len(digests) == 1


@pytest.mark.parametrize(("engine", "n_workers"), ENGINES)
def test_an_epoch_of_nothing_changes_nothing(engine: str, n_workers: int) -> None:
    X, targets = text(n=90, d=20)
    problem = make(X, targets, **LOG | {"average": 1, "alpha": 0.1})
    before = train(problem, "given", "serial")
    then = make(X, targets, **LOG | {"average": 1, "alpha": 0.1})
    then.load(before)
    assert same_bytes(train(then, np.zeros(0, dtype=int), engine, n_workers), before)


def test_plans_take_a_bounded_amount_of_memory() -> None:
    cost = LinearCost(1_000_000, 100.0, 50_000, 1, dense=False, rarely_moves=False)
    room = 100 * 1_000_000 * 6
    n_steps = 1_000_000 // 16 + 1
    assert cost.most_workers(n_steps, 8) == 8
    few = cost.most_workers(n_steps, 1_024)
    assert 8 < few < 100
    assert cost.memory(16, few, 2)["waits"] <= room < cost.memory(16, few, 2)["waits"] * 1.1
    assert cost.memory(16, 1_024, 2) == cost.memory(16, few, 2)
    wide = LinearCost(1_000, 10.0, 1 << 20, 1, dense=False, rarely_moves=False)
    assert wide.most_threads(16, 64) == 15  # a thread's scratch has 4 bytes per feature
    assert replace(wide, n_features=1 << 24).most_threads(16, 64) == 1


@pytest.mark.parametrize(("n", "block"), [(600, 16), (600, 1), (270, 32)])
def test_planned_memory_is_what_is_allocated(n: int, block: int) -> None:
    X, targets = text(n=n)
    problem = make(X, targets, **LOG | {"block_size": block})
    order = given_order(problem.hypergraph, np.arange(n))
    schedule, bound = problem.sliced(order, WorkerTeam(3, 1), simultaneous=False)
    told = problem.cost.memory(block, 3, 1)
    waits = sum(
        array.nbytes
        for name, array in vars(schedule).items()
        if isinstance(array, np.ndarray) and name != "layout"
    )
    assert told["waits"] == pytest.approx(waits, rel=0.01, abs=100)
    context = bound.context
    layout = context.ptr.nbytes + context.columns.nbytes + context.values.nbytes
    assert told["slices"] == layout
    assert told["gram"] == context.gram.nbytes


def test_waits_that_do_not_fit_are_waits_of_fewer_workers(monkeypatch: Any) -> None:
    X, targets = text()
    expected = train(make(X, targets, **LOG), "shuffled", "serial")
    monkeypatch.setattr(linear_cost, "_ROOM", 0)
    problem = make(X, targets, **LOG | {"block_size": 1})
    with WorkerTeam(1_024, 2) as team:
        session = Session(problem, OrderSource(problem, "shuffled", 3, team), "lookahead", team)
        session.run_epoch(0)
        assert re.search(r"; \d+ of 1024 workers: waits of more do not fit", session.engine_reason)
        assert same_bytes(problem.trained(), expected)


def test_entries_in_any_order_and_repeated_entries_are_one_matrix() -> None:
    X, targets = text(n=50, d=30)
    expected = train(make(X, targets, **HINGE), "shuffled", "serial")
    rng = np.random.default_rng(0)
    rows, columns = np.nonzero(X)
    mixed = rng.permutation(rows.size)
    rows, columns, values = rows[mixed], columns[mixed], X[rows[mixed], columns[mixed]]
    by_row = np.argsort(rows, kind="stable")
    indptr = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=50))])
    halves = np.repeat(values[by_row] / 2, 2)  # each entry twice
    matrix = sp.csr_array((halves, np.repeat(columns[by_row], 2), 2 * indptr), shape=X.shape)
    problem = model(matrix, targets, **OPTIONS | HINGE)
    assert same_bytes(train(problem, "shuffled", "lookahead", 2), expected)
    assert matrix.nnz == halves.size  # the caller's matrix is as it was

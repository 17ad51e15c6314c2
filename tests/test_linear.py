"""Linear models: lookahead is serial SGD to the byte, and where it could not be, an error."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import linear_oracle
import numpy as np
import pytest
import scipy.sparse as sp
from harness import run_python, same_bytes
from hypothesis import given, settings
from hypothesis import strategies as st

from serialeq.digest import digest_arrays
from serialeq.errors import DivergenceError, SerialeqError
from serialeq.native.team import WorkerTeam
from serialeq.order import given_order, two_level_order
from serialeq.planning.schedule import Schedule
from serialeq.problems.linear import cost as linear_cost
from serialeq.problems.linear.cost import LinearCost
from serialeq.problems.linear.lattice import choose_lattice, row_sizes
from serialeq.problems.linear.problem import LinearModel
from serialeq.testing import check_supports, interleave
from serialeq.testing.strategies import worker_counts
from serialeq.training.session import OrderSource, Session

OPTIONS = linear_oracle.OPTIONS
CONFIGS: list[dict[str, Any]] = [
    {"loss": "hinge", "block": 16},
    {"loss": "log_loss", "block": 16},
    {"loss": "squared_error", "block": 32, "dense": True},
    {"loss": "hinge", "block": 32, "dense": True, "n_outputs": 3},
    {"loss": "perceptron", "block": 1, "weighted": True},
    {"loss": "huber", "block": 2, "dense": True, "n_outputs": 3, "weighted": True},
    {"loss": "epsilon_insensitive", "block": 4, "fit_intercept": False, "average_from": 1},
    {"loss": "squared_hinge", "block": 8, "n_outputs": 9, "average_from": 20},
    {"loss": "modified_huber", "block": 64, "dense": True, "average_from": 90},
    {"loss": "squared_epsilon_insensitive", "block": 64, "n_outputs": 3},
]
"""What is compiled in: each is machine code of its own, so there are few of them."""
MINIBATCHES: list[dict[str, Any]] = [
    {"loss": "log_loss", "block": 4, "batch": 10, "average_from": 2},
    {"loss": "hinge", "block": 16, "batch": 64, "dense": True, "n_outputs": 3},
]
HINGE, LOG, SQUARED, THREE = CONFIGS[:4]
BLOCKS_OF = {"lookahead": HINGE, "minibatch": MINIBATCHES[0]}
ENGINES = [("serial", 1), ("lookahead", 1), ("lookahead", 3)]
CONSTANT = {"alpha": 0.0, "schedule": "constant", "lattice_bits": (10, 28)}
REGRESSION = ("squared_error", "huber", "epsilon_insensitive", "squared_epsilon_insensitive")


def name(config: dict[str, Any]) -> str:
    return " ".join(f"{key}={value}" for key, value in config.items())


def make(
    X: np.ndarray, targets: np.ndarray, *, dense: bool = False, n_outputs: int = 1,
    weighted: bool = False, **options: Any,
) -> LinearModel:  # fmt: skip
    """Return a model of a matrix given dense, which it sees sparse unless it is to be `dense`.

    Number of outputs and whether there are weights follow from the other arguments.
    """
    data = np.ascontiguousarray(X) if dense else sp.csr_array(X)
    return LinearModel(data, targets, **OPTIONS | options)


def train(
    problem: LinearModel,
    order: Any,
    engine: str,
    n_workers: int = 1,
    n_epochs: int = 1,
    n_threads: int | None = None,
) -> dict[str, np.ndarray]:
    with WorkerTeam(n_workers, n_threads) as team:
        session = Session(problem, OrderSource(problem, order, 3, team), engine, team)
        for epoch in range(n_epochs):
            session.run_epoch(epoch)
        return problem.trained()


def outcome(problem: LinearModel, *arguments: Any, **options: Any) -> str:
    """Return the digest of a training, or the error that ends it."""
    try:
        return digest_arrays(train(problem, *arguments, **options))
    except SerialeqError as error:
        return f"{type(error).__name__}: {error}"


@st.composite
def trainings(
    draw: Any, loss: str, n_outputs: int = 1, weighted: bool = False, **_: Any
) -> tuple[np.ndarray, np.ndarray, dict[str, Any], Any, int]:
    """Draw matrix, targets, options, order and number of epochs."""
    n, d = draw(st.integers(1, 150)), draw(st.integers(1, 40))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    magnitude = 10.0 ** draw(st.integers(-3, 3))
    X = rng.standard_normal((n, d)) * (rng.random((n, d)) < draw(st.sampled_from([0.1, 0.5, 1])))
    targets = rng.standard_normal((n, n_outputs))
    if loss not in REGRESSION:
        targets = np.where(targets > 0, 1.0, -1.0)
    alpha = draw(st.sampled_from([0.0, 1e-4, 1e-2, 0.3]))
    schedules = ["constant", "invscaling"] + ["optimal", "pegasos"] * (alpha > 0)
    options: dict[str, Any] = {
        "alpha": alpha,
        "schedule": draw(st.sampled_from(schedules)),
        "eta0": draw(st.sampled_from([0.01, 0.3, 2.0])) / magnitude**2,
        "power_t": draw(st.sampled_from([0.25, 0.5, 1])),
    }
    if weighted:
        options["importance"] = rng.choice([0.0, 0.5, 1.0, 3.7], (n, n_outputs))
    order: Any = draw(st.sampled_from(["given", "shuffled", "reshuffled", "repeats"]))
    if order == "repeats":
        order = rng.integers(0, n, draw(st.integers(0, 2 * n)))
    return magnitude * X, targets, options, order, draw(st.integers(1, 3))


def oracle(
    problem: LinearModel, X: np.ndarray, targets: np.ndarray, order: Any, n_epochs: int,
    options: dict[str, Any], batch: int = 0,
) -> dict[str, np.ndarray]:  # fmt: skip
    """Return what a model has to be after training."""
    lattice = problem.lattice
    assert lattice is not None
    source = OrderSource(problem, order, 3)
    return linear_oracle.train(
        X,
        targets,
        (lattice.feature_bits, lattice.factor_bits),
        lattice.scale,
        [source.epoch(epoch).samples() for epoch in range(n_epochs)],
        intercept_decay=1.0 if problem.dense else 0.01,
        batch=batch,
        **{key: value for key, value in options.items() if key in OPTIONS},
    )


# ---- the same bits -------------------------------------------------------------------------------


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


@pytest.mark.parametrize("config", CONFIGS, ids=name)
def test_serial_is_the_oracle_and_lookahead_is_serial(config: dict[str, Any]) -> None:
    check_engines(config, "serial", "lookahead")


@pytest.mark.parametrize("config", MINIBATCHES, ids=name)
def test_mini_batches_are_the_oracle_on_any_number_of_workers(config: dict[str, Any]) -> None:
    check_engines(config, "minibatch", "minibatch", config["batch"])


@pytest.mark.parametrize("n_outputs", [1, 2])
def test_steps_below_a_tick_of_the_lattice_add_up_in_a_mini_batch(n_outputs: int) -> None:
    rng = np.random.default_rng(0)
    X = 0.05 * rng.standard_normal((1_000, 40))
    targets = np.sign(X @ rng.standard_normal((40, n_outputs)))
    options = {"schedule": "constant", "eta0": 0.05, "alpha": 0.0, "fit_intercept": False}
    problem = LinearModel(X, targets, loss="log_loss", batch=500, **options)
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


def text(
    n: int = 600, d: int = 400, seed: int = 0, n_outputs: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Return normalised rows in which few words are in nearly all rows, and labels with noise."""
    rng = np.random.default_rng(seed)
    counts = rng.poisson(20.0 / (1 + np.arange(d)) ** 0.9, (n, d))
    X = np.log1p(counts) * (1 + np.log(n / (1 + (counts > 0).sum(axis=0))))
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    margins = X @ rng.standard_normal((d, n_outputs))
    noise = 0.3 * margins.std() * rng.standard_normal((n, n_outputs))
    return X, np.where(margins + noise > np.median(margins), 1.0, -1.0)


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
    options = {"loss": "hinge", "alpha": 2.0, "schedule": "constant", "eta0": 0.4, "block": 16}
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
    options = LOG | {"alpha": 0.02, "schedule": "constant", "eta0": 1.0, "batch": 1}
    seen = []
    for stop in range(10, 91):
        problem = make(X, targets, **options)
        seen.append(train(problem, np.arange(stop), engine, 2))
    averaged = make(X, targets, **options | {"average_from": 10})
    train(averaged, "given", engine, 2)
    for found, name in zip(averaged.published(), ("coef", "intercept"), strict=True):
        expected = np.mean([arrays[name] for arrays in seen], axis=0)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6 * np.abs(expected).max())
        assert np.abs(expected - seen[-1][name]).max() > 1e-3 * np.abs(expected).max()


def test_means_go_on_from_what_was_loaded() -> None:
    X, targets = text(n=150, d=50)
    options = HINGE | {"average_from": 30}
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
    options = LOG | {"average_from": 1, "alpha": 0.1}
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
    problem = make(X, targets, **LOG | {"average_from": 1, "alpha": 0.1})
    before = train(problem, "given", "serial")
    then = make(X, targets, **LOG | {"average_from": 1, "alpha": 0.1})
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
    problem = make(X, targets, **LOG | {"block": block})
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
    problem = make(X, targets, **LOG | {"block": 1})
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
    problem = LinearModel(matrix, targets, **OPTIONS | HINGE)
    assert same_bytes(train(problem, "shuffled", "lookahead", 2), expected)
    assert matrix.nnz == halves.size  # the caller's matrix is as it was


# ---- the guard -----------------------------------------------------------------------------------


@st.composite
def borderline(draw: Any, loss: str, **_: Any) -> tuple[np.ndarray, np.ndarray, dict[str, Any]]:
    """Draw a training whose weights may or may not leave a lattice of few bits."""
    n, d = draw(st.integers(1, 120)), draw(st.integers(1, 12))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    X = rng.standard_normal((n, d)) * 2.0 ** rng.integers(-8, 3, (n, d))
    X[rng.random((n, d)) < draw(st.sampled_from([0.0, 0.6]))] = 0.0
    targets = np.where(rng.random((n, 1)) < 0.5, 1.0, -1.0)
    if loss in REGRESSION:
        targets = targets * 2.0 ** rng.integers(0, 8, (n, 1))
    indptr = np.arange(n + 1) * d
    sizes = row_sizes(indptr, X.ravel(), WorkerTeam(1))
    a = draw(st.integers(1, 12))
    limit = choose_lattice(sizes, 1.0, (a, -40)).limit
    room = draw(st.integers(1, 8))  # weights may become 2 ** room
    b = min(40, int(np.log2(limit)) - a - room)
    options = {
        "alpha": draw(st.sampled_from([0.0, 1e-3])),
        "schedule": "constant",
        "eta0": 2.0 ** draw(st.integers(-8, room)) / choose_lattice(sizes, 1.0).scale ** 2,
        "lattice_bits": (a, b),
    }
    return X, targets, options


@pytest.mark.parametrize("config", [LOG, SQUARED], ids=name)
def test_inside_the_limit_bits_are_equal_and_outside_is_an_error(config: dict[str, Any]) -> None:
    seen: Counter[str] = Counter()

    @given(training=borderline(**config), n_workers=worker_counts())
    def check(training: Any, n_workers: int) -> None:
        X, targets, options = training
        problem = make(X, targets, **config | options)
        expected = outcome(problem, "shuffled", "serial", n_epochs=2)
        seen[expected.split()[0] if " " in expected else "equal"] += 1
        if " " not in expected:
            exact = oracle(problem, X, targets, "shuffled", 2, config | options)
            assert same_bytes(problem.trained(), exact)
        for engine_workers in {1, 2, n_workers}:
            others = make(X, targets, **config | options)
            assert outcome(others, "shuffled", "lookahead", engine_workers, 2) == expected

    check()
    assert min(seen["equal"], seen["SerialeqError:"]) > 5, seen
    assert set(seen) <= {"equal", "SerialeqError:", "DivergenceError:"}


@pytest.mark.parametrize(("engine", "n_workers"), ENGINES)
def test_the_error_names_the_first_update_beyond_the_limit(engine: str, n_workers: int) -> None:
    # Each label is followed by its opposite, so that each step is one of 1. The bound of what
    # they might add up to grows by 2^38 units; the limit is 2^53 / (2^10 + 1/2) units, below 32.
    targets = np.array([[-1.0], [1.0]] * 30)
    problem = make(np.ones((60, 1)), targets, **HINGE | CONSTANT | {"eta0": 1.0})
    with pytest.raises(SerialeqError, match=r"lattice: at update 31 .* could exceed 31.9"):
        train(problem, "given", engine, n_workers)
    shorter = make(np.ones((31, 1)), targets[:31], **HINGE | CONSTANT | {"eta0": 1.0})
    train(shorter, "given", engine, n_workers)


@pytest.mark.parametrize("n_workers", [1, 3])
def test_the_bound_grows_by_all_factors_of_a_mini_batch(n_workers: int) -> None:
    # Four factors of 10, which cancel out: each is below the limit of 31.9, together they are not.
    targets = np.array([[-1.0], [1.0]] * 30)
    options = {"eta0": 40.0, "batch": 4}
    problem = make(np.ones((60, 1)), targets, **HINGE | CONSTANT | options)
    with pytest.raises(SerialeqError, match=r"lattice: at update 0 .* could exceed 31.9"):
        train(problem, "given", "minibatch", n_workers)


@pytest.mark.parametrize("spoiled", [0, 1, 2])
@pytest.mark.parametrize(("engine", "n_workers"), [*ENGINES, ("minibatch", 1), ("minibatch", 2)])
def test_steps_without_bounds_are_divergence(engine: str, n_workers: int, spoiled: int) -> None:
    # The first factor is infinite; in a mini-batch what it leaves for the next one is no number.
    targets = np.zeros((64, 3))
    targets[:, spoiled] = 1e305
    options = {"loss": "squared_error", "alpha": 0.0, "schedule": "constant", "eta0": 1e60}
    problem = LinearModel(np.ones((64, 2)), targets, **options, batch=16, lattice_bits=(2, 4))
    with pytest.raises(DivergenceError, match="diverged in update 0 of the epoch"):
        train(problem, "given", engine, n_workers)


@pytest.mark.parametrize(("engine", "n_workers"), ENGINES)
def test_the_bound_is_measured_anew_in_every_period(engine: str, n_workers: int) -> None:
    # Steps a quarter as large reach half the limit after 64 updates. Then the weights are found
    # to be small, again and again.
    targets = np.array([[-1.0], [1.0]] * 500)
    problem = make(np.ones((1_000, 1)), targets, **HINGE | CONSTANT | {"eta0": 0.251})
    assert abs(train(problem, "given", engine, n_workers)["coef"][0, 0]) <= 1


def test_without_the_guard_bits_depend_on_the_number_of_workers() -> None:
    rng = np.random.default_rng(2)
    X = rng.uniform(0.1, 0.25, (200, 8))
    targets = np.where(rng.random((200, 1)) < 0.5, 1.0, -1.0)
    options = {"alpha": 0.0, "schedule": "constant", "eta0": 50.0, "lattice_bits": (13, 24)}
    engines = [("serial", 1), *(("lookahead", n_workers) for n_workers in range(1, 9))]
    guarded, unguarded = set(), set()
    for engine, n_workers in engines:
        problem = make(X, targets, **LOG | options)
        guarded.add(outcome(problem, "given", engine, n_workers))
        problem = make(X, targets, **LOG | options)
        assert problem.lattice is not None
        problem.lattice = replace(problem.lattice, limit=np.inf)
        unguarded.add(outcome(problem, "given", engine, n_workers))
    (error,) = guarded
    assert re.match(r"SerialeqError: lattice: at update \d+ of the epoch", error)
    assert len(unguarded) > 1
    assert not any(":" in digest for digest in unguarded)


def test_steps_that_grow_without_bound_leave_the_lattice() -> None:
    X, targets = np.full((300, 1), 4.0), np.ones((300, 1))
    options = {"alpha": 0.0, "schedule": "constant", "eta0": 1e9}
    messages = {
        outcome(make(X, targets, **SQUARED | options), "given", engine, n_workers)
        for engine, n_workers in (("serial", 1), ("lookahead", 1), ("lookahead", 2))
    }
    (message,) = messages
    assert re.match(r"SerialeqError: lattice: at update \d+ .* lower the step", message)


def test_a_step_beyond_the_inverse_penalty_is_an_error() -> None:
    X, targets = text(n=20, d=10)
    problem = make(X, targets, **HINGE | {"schedule": "constant", "alpha": 0.5, "eta0": 3.0})
    with pytest.raises(SerialeqError, match=r"alpha, eta0: expected steps below .* = 2, got 3$"):
        train(problem, "given", "serial")


# ---- the schedule --------------------------------------------------------------------------------


def interleaved(
    engine: str, pick: Any, n_workers: int, change: Any = lambda schedule: schedule
) -> str:
    """Return the digest of an epoch in which `pick` says who goes on, or the error that ends it."""
    X, targets = text(n=90, d=40)
    problem = make(X, targets, **BLOCKS_OF[engine])
    order = given_order(problem.hypergraph, np.random.default_rng(0).permutation(90))
    schedule, bound = problem.sliced(order, WorkerTeam(n_workers, 1), engine == "minibatch")
    runner: Any = SimpleNamespace(bind=lambda *_: bound, begin_epoch=lambda *_: None)
    problem.begin_epoch(0, 90)
    interleave(runner, change(schedule), pick)
    try:
        return digest_arrays(problem.trained())
    except SerialeqError as error:
        return str(error)


@pytest.mark.parametrize("n_workers", [1, 2, 3, 7])
@pytest.mark.parametrize("engine", BLOCKS_OF)
def test_every_interleaving_of_the_blocks_returns_the_same_bits(
    engine: str, n_workers: int
) -> None:
    X, targets = text(n=90, d=40)
    order = np.random.default_rng(0).permutation(90)
    alone = "serial" if engine == "lookahead" else engine
    expected = digest_arrays(train(make(X, targets, **BLOCKS_OF[engine]), order, alone))
    picks = [lambda ready: 0, lambda ready: -1, lambda ready: len(ready) // 2]
    for seed in range(10):
        rng = random.Random(seed)
        picks.append(lambda ready, rng=rng: rng.randrange(len(ready)))
    assert {interleaved(engine, pick, n_workers) for pick in picks} == {expected}


def without_waits(schedule: Schedule) -> Schedule:
    none = np.zeros(0, dtype=np.int32)
    return replace(
        schedule, wait_ptr=np.zeros_like(schedule.wait_ptr), wait_counter=none, wait_value=none
    )


def one_step_early(schedule: Schedule) -> Schedule:
    return replace(schedule, wait_value=schedule.wait_value - 1)


@pytest.mark.parametrize("change", [without_waits, one_step_early])
@pytest.mark.parametrize("who", [0, -1])
@pytest.mark.parametrize("engine", BLOCKS_OF)
def test_a_schedule_that_waits_too_little_is_caught(engine: str, change: Any, who: int) -> None:
    right = interleaved(engine, lambda ready: who, 3)
    assert interleaved(engine, lambda ready: who, 3, change) != right


# ---- float64, and the engines that need no lattice -----------------------------------------------


def test_the_lattice_costs_no_accuracy() -> None:
    X, targets = text()
    options = {**LOG, "alpha": 1e-3}
    losses = {}
    for arithmetic in ("lattice", "float64"):
        problem = make(X, targets, **options, arithmetic=arithmetic)
        before = problem.loss()
        train(problem, "reshuffled", "serial", n_epochs=20)
        losses[arithmetic] = problem.loss()
    assert losses["float64"] < 0.8 * before
    assert losses["lattice"] == pytest.approx(losses["float64"], rel=0.005)
    assert losses["lattice"] != losses["float64"]  # two arithmetics indeed


@pytest.mark.parametrize("engine", ["dataflow", "groups", "cyclades", "locked"])
def test_other_engines_equal_serial_in_float64(engine: str) -> None:
    X, targets = text(n=60, d=500)
    options = {**LOG, "arithmetic": "float64"}
    expected = train(make(X, targets, **options), "shuffled", "serial", n_epochs=2)
    for n_workers in (1, 2, 3):
        trained = train(make(X, targets, **options), "shuffled", engine, n_workers, 2)
        assert same_bytes(trained, expected)


@pytest.mark.parametrize("engine", ["dataflow", "locked"])
def test_means_of_other_engines_equal_those_of_serial(engine: str) -> None:
    X, targets = text(n=60, d=500)
    options = {**LOG, "arithmetic": "float64", "average_from": 20}
    expected = train(make(X, targets, **options), "shuffled", "serial", n_epochs=2)
    assert expected["coef_sum"].any()
    for n_workers in (2, 3):
        trained = train(make(X, targets, **options), "shuffled", engine, n_workers, 2)
        assert same_bytes(trained, expected)


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_updates_touch_what_is_declared(fit_intercept: bool) -> None:
    X, targets = text(n=20, d=12)
    options = {"arithmetic": "float64", "average_from": 3, "fit_intercept": fit_intercept}
    problem = make(X, targets, **LOG | options)
    problem.load({"coef": np.ones((1, 12)), "intercept": np.ones(1)})
    check_supports(problem)
    if not fit_intercept:
        train(problem, "given", "serial")
        assert problem.published()[1] == 1  # a mean of ones


def test_hogwild_learns() -> None:
    X, targets = text()
    problem = make(X, targets, **LOG | {"alpha": 1e-3, "arithmetic": "float64"})
    before = problem.loss()
    train(problem, "reshuffled", "hogwild", 2, n_epochs=5)
    assert problem.loss() < 0.9 * before


def test_engines_that_a_problem_cannot_use_are_refused() -> None:
    X, targets = text(n=20, d=10)
    with pytest.raises(SerialeqError, match=r"one of serial, lookahead, minibatch .* 'hogwild'"):
        train(make(X, targets, **LOG), "given", "hogwild")
    for engine in ("lookahead", "minibatch"):
        problem = make(X, targets, **LOG, arithmetic="float64")
        with pytest.raises(SerialeqError, match=f"engine: expected one of serial, .* '{engine}'"):
            train(problem, "given", engine)


def test_means_begin_at_an_update() -> None:
    X, targets = text(n=20, d=10)
    with pytest.raises(SerialeqError, match="average_from: expected 0 or an update, got -1"):
        make(X, targets, **LOG, average_from=-1)


@pytest.mark.parametrize("n_workers", [1, 2, 5])
def test_the_loss_is_the_objective(n_workers: int) -> None:
    X, targets = text(n=700, d=50)
    problem = make(X, targets, **LOG)
    trained = train(problem, "given", "serial")
    margins = X @ trained["coef"].T + trained["intercept"]
    expected = np.logaddexp(0, -targets * margins).mean()
    expected += 0.5 * problem.alpha * (trained["coef"] ** 2).sum()
    with WorkerTeam(n_workers, n_workers) as team:
        loss = problem.loss(team)
    assert loss == pytest.approx(expected, rel=1e-12)
    assert loss == problem.loss()


# ---- the two-level order -------------------------------------------------------------------------


@settings(max_examples=50)
@given(
    n=st.integers(0, 200),
    block=st.sampled_from([1, 2, 4, 8, 16, 32, 64]),
    seed=st.integers(0, 2**40),
)
def test_two_level_orders_permute_blocks_and_their_insides(n: int, block: int, seed: int) -> None:
    graph = make(np.ones((max(n, 1), 1)), np.ones((max(n, 1), 1)), **HINGE).hypergraph
    n = graph.n_samples
    epochs = [two_level_order(graph, block, seed, epoch).samples() for epoch in range(3)]
    again = two_level_order(graph, block, seed, 1).samples()
    assert np.array_equal(again, epochs[1])
    whole = n // block * block
    for samples in epochs:
        assert np.array_equal(np.sort(samples), np.arange(n))
    first, *others = [{frozenset(b) for b in e[:whole].reshape(-1, block).tolist()} for e in epochs]
    assert all(other == first for other in others)


def test_two_level_orders_change_with_epoch_and_seed() -> None:
    graph = make(np.ones((1_003, 1)), np.ones((1_003, 1)), **HINGE).hypergraph
    orders = {
        (seed, epoch): two_level_order(graph, 16, seed, epoch).samples()
        for seed in (1, 2) for epoch in (0, 1)
    }  # fmt: skip
    assert len({samples.tobytes() for samples in orders.values()}) == 4
    blocks = {key: samples[:992].reshape(-1, 16) for key, samples in orders.items()}
    assert (np.sort(blocks[1, 0]) != np.sort(blocks[1, 1])).any(axis=1).mean() > 0.9  # moved
    inside = {
        key: {frozenset(block): tuple(block) for block in rows.tolist()}
        for key, rows in blocks.items()
    }
    same = [inside[1, 0][members] == inside[1, 1][members] for members in inside[1, 0]]
    assert not any(same)
    assert set(orders[1, 0][992:]) == set(orders[1, 1][992:])  # what is left over comes last
    assert inside[1, 0].keys() != inside[2, 0].keys()


# ---- machine code --------------------------------------------------------------------------------

GOLDEN = {
    "log_loss": "741275d3c2d75b87d32b99e1c2c2d30c3acc40f7bb59a93594a0e155ef471a4d",
    "three classes": "81d1a6ebe2bac8eacdd4a5dff0e815bc5e05b566556684dc68bdd997c2a45efc",
}
"""Digests of the trained models, on every machine."""

ASSEMBLY = """
import json
from test_linear import example
from serialeq.native import jit
from serialeq.problems.linear.kernel import row_kernel
from serialeq.problems.linear.objective import loss_worker
from serialeq.order import given_order
from serialeq.problems.linear.rates import fill_rates, settle
from serialeq.native.team import WorkerTeam
import numpy as np

jit.enable_cache = lambda *_: None  # assembly can be had where it is compiled, not from the cache


def assembly_of(function):
    again = jit.jit(function.py_func)
    again.compile(function.signatures[0])
    return "".join(again.inspect_asm().values())


assembly = {}
for name, options in {
    "log_loss": {}, "three classes": {}, "float64": {"arithmetic": "float64"}
}.items():
    problem = example("log_loss" if name == "float64" else name, **options)
    order = given_order(problem.hypergraph, np.arange(problem.n_samples))
    if name != "three classes":
        context = problem.context(order.samples(), order.samples())
        assembly["row, " + name] = row_kernel.compiled(context)._library.get_asm_str()
    if name != "float64":
        _, bound = problem.sliced(order, WorkerTeam(1), simultaneous=False)
        assembly["sliced, " + name] = bound._compiled._library.get_asm_str()
problem.begin_epoch(0, problem.n_samples)
problem.loss()
assembly["rates"] = assembly_of(fill_rates)
assembly["settle"] = assembly_of(settle)
assembly["loss"] = assembly_of(loss_worker)
print(json.dumps(assembly))
"""


def example(kind: str, **options: Any) -> LinearModel:
    """Return a model of data that need no random numbers."""
    i, j = np.arange(200)[:, None], np.arange(40)
    counts = (i * i + 7 * i * j + 3 * j) % 11 * ((i * 5 + j * j) % 3 == 0)
    X = counts / (1.0 + counts.sum(axis=1, keepdims=True))
    labels = (i * 37 + counts[:, :1] + counts[:, 1:2]) % 3
    if kind == "three classes":
        return make(X, np.where(labels == np.arange(3), 1.0, -1.0), **THREE | options)
    return make(X, np.where(labels == 0, 1.0, -1.0), **LOG | options)


def training_digests() -> dict[str, str]:
    """Train every case on two workers for three epochs."""
    return {
        kind: digest_arrays(train(example(kind), "reshuffled", "lookahead", 2, n_epochs=3))
        for kind in GOLDEN
    }


@pytest.fixture(scope="module")
def assembly() -> dict[str, str]:
    return json.loads(run_python(ASSEMBLY))


@pytest.mark.parametrize(
    "code",
    [
        "row, log_loss",
        "row, float64",
        "sliced, log_loss",
        "sliced, three classes",
        "rates",
        "settle",
        "loss",
    ],
)
def test_no_multiplication_is_fused_with_an_addition(assembly: dict[str, str], code: str) -> None:
    assert re.search(r"\b(v?mul[ps]d|fmul)\b", assembly[code])
    assert not re.search(r"\b(v?fn?m(add|sub|la|ls))", assembly[code])


def test_trainings_have_the_same_bits_on_every_machine() -> None:
    assert training_digests() == GOLDEN


def test_the_instruction_set_does_not_show() -> None:
    code = "import json; from test_linear import *; print(json.dumps(training_digests()))"
    assert json.loads(run_python(code, NUMBA_CPU_NAME="generic")) == GOLDEN

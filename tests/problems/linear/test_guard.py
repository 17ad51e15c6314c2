"""Where lookahead could not be serial SGD to the byte, linear models say so."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from harness import same_bytes
from hypothesis import given
from hypothesis import strategies as st
from problems.linear.trainings import (
    CONSTANT,
    ENGINES,
    HINGE,
    LOG,
    REGRESSION,
    SQUARED,
    make,
    model,
    oracle,
    outcome,
    text,
    title,
    train,
)

from serialeq.errors import DivergenceError, SerialeqError
from serialeq.native.team import WorkerTeam
from serialeq.problems.linear.lattice import choose_lattice, row_sizes
from serialeq.testing.strategies import worker_counts


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
        "learning_rate": "constant",
        "eta0": 2.0 ** draw(st.integers(-8, room)) / choose_lattice(sizes, 1.0).scale ** 2,
        "lattice_bits": (a, b),
    }
    return X, targets, options


@pytest.mark.parametrize("config", [LOG, SQUARED], ids=title)
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
    options = {"eta0": 40.0, "batch_size": 4}
    problem = make(np.ones((60, 1)), targets, **HINGE | CONSTANT | options)
    with pytest.raises(SerialeqError, match=r"lattice: at update 0 .* could exceed 31.9"):
        train(problem, "given", "minibatch", n_workers)


@pytest.mark.parametrize("spoiled", [0, 1, 2])
@pytest.mark.parametrize(("engine", "n_workers"), [*ENGINES, ("minibatch", 1), ("minibatch", 2)])
def test_steps_without_bounds_are_divergence(engine: str, n_workers: int, spoiled: int) -> None:
    # The first factor is infinite; in a mini-batch what it leaves for the next one is no number.
    targets = np.zeros((64, 3))
    targets[:, spoiled] = 1e305
    options = {"loss": "squared_error", "alpha": 0.0, "learning_rate": "constant", "eta0": 1e60}
    problem = model(np.ones((64, 2)), targets, **options, batch_size=16, lattice_bits=(2, 4))
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
    options = {"alpha": 0.0, "learning_rate": "constant", "eta0": 50.0, "lattice_bits": (13, 24)}
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
    options = {"alpha": 0.0, "learning_rate": "constant", "eta0": 1e9}
    messages = {
        outcome(make(X, targets, **SQUARED | options), "given", engine, n_workers)
        for engine, n_workers in (("serial", 1), ("lookahead", 1), ("lookahead", 2))
    }
    (message,) = messages
    assert re.match(r"SerialeqError: lattice: at update \d+ .* lower the step", message)


def test_a_step_beyond_the_inverse_penalty_is_an_error() -> None:
    X, targets = text(n=20, d=10)
    problem = make(X, targets, **HINGE | {"learning_rate": "constant", "alpha": 0.5, "eta0": 3.0})
    with pytest.raises(SerialeqError, match=r"alpha, eta0: expected steps below .* = 2, got 3$"):
        train(problem, "given", "serial")

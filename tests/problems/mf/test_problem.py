"""The compiled update equals plain NumPy, byte for byte, for every option."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from factorizations import factorization
from harness import plan, same_bytes
from problems.mf.oracle import OPTIONS, train

from serialeq.native.team import WorkerTeam
from serialeq.training.session import OrderSource, Session

SHAPE, N = (12, 9), 60
WEIGHTS = np.random.default_rng(3).uniform(0, 1, N)
CASES: dict[str, dict[str, Any]] = {
    "plain": {"schedule": "constant", "bias": "none"},
    "decay": {"decay": 0.5, "l2": (0.3, 0.02)},
    "penalty per row": {"l2_per": "row", "l2": (2.0, 5.0)},
    "biases": {"bias": "all"},
    "adagrad": {"schedule": "adagrad"},
    "inverse": {"schedule": "inverse", "decay": 2.0},
    "nonnegative": {"nonnegative": True, "bias": "none", "l2": (0.9, 0.9)},
    "adagrad, biases, nonnegative": {
        "schedule": "adagrad",
        "bias": "all",
        "nonnegative": True,
        "l2_per": "row",
    },
    "weights": {"weights": WEIGHTS},
    "weights, adagrad, biases": {"weights": WEIGHTS, "schedule": "adagrad", "bias": "all"},
    "weights, nonnegative": {"weights": WEIGHTS, "nonnegative": True, "bias": "none"},
}


def ratings(dtype: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(2)
    users, items = rng.integers(0, SHAPE[0], N), rng.integers(0, SHAPE[1], N)
    return users, items, rng.uniform(0, 5, N).astype(dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n_factors", [1, 5, 16, 17, 32])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_kernel_equals_the_oracle(case: dict[str, Any], n_factors: int, dtype: str) -> None:
    data = ratings(dtype)
    options = {**OPTIONS, "n_factors": n_factors, "dtype": dtype, **case}
    problem = factorization(*data, SHAPE, **options)
    start = {name: array.copy() for name, array in problem.trained().items()}
    with WorkerTeam(1) as team:
        session = Session(problem, OrderSource(problem, "reshuffled", 1), "serial", team)
        for epoch in range(3):
            session.run_epoch(epoch)
        orders = [session.orders.epoch(epoch).samples() for epoch in range(3)]
    expected = train(*data, SHAPE, start, orders, **options)
    assert same_bytes(problem.trained(), expected)
    assert not same_bytes(problem.trained(), start)
    if "weights" in case:
        without = train(*data, SHAPE, start, orders, **{**options, "weights": None})
        assert not same_bytes(problem.trained(), without)


def test_padding_of_the_rank_stays_zero() -> None:
    problem = factorization(*ratings("float32"), SHAPE, n_factors=5, schedule="adagrad")
    with WorkerTeam(1) as team:
        Session(problem, OrderSource(problem, "given", 0), "serial", team).run_epoch(0)
    schedule = plan("serial", OrderSource(problem, "given", 0).epoch(0), 1, 1)
    factors = problem.context(schedule.layout, schedule.times).factors
    assert factors.shape[1] == 16
    assert factors[:, :5].all()
    assert not factors[:, 5:].any()


def test_values_in_double_precision_are_centred_before_they_are_rounded() -> None:
    users, items, values = ratings("float64")
    problem = factorization(users, items, values, SHAPE, **OPTIONS)
    start = {name: array.copy() for name, array in problem.trained().items()}
    with WorkerTeam(1) as team:
        session = Session(problem, OrderSource(problem, "given", 1), "serial", team)
        session.run_epoch(0)
    expected = train(users, items, values, SHAPE, start, [np.arange(N)], **OPTIONS)
    assert same_bytes(problem.trained(), expected)

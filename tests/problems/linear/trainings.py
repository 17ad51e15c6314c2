"""Linear models to train in tests, and how."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from hypothesis import strategies as st
from problems.linear import oracle as linear_oracle

from serialeq.digest import digest_arrays
from serialeq.errors import SerialeqError
from serialeq.native.team import WorkerTeam
from serialeq.problems.linear.parameters import LinearParameters
from serialeq.problems.linear.problem import LinearModel
from serialeq.training.session import OrderSource, Session

OPTIONS = linear_oracle.OPTIONS
CONFIGS: list[dict[str, Any]] = [
    {"loss": "hinge", "block_size": 16},
    {"loss": "log_loss", "block_size": 16},
    {"loss": "squared_error", "block_size": 32, "dense": True},
    {"loss": "hinge", "block_size": 32, "dense": True, "n_outputs": 3},
    {"loss": "perceptron", "block_size": 1, "weighted": True},
    {"loss": "huber", "block_size": 2, "dense": True, "n_outputs": 3, "weighted": True},
    {"loss": "epsilon_insensitive", "block_size": 4, "fit_intercept": False, "average": 1},
    {"loss": "squared_hinge", "block_size": 8, "n_outputs": 9, "average": 20},
    {"loss": "modified_huber", "block_size": 64, "dense": True, "average": 90},
    {"loss": "squared_epsilon_insensitive", "block_size": 64, "n_outputs": 3},
]
"""What is compiled in: each is machine code of its own, so there are few of them."""
MINIBATCHES: list[dict[str, Any]] = [
    {"loss": "log_loss", "block_size": 4, "batch_size": 10, "average": 2},
    {"loss": "hinge", "block_size": 16, "batch_size": 64, "dense": True, "n_outputs": 3},
]
HINGE, LOG, SQUARED, THREE = CONFIGS[:4]
BLOCKS_OF = {"lookahead": HINGE, "minibatch": MINIBATCHES[0]}
ENGINES = [("serial", 1), ("lookahead", 1), ("lookahead", 3)]
CONSTANT = {"alpha": 0.0, "learning_rate": "constant", "lattice_bits": (10, 28)}
REGRESSION = ("squared_error", "huber", "epsilon_insensitive", "squared_epsilon_insensitive")


def title(config: dict[str, Any]) -> str:
    return " ".join(f"{key}={value}" for key, value in config.items())


def make(
    X: np.ndarray, targets: np.ndarray, *, dense: bool = False, n_outputs: int = 1,
    weighted: bool = False, **options: Any,
) -> LinearModel:  # fmt: skip
    """Return a model of a matrix given dense, which it sees sparse unless it is to be `dense`.

    Number of outputs and whether there are weights follow from the other arguments.
    """
    data = np.ascontiguousarray(X) if dense else sp.csr_array(X)
    return model(data, targets, **OPTIONS | options)


def model(X: Any, targets: np.ndarray, *, importance: Any = None, **options: Any) -> LinearModel:
    """Return a model with a record of these parameters."""
    return LinearModel(X, targets, LinearParameters(**options), importance=importance)


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
        "learning_rate": draw(st.sampled_from(schedules)),
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

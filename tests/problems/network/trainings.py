"""Dropout networks to train in tests, and how."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from problems.network import oracle as network_oracle

from serialeq.native.team import WorkerTeam
from serialeq.problems.network.parameters import NetworkParameters
from serialeq.problems.network.problem import DropoutNetwork
from serialeq.training.session import OrderSource, Session

ENGINES = ("dataflow", "groups", "cyclades", "locked")
CONFIGS: list[dict[str, Any]] = [
    {"hidden_units": 32, "n_groups": 16, "output": "softmax"},
    {"hidden_units": 12, "n_groups": 12, "output": "logistic", "dtype": "float64"},
    {"hidden_units": 80, "n_groups": 4, "output": "squared"},
]
"""What is compiled in: groups with few units, of one unit, and of more than a vector."""
N_OUTPUTS = {"softmax": 3, "logistic": 1, "squared": 18}


def title(config: dict[str, Any]) -> str:
    return f"{config['output']} {config['hidden_units']}/{config['n_groups']}"


def data(n: int, d: int, n_outputs: int, density: float, seed: int) -> tuple[Any, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d)) * (rng.random((n, d)) < density)
    if n_outputs == 1:
        return X, (rng.random((n, 1)) < 0.5).astype(float)
    return X, np.eye(n_outputs)[rng.integers(n_outputs, size=n)]


def make(config: dict[str, Any], n: int = 60, **options: Any) -> DropoutNetwork:
    X, targets = data(n, 9, N_OUTPUTS[config["output"]], 0.4, seed=5)
    return network(sp.csr_array(X), targets, **config | options)


def network(
    X: Any, targets: np.ndarray, *, output: str | None = None, seed: int = 0,
    kind: type[DropoutNetwork] = DropoutNetwork, **options: Any,
) -> DropoutNetwork:  # fmt: skip
    """Return a network with a record of these parameters."""
    return kind(X, targets, NetworkParameters(**options), output=output, seed=seed)


def oracle(
    problem: DropoutNetwork, X: np.ndarray, targets: np.ndarray, order: Any, n_epochs: int
) -> dict[str, np.ndarray]:
    """Return what the arrays have to be after training a new problem."""
    source, epochs = OrderSource(problem, order, 3), []
    for epoch in range(n_epochs):
        samples = source.epoch(epoch).samples()
        epochs.append((samples, problem._kept))
    return network_oracle.train(problem.trained(), X, targets, problem.output, problem.step, epochs)


def train(problem: DropoutNetwork, order: Any, engine: str, n_workers: int, n_epochs: int) -> Any:
    with WorkerTeam(n_workers, n_workers) as team:
        session = Session(problem, OrderSource(problem, order, 3, team), engine, team)
        for epoch in range(n_epochs):
            session.run_epoch(epoch)
    return problem.trained()

"""How large the steps of a linear model are, and how far the first one can go."""

from __future__ import annotations

import numpy as np

from serialeq.errors import SerialeqError
from serialeq.native.jit import jit

from .lattice import Lattice
from .losses import CLASSIFICATION, slope
from .parameters import LinearParameters
from .rates import STEP_RULES, fill_rates


def optimal_start(p: LinearParameters) -> float:
    """Return Bottou's t₀, at least 2: the first step moves weights by their expected size."""
    if p.strength == 0.0:
        return 1.0
    size = np.sqrt(1.0 / np.sqrt(p.strength))
    steepest = _slope_of(CLASSIFICATION.index(p.loss), float(p.epsilon), -size, 1.0)
    first = size / max(1.0, steepest)
    return max(float(1.0 / (first * p.strength)), 2.0)  # steps below 1 / alpha


def first_factor(p: LinearParameters, largest_target: float, largest_importance: float) -> float:
    """Return how large the factor of a sample can be with all weights zero."""
    step = float(p.eta0)
    if p.learning_rate == "optimal":
        step = 1.0 / (p.strength * optimal_start(p))
    elif p.learning_rate == "pegasos":
        step = 0.5 / p.strength
    steepest = {
        "squared_error": largest_target,
        "squared_epsilon_insensitive": 2 * largest_target,
        "huber": float(p.epsilon),
    }.get(p.loss, 1.0)
    return step * max(steepest, 1.0) * largest_importance


def fill(
    p: LinearParameters, rates: np.ndarray, folds: np.ndarray, per_fold: int, n_updates: int,
    n_samples: int, batch: int, lattice: Lattice | None,
) -> tuple[float, float]:  # fmt: skip
    """Set ``rates`` and ``folds`` (`LinearContext`) of an epoch.

    `per_fold` updates lie between places where the scale may be folded into the weights,
    `n_updates` were made before, and each has `batch` samples. Returns the scale of the weights
    after the epoch, and the sum of the scales since the last fold.

    Raises
    ------
    SerialeqError
        If a step is 1 / α or more, or if the weights vanish.
    """
    unit, tick = (lattice.unit, lattice.tick) if lattice else (1.0, 1.0)
    scale, passed = fill_rates(
        rates, folds, STEP_RULES.index(p.learning_rate), float(p.eta0), float(p.power_t),
        p.strength, optimal_start(p), float(n_updates), per_fold, lattice is not None,
        float(batch), n_samples, unit, tick, float(p.average),
    )  # fmt: skip
    if scale < 0:
        raise SerialeqError(
            f"alpha, eta0: expected steps below 1/alpha = {1 / p.strength:.4g}, got {-scale:.4g}"
        )
    if scale < np.finfo(np.float64).tiny:
        raise SerialeqError(
            "alpha, eta0: the weights shrink to nothing within an epoch; lower alpha or eta0"
        )
    return scale, passed


@jit
def _slope_of(loss: int, epsilon: float, p: float, y: float) -> float:
    return slope(loss, epsilon, p, y)

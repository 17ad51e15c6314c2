"""How large the steps of SGD on linear models are, and the scale that L2 gives the weights."""

from __future__ import annotations

from typing import Any

import numpy as np

from serialeq.errors import SerialeqError
from serialeq.native.elementary import ROUND, exp, log1p
from serialeq.native.jit import inline, jit
from serialeq.native.simd import larger, load_wide, magnitude, splat, store_wide

from .context import COUNTED, GAIN, PASSED, SCALE, STEP
from .lattice import Lattice
from .losses import CLASSIFICATION, slope
from .parameters import STEP_RULES, LinearParameters

_CHUNK = 64  # updates whose steps are found together: divisions go side by side


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

    SerialeqError: if a step is 1 / α or more, or if the weights vanish.
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


@jit
def fill_rates(
    rates: Any, folds: Any, rule: int, eta0: float, power: float, alpha: float, t0: float,
    done: float, per_fold: int, lattice: bool, samples_per_update: float, n_samples: int,
    unit: float, tick: float, first_counted: float,
) -> Any:  # fmt: skip
    """Set the rows of ``rates`` and ``folds`` (`LinearContext`); return scale and A at the end.

    Updates from the `first_counted`-th on, counted from 1, count for the mean. Where a step would
    turn the weights round, minus that step is returned instead of the scale. `tick` is a power of
    two.
    """
    scale, passed = 1.0, 0.0
    averaged = rates.shape[1] > PASSED
    n = rates.shape[0]
    period = per_fold if lattice else _CHUNK
    steps, scales = np.empty(_CHUNK), np.empty(_CHUNK)
    for fold in range((n + period - 1) // period):
        if lattice:
            folds[fold, 0], folds[fold, 1] = 1.0, 0.0
            if scale < 0.5:
                folds[fold, 0], folds[fold, 1] = scale, passed
                scale, passed = 1.0, 0.0
        end = min((fold + 1) * period, n)
        for start in range(fold * period, end, _CHUNK):
            m = min(_CHUNK, end - start)
            _fill_steps(steps, m, rule, eta0, power, alpha, t0, done + start + 1.0)
            for i in range(m):
                rates[start + i, SCALE] = scale * unit
                if not steps[i] * alpha < 1.0:
                    return -steps[i], 0.0
                scale *= 1.0 - steps[i] * alpha
                scales[i] = scale
                if averaged:
                    counted = 1.0 if done + (start + i) + 1.0 >= first_counted else 0.0
                    rates[start + i, PASSED], rates[start + i, COUNTED] = passed, counted
                    passed += counted * scale
            for i in range(m):
                scales[i] = steps[i] / scales[i]
            if samples_per_update > 1.0:
                for i in range(m):
                    left = n_samples - (start + i) * samples_per_update
                    share = min(samples_per_update, left)
                    scales[i] /= share
                    steps[i] /= share
            for i in range(m):
                rates[start + i, GAIN] = scales[i] * (1.0 / tick)
                rates[start + i, STEP] = steps[i]
    return scale, passed


@inline
def _fill_steps(
    steps: Any, m: int, rule: int, eta0: float, power: float, alpha: float, t0: float,
    first: float,
) -> None:  # fmt: skip
    """Set the steps of updates t = `first`, `first` + 1, …"""
    if rule == 0:
        for i in range(m):
            steps[i] = 1.0 / (alpha * (t0 + (first + i) - 1.0))
    elif rule == 1:
        steps[:m] = eta0
    elif rule == 3:
        for i in range(m):
            steps[i] = 1.0 / (alpha * ((first + i) + 1.0))
    elif power == 0.5:
        for i in range(m):
            steps[i] = eta0 / np.sqrt(first + i)
    else:
        for i in range(m):
            steps[i] = eta0 / _power(first + i, power)


@inline
def _power(base: float, exponent: float) -> Any:
    """Return base ** exponent for base > 0 from our own elementary functions."""
    if exponent == 1.0:
        return base
    return exp(exponent * log1p(base - 1.0))


@jit
def settle(weights: Any, sums: Any, scale: float, passed: float, lattice: bool) -> float:
    """Fold the scale into all weights (`fold`); return the largest magnitude."""
    return fold(weights, sums, 0, weights.size, scale, passed, lattice)


@inline
def fold(
    weights: Any, sums: Any, lower: int, upper: int, scale: float, passed: float, lattice: bool
) -> Any:
    """Multiply ``weights[lower:upper]`` by the scale, rounded on the lattice.

    Before that, `passed` times the weights are taken from the sums, if there are any. All are 1-d,
    whole vectors. Returns the largest magnitude.
    """
    largest, factor = splat(0.0), splat(scale)
    for k in range(lower, upper, 8):
        w = load_wide(weights, k)
        if sums.size:
            store_wide(sums, k, load_wide(sums, k) - splat(passed) * w)
        w = factor * w
        if lattice:
            w = (w + splat(ROUND)) - splat(ROUND)
        store_wide(weights, k, w)
        largest = larger(largest, magnitude(w))
    lanes8 = np.empty(8)
    store_wide(lanes8, 0, largest)
    return lanes8.max()

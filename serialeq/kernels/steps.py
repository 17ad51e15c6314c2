"""Steps of SGD on linear models, and the scale that L2 gives the weights."""

from __future__ import annotations

from typing import Any

import numpy as np

from .elementary import exp, log1p
from .jit import inline, jit
from .linear_context import COUNTED, GAIN, PASSED, SCALE, STEP

SCHEDULES = ("optimal", "constant", "invscaling", "pegasos")


@jit
def fill_rates(
    rates: Any, folds: Any, schedule: int, eta0: float, power: float, alpha: float, t0: float,
    done: float, per_fold: int, lattice: bool, samples_per_update: float, n_samples: int,
    unit: float, tick: float, first_counted: float,
) -> Any:  # fmt: skip
    """Set the rows of ``rates`` and ``folds`` (`LinearContext`); return scale and A at the end.

    Updates from the `first_counted`-th on, counted from 1, count for the mean. Where a step would
    turn the weights round, minus that step is returned instead of the scale.
    """
    scale, passed = 1.0, 0.0
    averaged = rates.shape[1] > PASSED
    for i in range(rates.shape[0]):
        t = done + i + 1.0
        eta = _step(schedule, eta0, power, alpha, t0, t)
        if lattice and i % per_fold == 0:
            folds[i // per_fold, 0] = 1.0
            if scale < 0.5:
                folds[i // per_fold, 0], folds[i // per_fold, 1] = scale, passed
                scale, passed = 1.0, 0.0
        rates[i, SCALE] = scale * unit
        if not eta * alpha < 1.0:
            return -eta, 0.0
        scale *= 1.0 - eta * alpha
        share = samples_per_update
        if samples_per_update > 1.0:
            share = min(samples_per_update, n_samples - i * samples_per_update)
        rates[i, GAIN] = eta / scale / share / tick
        rates[i, STEP] = eta / share
        if averaged:
            counted = 1.0 if t >= first_counted else 0.0
            rates[i, PASSED], rates[i, COUNTED] = passed, counted
            passed += counted * scale
    return scale, passed


@inline
def _step(schedule: int, eta0: float, power: float, alpha: float, t0: float, t: float) -> Any:
    if schedule == 0:
        return 1.0 / (alpha * (t0 + t - 1.0))
    if schedule == 1:
        return eta0
    if schedule == 2:
        return eta0 / _power(t, power)
    return 1.0 / (alpha * (t + 1.0))


@inline
def _power(base: float, exponent: float) -> Any:
    """Return base ** exponent for base > 0 from our own elementary functions."""
    if exponent == 0.5:
        return np.sqrt(base)
    if exponent == 1.0:
        return base
    return exp(exponent * log1p(base - 1.0))


@jit
def settle(weights: Any, sums: Any, scale: float, passed: float, lattice: bool) -> float:
    """Multiply weights by the scale, rounded on the lattice; return the largest magnitude.

    Before that, `passed` times the weights go to the sums, if there are any.
    """
    largest = 0.0
    for k in range(np.uintp(weights.shape[0])):
        for o in range(np.uintp(weights.shape[1])):
            if sums.size:
                sums[k, o] -= passed * weights[k, o]
            w = scale * weights[k, o]
            if lattice:  # + 0: no negative zeros, as adding zero would change them
                w = np.rint(w) + 0.0
            weights[k, o] = w
            largest = max(largest, abs(w))
    return largest

"""Elementary functions by mpmath, and the points where they are compared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np

LN2 = 0.6931471805599453


@dataclass(frozen=True)
class Truth:
    """Exact values: the nearest float64, its ulp, and what it lacks in ulps."""

    nearest: np.ndarray
    ulp: np.ndarray
    lacking: np.ndarray

    def errors(self, values: np.ndarray) -> np.ndarray:
        """Return the distances of `values` from the exact ones in ulps."""
        return np.abs((values - self.nearest) / self.ulp - self.lacking)


def truth(function: Callable[[Any], Any], points: np.ndarray) -> Truth:
    nearest, ulps, lacking = [], [], []
    with mpmath.workprec(160):
        for x in points.tolist():
            exact = function(mpmath.mpf(x))
            ulp = 2.0 ** max(mpmath.frexp(exact)[1] - 53, -1074)
            count = mpmath.nint(exact / ulp)
            nearest.append(int(count) * ulp)
            ulps.append(ulp)
            lacking.append(float(exact / ulp - count))
    return Truth(np.array(nearest), np.array(ulps), np.array(lacking))


def neighbours(centres: Any, n: int) -> np.ndarray:
    """Return `n` float64 below each centre, itself and `n` above, in rows."""
    bits = np.abs(np.asarray(centres, dtype=np.float64)).view(np.int64)
    rows = (bits[:, None] + np.arange(-n, n + 1)).view(np.float64)
    return np.sort(np.copysign(rows, np.asarray(centres)[:, None]), axis=1)


def exp_breakpoints(n: int) -> np.ndarray:
    """Return where the reduction of the argument goes from one k to the next."""
    k = np.random.default_rng(1).integers(-95_000, 95_000, n)
    return np.concatenate([(np.arange(-300, 300) + 0.5), k + 0.5]) * (LN2 / 128)


def log_breakpoints() -> np.ndarray:
    """Return where 1 + x goes from one exponent to the next."""
    wholes = np.sqrt(0.5) * 2.0 ** np.arange(-44, 60)
    return np.concatenate([wholes - 1.0, [-(2.0**-54), 2.0**-54, -0.5, 0.5, 1.0, 2.0]])


def exp_points() -> np.ndarray:
    rng = np.random.default_rng(2)
    return np.concatenate(
        [
            rng.uniform(-1, 1, 3_000),
            rng.uniform(-40, 40, 3_000),
            rng.uniform(-745.13, 709.78, 3_000),
            rng.uniform(-745.13, -700, 2_000),
            rng.uniform(700, 709.78, 1_000),
            rng.choice([-1, 1], 1_000) * 2.0 ** rng.uniform(-60, 0, 1_000),
            neighbours(exp_breakpoints(1_400), 1).ravel(),
        ]
    )


def log_points() -> np.ndarray:
    rng = np.random.default_rng(3)
    return np.concatenate(
        [
            rng.uniform(-0.2929, 0.4143, 4_000),
            rng.uniform(-1, 10, 3_000),
            rng.uniform(0.35, 0.4143, 2_000),
            -1 + 2.0 ** -rng.uniform(0, 53, 1_000),
            rng.choice([-1, 1], 2_000) * 2.0 ** rng.uniform(-60, -1e-9, 2_000),
            2.0 ** rng.uniform(0, 1023.9, 2_000),
            neighbours(log_breakpoints(), 2).ravel(),
        ]
    )


POINTS = {
    "exp": exp_points,
    "log1p": log_points,
    "softplus": lambda: exp_points()[::3],
    "sigmoid_of_minus": lambda: (lambda x: x[x < 708])(exp_points()[::3]),  # no subnormals
}
EXACT = {
    "exp": mpmath.exp,
    "log1p": mpmath.log1p,
    "softplus": lambda x: mpmath.log1p(mpmath.exp(x)),
    "sigmoid_of_minus": lambda x: 1 / (1 + mpmath.exp(x)),
}

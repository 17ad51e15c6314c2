"""Linear models one sample at a time, in Python's integers: no sum here is ever rounded.

Features, factors and weights are integers; the steps of a sample (margin, slope, factor,
intercept) are Python floats, in the order that `serialeq.problems.linear.kernel` documents.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from serialeq.native import elementary
from serialeq.native.jit import jit

OPTIONS: dict[str, Any] = {
    "loss": "hinge",
    "alpha": 1e-2,
    "epsilon": 0.1,
    "fit_intercept": True,
    "learning_rate": "optimal",
    "eta0": 0.1,
    "power_t": 0.5,
    "importance": None,
    "average": 0,
}
"""What `train` and `LinearModel` are given unless a test says otherwise."""

_PERIOD = 64  # samples between places where the scale may be folded into the weights


@jit
def exp(x: float) -> float:
    return elementary.exp(x)


@jit
def log1p(x: float) -> float:
    return elementary.log1p(x)


def slope(loss: str, epsilon: float, p: float, y: float) -> float:
    """Return the derivative of the loss by the margin."""
    z, r = p * y, p - y
    beyond = max(abs(r) - epsilon, 0.0)
    match loss:
        case "hinge":
            return -y if z <= 1 else 0.0
        case "perceptron":
            return -y if z <= 0 else 0.0
        case "squared_hinge":
            return -2.0 * y * max(1.0 - z, 0.0)
        case "modified_huber":
            return -4.0 * y if z < -1 else -2.0 * y * max(1.0 - z, 0.0)
        case "log_loss":
            return -y / (1.0 + exp(z))
        case "squared_error":
            return r
        case "huber":
            return r if abs(r) <= epsilon else math.copysign(epsilon, r)
        case "epsilon_insensitive":
            return math.copysign(1.0, r) if beyond > 0 else 0.0
        case "squared_epsilon_insensitive":
            return math.copysign(2.0 * beyond, r)
    raise ValueError(loss)


def step(t: int, o: dict[str, Any]) -> float:
    """Return eta of update t = 1, 2, …"""
    match o["learning_rate"]:
        case "optimal":
            size = math.sqrt(1.0 / math.sqrt(o["alpha"]))
            first = size / max(1.0, slope(o["loss"], o["epsilon"], -size, 1.0))
            return 1.0 / (o["alpha"] * (1.0 / (first * o["alpha"]) + t - 1.0))
        case "pegasos":
            return 1.0 / (o["alpha"] * (t + 1))
        case "constant":
            return float(o["eta0"])
        case "invscaling" if o["power_t"] == 0.5:
            return o["eta0"] / math.sqrt(t)
        case "invscaling" if o["power_t"] == 1:
            return o["eta0"] / t
        case "invscaling":
            return o["eta0"] / exp(o["power_t"] * log1p(t - 1.0))
    raise ValueError(o["learning_rate"])


def train(
    X: np.ndarray,
    targets: np.ndarray,
    bits: tuple[int, int],
    feature_scale: float,
    epochs: list[np.ndarray],
    *,
    intercept_decay: float,
    batch: int = 0,
    **options: Any,
) -> dict[str, np.ndarray]:
    """Train on a dense matrix; `bits` are those of features and of factors.

    With `batch`, so many samples at a time see weights and intercept at the start of their batch.
    Returns what ``LinearModel.trained()`` has to return.
    """
    o = OPTIONS | options
    a, b = bits
    rows = [[(j, q) for j, x in enumerate(row) if (q := round(x * 2**a / feature_scale))]
            for row in X.tolist()]  # fmt: skip
    d, outputs = X.shape[1], range(targets.shape[1])
    labels = targets.tolist()
    importance = np.ones(targets.shape) if o["importance"] is None else o["importance"]
    weight = importance.tolist()
    v = [[0] * d for _ in outputs]
    intercept = [0.0 for _ in outputs]
    u, intercept_sum = [[0.0] * d for _ in outputs], [0.0 for _ in outputs]
    t = 0
    for samples in epochs:
        scale, passed = 1.0, 0.0
        n = samples.size
        for start in range(0, n, batch or 1):
            if start % (batch or _PERIOD) == 0 and scale < 0.5:
                u = [
                    [s - passed * x for s, x in zip(*ones, strict=True)]
                    for ones in zip(u, v, strict=True)
                ]
                passed = 0.0
                v = [[round(scale * x) for x in one] for one in v]
                scale = 1.0
            t += 1
            eta = step(t, o)
            after = scale * (1.0 - eta * o["alpha"])
            members = samples[start : start + (batch or 1)].tolist()
            gain, share = eta / after / len(members), eta / len(members)
            factors = []
            seen = intercept.copy() if batch else intercept
            lost = [0.0 for _ in outputs]  # in a mini-batch, by rounding the factor before
            for i in members:
                for k in outputs:
                    inner = sum(q * v[k][j] for j, q in rows[i])
                    margin = scale * math.ldexp(inner, -2 * a - b) + seen[k]
                    g = slope(o["loss"], o["epsilon"], margin, labels[i][k]) * weight[i][k]
                    exact = -gain * g * feature_scale**2 * 2.0**b + lost[k]
                    factors.append((i, k, round(exact)))
                    lost[k] = exact - round(exact) if batch else 0.0
                    if o["fit_intercept"]:
                        intercept[k] -= intercept_decay * (share * g)
            counted = float(0 < o["average"] <= t)
            for k in outputs:
                intercept_sum[k] += counted * intercept[k]
            for i, k, factor in factors:
                for j, q in rows[i]:
                    v[k][j] += factor * q
                    u[k][j] += (passed * factor) * q
            scale = after
            passed += counted * scale
        u = [
            [s - passed * x for s, x in zip(*ones, strict=True)] for ones in zip(u, v, strict=True)
        ]
        if scale != 1.0:
            v = [[round(scale * x) for x in one] for one in v]
    unit = 2.0 ** (-a - b) / feature_scale
    arrays = {"coef": np.array(v, dtype=float) * unit, "intercept": np.array(intercept)}
    if o["average"]:
        arrays["coef_sum"] = np.array(u, dtype=float) * -unit
        arrays["intercept_sum"] = np.array(intercept_sum)
    return arrays

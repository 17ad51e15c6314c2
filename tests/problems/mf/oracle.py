"""Factorisation in plain NumPy, written from the formulas: no compiled code, no reductions.

One vector is 16 float32 or 8 float64 lanes; sums go through the lanes in the order that the
package documents (`serialeq.native.simd`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

OPTIONS: dict[str, Any] = {
    "n_factors": 5,
    "l2": (0.05, 0.05),
    "l2_per": "rating",
    "learning_rate": 0.05,
    "schedule": "decay",
    "decay": 0.85,
    "bias": "global",
    "nonnegative": False,
    "weights": None,
    "dtype": "float32",
}
"""What `train` and `factorization` are given unless a test says otherwise."""


def total(lanes: np.ndarray) -> Any:
    """Return the sum of the lanes: the upper half is added to the lower until one is left."""
    while lanes.size > 1:
        half = lanes.size // 2
        lanes = lanes[:half] + lanes[half:]
    return lanes[0]


def train(
    users: np.ndarray,
    items: np.ndarray,
    values: np.ndarray,
    shape: tuple[int, int],
    start: dict[str, np.ndarray],
    epochs: list[np.ndarray],
    *,
    n_factors: int,
    l2: tuple[float, float],
    l2_per: str,
    learning_rate: float,
    schedule: str,
    decay: float,
    bias: str,
    nonnegative: bool,
    weights: np.ndarray | None,
    dtype: str,
) -> dict[str, np.ndarray]:
    """Train serially: one sequence of samples per epoch, from the state that `start` names.

    The arguments are those of `factorizations.factorization`; returns what its ``trained()``
    has to return.
    """
    scalar = np.dtype(dtype).type
    lanes = 64 // np.dtype(dtype).itemsize
    one, inverse_rank = scalar(1), scalar(1.0 / n_factors)
    width = -(-n_factors // lanes)

    sum_ = 0.0
    for value in values:
        sum_ += float(value)
    mean = 0.0 if bias == "none" else sum_ / values.size
    targets = (values - scalar(mean)).astype(dtype)

    sides = []  # users, items: factors (n, width, lanes), biases, curvature, penalties
    for name, who, n, mu in (("user", users, shape[0], l2[0]), ("item", items, shape[1], l2[1])):
        padded = np.zeros((n, width * lanes), dtype)
        padded[:, :n_factors] = start[f"{name}_factors"]
        degrees = np.bincount(who, minlength=n)
        penalty = [scalar(mu / max(d, 1) if l2_per == "row" else mu) for d in degrees.tolist()]
        sides.append(
            (padded.reshape(n, width, lanes), np.zeros(n, dtype), np.ones(n, dtype), penalty)
        )
    (x, bias_u, curve_u, penalty_u), (y, bias_v, curve_v, penalty_v) = sides

    for epoch, samples in enumerate(epochs):
        gamma = learning_rate
        if schedule == "decay":
            for _ in range(epoch):
                gamma *= decay
        for t, k in enumerate(samples):
            u, v = users[k], items[k]
            x_u, x_v = x[u].copy(), y[v].copy()
            dot = x_u[0] * x_v[0]
            for j in range(1, width):
                dot = dot + x_u[j] * x_v[j]
            error = targets[k] - total(dot)
            if bias == "all":
                error = error - (bias_u[u] + bias_v[v])
            if weights is not None:
                error = scalar(weights[k]) * error
            rate = gamma
            if schedule == "inverse":
                per_sample = decay / max(samples.size, 1)
                rate = gamma / (1.0 + per_sample * (float(epoch * samples.size) + t))
            step_u = step_v = scalar(rate)
            if schedule == "adagrad":
                step_u = scalar(rate) / np.sqrt(curve_u[u])
                step_v = scalar(rate) / np.sqrt(curve_v[v])
            square_u, square_v = np.zeros(lanes, dtype), np.zeros(lanes, dtype)
            for j in range(width):
                g_u = error * x_v[j] - penalty_u[u] * x_u[j]
                g_v = error * x_u[j] - penalty_v[v] * x_v[j]
                square_u, square_v = square_u + g_u * g_u, square_v + g_v * g_v
                x[u, j] = (one - step_u * penalty_u[u]) * x_u[j] + (step_u * error) * x_v[j]
                y[v, j] = (one - step_v * penalty_v[v]) * x_v[j] + (step_v * error) * x_u[j]
            if nonnegative:
                x[u][x[u] < 0] = 0
                y[v][y[v] < 0] = 0
            if schedule == "adagrad":
                curve_u[u] += total(square_u) * inverse_rank
                curve_v[v] += total(square_v) * inverse_rank
            if bias == "all":
                bias_u[u] += step_u * (error - penalty_u[u] * bias_u[u])
                bias_v[v] += step_v * (error - penalty_v[v] * bias_v[v])

    result = {
        "mean": np.array([mean]),
        "user_factors": x.reshape(shape[0], -1)[:, :n_factors],
        "item_factors": y.reshape(shape[1], -1)[:, :n_factors],
    }
    if bias == "all":
        result |= {"user_biases": bias_u, "item_biases": bias_v}
    if schedule == "adagrad":
        result |= {"user_curvature": curve_u, "item_curvature": curve_v}
    return result

"""The dropout network one sample at a time, in NumPy's elementwise operations.

Written from the formulas in `serialeq.problems.network.kernel` and the lane order in `native.simd`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from serialeq.native import elementary
from serialeq.native.jit import jit

Arrays = dict[str, np.ndarray]


@jit
def exp(x: float) -> float:
    return elementary.exp(x)


def tree(lanes: np.ndarray) -> Any:
    """Add up the lanes of a vector: halves, then halves of these."""
    while lanes.size > 1:
        lanes = lanes[: lanes.size // 2] + lanes[lanes.size // 2 :]
    return lanes[0]


def vectors(values: np.ndarray) -> np.ndarray:
    """Return values padded with zeros, one vector of 64 bytes per row."""
    lanes = 64 // values.itemsize
    padded = np.zeros(-(-values.size // lanes) * lanes, values.dtype)
    padded[: values.size] = values
    return padded.reshape(-1, lanes)


def dot(a: np.ndarray, b: np.ndarray) -> Any:
    products = vectors(a) * vectors(b)
    sum_ = products[0]
    for product in products[1:]:
        sum_ = sum_ + product
    return tree(sum_)


def norm(a: np.ndarray) -> Any:
    return dot(a, a)  # 0 + x is x, as no square is -0


def link(output: str, z: np.ndarray) -> np.ndarray:
    scalar = z.dtype.type
    if output == "softmax":
        numbers = [float(x) for x in z]
        exps = [exp(x - max(numbers)) for x in numbers]
        sum_ = 0.0
        for e in exps:
            sum_ += e
        return np.array([scalar(float(scalar(e)) / sum_) for e in exps])
    if output == "logistic":
        return np.array([scalar(1.0 / (1.0 + exp(-float(x)))) for x in z])
    return z


def train(
    start: Arrays, X: np.ndarray, targets: np.ndarray, output: str, step: float,
    epochs: list[tuple[np.ndarray, np.ndarray]],
) -> Arrays:  # fmt: skip
    """Return the arrays after epochs of (samples in order, groups kept by each sample)."""
    dtype = start["hidden"].dtype
    scalar = dtype.type
    X, targets, rate = X.astype(dtype), targets.astype(dtype), scalar(step)
    state = {name: array.copy() for name, array in start.items()}
    n_groups, n_outputs = state["output_bias"].shape
    n_hidden = state["hidden_bias"].size
    n_units = n_hidden // n_groups
    per_unit, per_output = scalar(1 / n_units), scalar(1 / n_outputs)
    squares_in = state["hidden_squares"]
    squares_out = state["output_squares"]

    def descend(rows: np.ndarray, row: Any, squares: np.ndarray, at: Any, slope, factor, square):
        squares[at] = squares[at] + (factor * factor) * square
        rows[row] = rows[row] - ((rate / np.sqrt(squares[at])) * factor) * slope

    for samples, kept in epochs:
        for s in samples:
            features = np.flatnonzero(X[s])
            hidden = {}
            z = np.zeros(n_outputs, dtype)
            for g in kept[s]:
                units = slice(g * n_units, (g + 1) * n_units)
                a = state["hidden_bias"][units].copy()
                for f in features:
                    a = a + X[s, f] * state["hidden"][f, units]
                hidden[g] = np.where(a < 0, scalar(0), a)
                part = state["output_bias"][g].copy()
                for u in range(n_units):
                    part = part + hidden[g][u] * state["output"][g * n_units + u]
                z = z + part
            slope = link(output, z) - targets[s]
            square = norm(slope) * per_output
            for g in kept[s]:
                units = slice(g * n_units, (g + 1) * n_units)
                back = np.zeros(n_units, dtype)
                for u in range(n_units):
                    row = g * n_units + u
                    if hidden[g][u] > 0:
                        back[u] = dot(state["output"][row], slope)
                    descend(state["output"], row, squares_out, (g, u), slope, hidden[g][u], square)
                descend(
                    state["output_bias"], g, squares_out, (g, n_units), slope, scalar(1), square
                )
                back_square = norm(back) * per_unit
                for f in features:
                    descend(
                        state["hidden"], (f, units), squares_in, (f, g), back, X[s, f], back_square
                    )
                descend(
                    state["hidden_bias"], units, squares_in, (-1, g), back, scalar(1), back_square
                )
    return state

"""Losses of linear models: value and slope as functions of the margin.

Definitions and names are scikit-learn's (``sklearn.linear_model.SGDClassifier``): with margin p
and label y (−1 or 1 for classification) and z = y p

===============================  =====================================================
``hinge``                        max(0, 1 − z)  (sparse SVM: Niu et al. 2011)
``squared_hinge``                max(0, 1 − z)²
``modified_huber``               max(0, 1 − z)² for z ≥ −1, else −4 z  (Zhang 2004)
``log_loss``                     log(1 + exp(−z))
``perceptron``                   max(0, −z)
``squared_error``                (p − y)² / 2
``huber``                        (p − y)² / 2 near, ε |p − y| − ε² / 2 beyond ε
``epsilon_insensitive``          max(0, |p − y| − ε)
``squared_epsilon_insensitive``  the square of that
===============================  =====================================================
"""

from __future__ import annotations

from typing import Any

from serialeq.native.elementary import exp, softplus
from serialeq.native.jit import inline

CLASSIFICATION = (
    "hinge",
    "log_loss",
    "modified_huber",
    "squared_hinge",
    "perceptron",
    "squared_error",
    "huber",
    "epsilon_insensitive",
    "squared_epsilon_insensitive",
)
REGRESSION = CLASSIFICATION[5:]
_HINGE, _LOG, _MODIFIED, _SQUARED_HINGE, _PERCEPTRON, _SQUARED, _HUBER, _INSENSITIVE = range(8)


@inline
def slope(loss: int, epsilon: float, p: Any, y: Any) -> Any:
    """Return the derivative by the margin; `loss` is a position in `CLASSIFICATION`."""
    if loss == _HINGE:
        return -y if p * y <= 1.0 else 0.0
    if loss == _LOG:
        return -y / (1.0 + exp(p * y))
    if loss == _MODIFIED:
        z = p * y
        return -4.0 * y if z < -1.0 else (-2.0 * y * (1.0 - z) if z < 1.0 else 0.0)
    if loss == _SQUARED_HINGE:
        z = 1.0 - p * y
        return -2.0 * y * z if z > 0.0 else 0.0
    if loss == _PERCEPTRON:
        return -y if p * y <= 0.0 else 0.0
    r = p - y
    if loss == _SQUARED:
        return r
    if loss == _HUBER:
        return min(max(r, -epsilon), epsilon)
    if loss == _INSENSITIVE:
        return 1.0 if r > epsilon else (-1.0 if r < -epsilon else 0.0)
    return 2.0 * (r - epsilon) if r > epsilon else (2.0 * (r + epsilon) if r < -epsilon else 0.0)


@inline
def value(loss: int, epsilon: float, p: Any, y: Any) -> Any:
    """Return the loss; `loss` is a position in `CLASSIFICATION`."""
    z = p * y
    if loss == _HINGE:
        return max(0.0, 1.0 - z)
    if loss == _LOG:
        return softplus(-z)
    if loss == _MODIFIED:
        return -4.0 * z if z < -1.0 else max(0.0, 1.0 - z) * max(0.0, 1.0 - z)
    if loss == _SQUARED_HINGE:
        return max(0.0, 1.0 - z) * max(0.0, 1.0 - z)
    if loss == _PERCEPTRON:
        return max(0.0, -z)
    r = abs(p - y)
    if loss == _SQUARED:
        return 0.5 * r * r
    if loss == _HUBER:
        return 0.5 * r * r if r <= epsilon else epsilon * r - 0.5 * epsilon * epsilon
    if loss == _INSENSITIVE:
        return max(0.0, r - epsilon)
    return max(0.0, r - epsilon) * max(0.0, r - epsilon)

"""Checks of estimators' parameters: what was expected, and what came."""

from __future__ import annotations

import sys
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from serialeq.errors import SerialeqError


def expect_one_of(name: str, given: Any, expected: tuple[Any, ...]) -> None:
    """Raise SerialeqError unless a parameter is one of the values."""
    if not any(given is one or given == one for one in expected):
        raise SerialeqError(
            f"{name}: expected one of {', '.join(map(str, expected))}, got {given!r}"
        )


def expect_number(
    name: str, given: Any, least: float, *, integer: bool = False, above: bool = False
) -> None:
    """Raise SerialeqError unless a parameter is a number of at least `least` (`above`: more)."""
    kind: Any = Integral if integer else Real
    if isinstance(given, Integral) and abs(int(given)) > sys.float_info.max:
        raise SerialeqError(f"{name}: expected a number below 2**1024, got one beyond")
    if isinstance(given, bool) or not isinstance(given, kind) or not np.isfinite(float(given)):
        wanted = "an integer" if integer else "a finite number"
        raise SerialeqError(f"{name}: expected {wanted}, got {given!r}")
    if given < least or (above and given == least):
        raise SerialeqError(
            f"{name}: expected {'more than' if above else 'at least'} {least}, got {given!r}"
        )


def draw_seed(random_state: Any) -> int:
    """Return the seed: an int as it is; anything else draws one."""
    if isinstance(random_state, Integral):
        expect_number("random_state", random_state, 0, integer=True)
        return int(random_state)
    return int(check_random_state(random_state).randint(np.iinfo(np.int32).max))


def told_parameters(estimator: Any) -> dict[str, Any]:
    """Return the parameters that make the model, for a manifest, which tells order and seed."""
    left_out = ("engine", "n_jobs", "order", "random_state")
    told = {k: v for k, v in estimator.get_params(deep=False).items() if k not in left_out}
    weights = told.get("class_weight")
    if isinstance(weights, dict):
        told["class_weight"] = {str(label): float(weight) for label, weight in weights.items()}
    return {k: v.item() if isinstance(v, np.generic) else v for k, v in told.items()}

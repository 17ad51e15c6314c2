"""Canaries: copies of a problem's arrays that show what an update does to them."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np

from serialeq.errors import SerialeqError
from serialeq.problem import Problem

_MARGIN = 64
_SIZES = {"small": 0.01, "middling": 2.0, "large": 100.0}

State = dict[str, np.ndarray]


class GuardedCopy:
    """A copy, ``array``, of an array between two margins, of two rows each at least."""

    def __init__(self, array: np.ndarray) -> None:
        row = array.size // (*array.shape, 1)[0] if array.size else 0
        margin = max(_MARGIN, 2 * row)
        whole = np.zeros(array.size + 2 * margin, dtype=array.dtype)
        self.array = whole[margin : margin + array.size].reshape(array.shape)
        self.array[...] = array
        self._margins = whole[:margin], whole[margin + array.size :]
        self.fill(0)

    def fill(self, choice: int) -> None:
        """Fill the margins with 0, or (choice 1) with NaN, or 1 if that is no value."""
        for margin in self._margins:
            margin[:] = (0, np.nan if margin.dtype.kind in "fc" else 1)[choice]
        self._expected = self._margins[0].tobytes()

    def overrun(self) -> bool:
        """Return whether the margins have changed since they were filled."""
        return any(margin.tobytes() != self._expected for margin in self._margins)


def check_owners(problem: Problem, fields: State) -> dict[str, np.ndarray]:
    """Return `Problem.variables`, checked."""
    n = problem.hypergraph.n_variables
    declared = problem.variables()
    if not isinstance(declared, Mapping):
        raise SerialeqError(
            "variables: expected a dictionary from fields of the context to the variables of "
            f"their rows, got {type(declared).__name__}"
        )
    owners = {name: np.asarray(owner) for name, owner in declared.items()}
    for name, owner in owners.items():
        if name not in fields:
            raise SerialeqError(
                f"variables: {name!r} is no array of the context; there are {', '.join(fields)}"
            )
        if owner.shape != fields[name].shape[:1] or owner.dtype.kind not in "iu":
            raise SerialeqError(
                f"variables: {name!r}: expected one integer for each of its rows, shape "
                f"{fields[name].shape[:1]}, got {owner.dtype} of shape {owner.shape}"
            )
        if owner.size and (owner.min() < -1 or owner.max() >= n):
            raise SerialeqError(
                f"variables: {name!r}: expected variables in 0..{n - 1}, or -1, "
                f"got values from {owner.min()} to {owner.max()}"
            )
    for a, b in combinations(fields, 2):
        if (a in owners or b in owners) and np.may_share_memory(fields[a], fields[b]):
            raise SerialeqError(
                f"context: fields {a!r} and {b!r} share memory, and one of them is written"
            )
    return {name: owner.astype(np.int64) for name, owner in owners.items()}


def check_context(
    problem: Problem, samples: np.ndarray, times: np.ndarray, context: Any, owners: State
) -> None:
    """Raise SerialeqError if another context of the problem would be another state.

    It has to have the arrays that are trained, not copies; and the same numbers in every epoch,
    as they are packed once.
    """
    problem.begin_epoch(1, samples.size)
    later = problem.context(samples, times)._asdict()
    for name, value in context._asdict().items():
        if not isinstance(value, np.ndarray):
            if value != later[name]:
                raise SerialeqError(
                    f"context: expected the same {name!r} in every epoch, got {value!r} and then "
                    f"{later[name]!r}; a number that begin_epoch changes has to be in an array"
                )
        elif name in owners and value.size and value.ctypes.data != later[name].ctypes.data:
            raise SerialeqError(
                f"context: expected the array that is trained as {name!r} in every call, got a "
                "new one, in which the updates would be lost"
            )


def draw_values(array: np.ndarray, kind: str, rng: np.random.Generator) -> np.ndarray:
    """Return random values of some kind, of the shape and type of `array`."""
    if array.dtype.kind not in "fc":  # it may be used as an index: stay in its range
        return rng.choice(np.unique(array), array.shape) if array.size else array.copy()
    if array.dtype.kind == "c":
        parts = np.ascontiguousarray(array).reshape(-1).view(array.real.dtype)
        return draw_values(parts, kind, rng).view(array.dtype).reshape(array.shape)
    if kind == "negative zero":
        return np.full_like(array, -0.0)
    if kind == "not a number":
        return np.full_like(array, np.nan)
    signed = rng.uniform(0.5, 1.0, array.shape) * rng.choice([-1.0, 1.0], array.shape)
    if kind == "near":
        drawn: np.ndarray = array * (1.0 + 0.5 * signed) + 0.01 * signed
    elif kind == "positive":
        drawn = np.abs(signed)
    elif kind.endswith("huge"):
        huge = float(np.finfo(array.dtype).max) / (4 if kind == "huge" else -4)
        drawn = np.abs(signed) * huge
    else:
        drawn = signed * _SIZES[kind] * rng.uniform(0.0, 1.0, array.shape)
    return drawn.astype(array.dtype)


def rows_of(array: np.ndarray) -> np.ndarray:
    """Return the bytes of each leading row."""
    array = np.ascontiguousarray(array)
    n = array.shape[0]
    return array.reshape(-1).view(np.uint8).reshape(n, array.nbytes // max(n, 1))

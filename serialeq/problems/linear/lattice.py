"""The lattice on which linear models add up exactly: how many bits for what.

A float64 holds integers up to 2^53. With features in units of 2^-a, factors in units of 2^-b and
weights in units of 2^-(a+b), a margin is an integer in units of 2^-(2a+b), of magnitude at most
``max|v| * |x|_1 * 2^(2a+b)``. So the budget is

    2 a + b + log2 |x|_1 + h <= 53

where 2^h is how large a weight may become: 4096, or 256 of the first, largest steps if that is
more. With steps that large b may be negative. Also ``x_j.x_k`` in units of 2^-2a has to fit 31
bits, and a feature 16.
"""

from __future__ import annotations

import math
from dataclasses import astuple, dataclass
from typing import Any, NamedTuple, Self

import numpy as np

from serialeq.errors import DataError, SerialeqError
from serialeq.native.atomics import PARTS, claim, unclaimed
from serialeq.native.jit import jit
from serialeq.native.random import mix
from serialeq.native.simd import larger, load_wide, magnitude, splat, store_wide, total
from serialeq.native.team import WorkerTeam

MANTISSA = 53
_HEADROOM = 12  # weights up to 4096 in units where features are at most 1
_STEPS = 4  # first steps up to 16 fit that 256 times
_FACTOR_BITS = 16
_MOST_FEATURE_BITS = 14
_LARGEST_ROUNDED = 2.0**51  # beyond, adding and subtracting a constant does not round
_TINY = 2.0**-200
_LOOKED_AT = 4096  # values
_MOST_VANISHING = 0.25

_RECORDED = ("feature_bits", "factor_bits", "feature_scale", "largest_feature", "largest_weight")


@dataclass(frozen=True)
class Lattice:
    """Bits and limits."""

    feature_bits: int
    """a: a feature is an integer times ``scale * 2**-a``."""
    factor_bits: int
    """b: the factor of a sample is an integer times ``2**-b``."""
    scale: float
    """Power of two that brings all features into [-1, 1]."""
    most: float
    """Largest feature as an integer."""
    limit: float
    """Largest weight, in units of 2^-(a+b), for which every sum is exact."""

    @classmethod
    def recorded(cls, record: dict[str, Any] | None) -> Self | None:
        """Return the lattice that `record` told of."""
        return cls(*(record[name] for name in _RECORDED)) if record else None

    def record(self) -> dict[str, Any]:
        """Return what a model's description says of it."""
        return dict(zip(_RECORDED, astuple(self), strict=True))

    def __str__(self) -> str:
        """Say it in words."""
        return (
            f"features {self.feature_bits} bits (scale {self.scale:g}), factors "
            f"{self.factor_bits} bits, weights up to {self.largest_weight / self.scale:.4g}"
        )

    @property
    def unit(self) -> float:
        """Margins are integers times this (features in [-1, 1])."""
        return 2.0 ** -(2 * self.feature_bits + self.factor_bits)

    @property
    def tick(self) -> float:
        """Factors are integers times this: features divided by f need factors f² times as large."""
        return 2.0**-self.factor_bits / self.scale**2

    @property
    def largest_weight(self) -> float:
        """The limit as a weight for features in [-1, 1]."""
        return self.limit * 2.0 ** -(self.feature_bits + self.factor_bits)


class RowSizes(NamedTuple):
    """Of the rows of a matrix: the largest entry, sum of magnitudes, of squares, and length."""

    entry: float
    total: float
    square: float
    longest: float


def row_sizes(indptr: np.ndarray, data: np.ndarray, team: WorkerTeam) -> RowSizes:
    """Measure the rows ``data[indptr[i] : indptr[i + 1]]``."""
    sizes = np.zeros((team.n_threads, 4))
    team.run(_row_sizes, unclaimed(), indptr, data, sizes)
    return RowSizes(*sizes.max(axis=0).tolist())


@jit
def _row_sizes(thread: int, parts: Any, indptr: Any, data: Any, sizes: Any) -> bool:
    n = indptr.size - 1
    mosts = splat(0.0)
    most = most_total = most_square = 0.0
    longest: Any = 0
    for part in range(PARTS):
        if not claim(parts, part):
            continue
        for i in range(n * part // PARTS, n * (part + 1) // PARTS):
            totals = squares = splat(0.0)
            lower, upper = indptr[i], indptr[i + 1]
            k = lower
            while k + 8 <= upper:
                x = load_wide(data, k)
                mosts = larger(mosts, magnitude(x))
                totals, squares = totals + magnitude(x), squares + x * x
                k += 8
            total_, square = total(totals), total(squares)
            for rest in range(np.uintp(k), np.uintp(upper)):
                size = abs(np.float64(data[rest]))
                most = max(most, size)
                total_ += size
                square += size * size
            most_total, most_square = max(most_total, total_), max(most_square, square)
            longest = max(longest, upper - lower)
    lanes = np.empty(8)
    store_wide(lanes, 0, mosts)
    sizes[thread, 0], sizes[thread, 1] = max(most, lanes.max()), most_total
    sizes[thread, 2], sizes[thread, 3] = most_square, longest
    return False


def choose_lattice(
    sizes: RowSizes,
    largest_step: float,
    bits: tuple[int, int] | None = None,
    like: Lattice | None = None,
) -> Lattice:
    """Share the bits out for data of these sizes, or as `bits` (of features and factors) asks.

    `largest_step` is the largest factor of a sample to be expected at first. Bits and scale of
    `like` are kept, as training goes on with its weights.

    Raises
    ------
    DataError
        If the data do not fit the lattice.
    SerialeqError
        If the bits asked for leave no room for weights.
    """
    if not (sizes.entry == 0 or _TINY <= sizes.entry <= 1 / _TINY):
        raise DataError(
            f"X: expected features between {_TINY:.2g} and {1 / _TINY:.2g}, got {sizes.entry:.4g}"
        )
    if like is not None and sizes.entry > like.scale:
        raise DataError(
            f"X: expected features up to {like.scale:.6g}, the range fixed by the first fit, "
            f"got {sizes.entry:.6g}; scale the features"
        )
    scale = like.scale if like else 2.0 ** _bits(sizes.entry)
    total, square = sizes.total / scale, sizes.square / scale**2
    total_bits, square_bits = max(0, _bits(total)), max(0, _bits(square))
    most_bits = min(_MOST_FEATURE_BITS, (30 - square_bits) // 2)
    step = largest_step * scale**2
    headroom = _HEADROOM + max(0, _bits(min(step, 1 / _TINY)) - _STEPS)
    if like is not None:
        a, b = like.feature_bits, like.factor_bits
        if a > most_bits:
            raise DataError(
                f"X: expected rows with squares up to {2.0 ** (30 - 2 * a) * scale**2:.4g} in "
                f"all, as the first fit fixed the lattice, got {sizes.square:.4g}"
            )
    elif bits is None:
        by_margin = (MANTISSA - _HEADROOM - _FACTOR_BITS - total_bits) // 2
        a = max(1, min(most_bits, by_margin))
        b = min(24, MANTISSA - headroom - total_bits - 2 * a)
    else:
        a, b = bits
        if not (1 <= a <= most_bits and -40 <= b <= 40):
            raise SerialeqError(
                f"lattice_bits: expected 1 to {most_bits} bits for features and -40 to 40 for "
                f"factors with these data, got {bits!r}"
            )
    most = float(np.rint(sizes.entry / scale * 2.0**a))
    largest_sum = total * 2.0**a + 0.5 * sizes.longest  # each entry is rounded
    largest_sum *= 1 + 2.0**-20  # and the total was
    limit = min(float(np.floor(2.0**MANTISSA / max(largest_sum, 1.0))), _LARGEST_ROUNDED)
    lattice = Lattice(a, b, scale, most, limit)
    if bits is not None and lattice.largest_weight < 1.0:
        raise SerialeqError(
            f"lattice: {a} bits for features and {b} for factors leave weights below "
            f"{lattice.largest_weight:.2g} for rows whose magnitudes add up to {total:.3g}; "
            "use fewer bits (lattice_bits), or normalise the rows"
        )
    return lattice


def _bits(x: float) -> int:
    """Return the smallest k with x <= 2^k; logarithms may round otherwise on another machine."""
    if x == 0:
        return 0
    mantissa, exponent = math.frexp(x)
    return exponent - 1 if mantissa == 0.5 else exponent


def expect_few_vanish(data: np.ndarray, largest: float, lattice: Lattice) -> None:
    """Raise DataError if many values, of zeros apart, are rounded to zero beside the largest one.

    Of more than 4096 values, so many are looked at, anywhere: at regular distances they could all
    be of the same column.
    """
    vanishing = _vanishing_share(data, 2.0**lattice.feature_bits / lattice.scale)
    if vanishing > _MOST_VANISHING:
        raise DataError(
            f"X: {100 * vanishing:.0f} % of the values vanish beside the largest one, "
            f"{largest:.4g}, on the lattice of {lattice.feature_bits} bits; scale the features "
            "(sklearn.preprocessing.StandardScaler, MaxAbsScaler), or use arithmetic='float64'"
        )


@jit
def _vanishing_share(data: Any, factor: float) -> float:
    n_seen = n_vanishing = 0
    for i in range(min(data.size, _LOOKED_AT)):
        at = np.uint64(i) if data.size <= _LOOKED_AT else mix(0, i) % np.uint64(data.size)
        size = abs(np.float64(data[at])) * factor
        n_seen += size > 0.0
        n_vanishing += 0.0 < size <= 0.5
    return n_vanishing / max(n_seen, 1)

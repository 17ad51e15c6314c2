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

from dataclasses import dataclass
from typing import Any

import numpy as np

from serialeq.errors import DataError, SerialeqError
from serialeq.kernels.jit import jit
from serialeq.team import WorkerTeam

MANTISSA = 53
_HEADROOM = 12  # weights up to 4096 in units where features are at most 1
_STEPS = 4  # first steps up to 16 fit that 256 times
_FACTOR_BITS = 16
_MOST_FEATURE_BITS = 14


@dataclass(frozen=True)
class Lattice:
    """Bits and limits.

    Attributes
    ----------
    feature_bits : int
        a: a feature is an integer times ``scale * 2**-a``.
    factor_bits : int
        b: the factor of a sample is an integer times ``2**-b``.
    scale : float
        Power of two that brings all features into [-1, 1].
    most : float
        Largest feature as an integer.
    limit : float
        Largest weight, in units of 2^-(a+b), for which every sum is exact.
    """

    feature_bits: int
    factor_bits: int
    scale: float
    most: float
    limit: float

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


@dataclass(frozen=True)
class RowSizes:
    """Magnitudes of the rows of a matrix: largest entry, sum of magnitudes, sum of squares."""

    entry: float
    total: float
    square: float
    longest: int


def row_sizes(indptr: np.ndarray, data: np.ndarray, team: WorkerTeam) -> RowSizes:
    """Measure the rows ``data[indptr[i] : indptr[i + 1]]``."""
    sizes = np.zeros((team.n_threads, 4))
    team.run(_row_sizes, team.n_threads, indptr, data, sizes)
    entry, total, square, longest = sizes.max(axis=0)
    return RowSizes(float(entry), float(total), float(square), int(longest))


@jit
def _row_sizes(thread: int, n_threads: int, indptr: Any, data: Any, sizes: Any) -> bool:
    n = indptr.size - 1
    most = most_total = most_square = 0.0
    longest: Any = 0
    total, square = np.zeros(4), np.zeros(4)
    for i in range(n * thread // n_threads, n * (thread + 1) // n_threads):
        total[:] = 0.0
        square[:] = 0.0
        lower, upper = np.uintp(indptr[i]), np.uintp(indptr[i + 1])
        for k in range(lower, upper):  # four sums, as each addition waits for the one before
            x = abs(np.float64(data[k]))
            most = max(most, x)
            lane = (k - lower) & np.uintp(3)
            total[lane] += x
            square[lane] += x * x
        most_total = max(most_total, (total[0] + total[1]) + (total[2] + total[3]))
        most_square = max(most_square, (square[0] + square[1]) + (square[2] + square[3]))
        longest = max(longest, indptr[i + 1] - indptr[i])
    sizes[thread, 0], sizes[thread, 1] = most, most_total
    sizes[thread, 2], sizes[thread, 3] = most_square, longest
    return False


def choose_lattice(
    sizes: RowSizes,
    largest_step: float,
    bits: tuple[int, int] | None = None,
    scale: float | None = None,
) -> Lattice:
    """Share the bits out for data of these sizes, or check the bits and the scale asked for.

    `largest_step` is the largest factor of a sample to be expected, for a slope of one.

    Raises
    ------
    SerialeqError
        If the bits asked for leave no room for weights.
    """
    if scale is None:
        scale = float(2.0 ** np.ceil(np.log2(sizes.entry))) if sizes.entry > 0 else 1.0
    elif sizes.entry > scale:
        raise DataError(
            f"X: expected features up to {scale:.6g}, the range that was fixed by the data of the "
            f"first fit, got {sizes.entry:.6g}; scale the features"
        )
    total, square = sizes.total / scale, sizes.square / scale**2
    total_bits = max(0, int(np.ceil(np.log2(max(total, 1.0)))))
    square_bits = max(0, int(np.ceil(np.log2(max(square, 1.0)))))
    headroom = _HEADROOM
    if largest_step * scale**2 > 2.0**_STEPS:
        headroom += int(np.ceil(np.log2(largest_step * scale**2))) - _STEPS
    if bits is None:
        by_margin = (MANTISSA - _HEADROOM - _FACTOR_BITS - total_bits) // 2
        a = max(1, min(_MOST_FEATURE_BITS, by_margin, (30 - square_bits) // 2))
        b = min(24, MANTISSA - headroom - total_bits - 2 * a)
    else:
        a, b = bits
        most_bits = min(_MOST_FEATURE_BITS, (30 - square_bits) // 2)
        if not (1 <= a <= most_bits and -40 <= b <= 40):
            raise SerialeqError(
                f"lattice_bits: expected 1 to {most_bits} bits for features and -40 to 40 for "
                f"factors with these data, got {bits!r}"
            )
    most = float(np.rint(sizes.entry / scale * 2.0**a))
    largest_sum = total * 2.0**a + 0.5 * sizes.longest  # each entry is rounded
    limit = float(np.floor(2.0**MANTISSA / max(largest_sum, 1.0)))
    lattice = Lattice(a, b, scale, most, limit)
    if bits is not None and lattice.largest_weight < 1.0:
        raise SerialeqError(
            f"lattice: {a} bits for features and {b} for factors leave weights below "
            f"{lattice.largest_weight:.2g} for rows whose magnitudes add up to {total:.3g}; "
            "use fewer bits (lattice_bits), or normalise the rows"
        )
    return lattice

"""Blocks of dense rows on the lattice, as sums of products of 16-bit integers.

Entries are such integers. Weights and factors are larger, and are cut into digits in base 2^16:

    x.v = sum_d 2^(16 d) x.v_d          v += sum_k (beta_k0 + 2^16 beta_k1) x_k

Everything is exact, so the bits are those of `serialeq.problems.linear.rows`. It pays for a block,
all of whose rows use the same digits of the weights, and change each weight once.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from serialeq.native.jit import inline
from serialeq.native.simd import add_wide, larger, load_wide, magnitude, splat, store_wide, total

from .shorts import (
    LANES,
    as_shorts,
    even_pairs,
    high_half,
    high_pairs,
    load_shorts,
    low_half,
    low_pairs,
    multiply_pairs,
    odd_pairs,
    store_digit,
)

LEAST_LIMIT, MOST_LIMIT = 2.0**32, 2.0**46
"""Between these has to be the largest weight for which sums are exact.

Then three digits are enough, and every sum in `dot_packed` is exact: with ``|x|_1`` times the limit
at most 2^53, what the first two digits add up to is at most ``|x|_1 (2^31 + 2^15)``, less than
that; the third digit's sum is a multiple of 2^32; and with it the whole is a sum of products
of entries and weights. The third digit has to come last.
"""

LEAST_ROWS = 4
"""Rows of a block that are worth cutting the weights into digits."""

_BASE = 65536.0
_TWO_DIGITS = 2.0**31 - 2.0**16  # largest integer, at least


@inline
def _together(c: Any) -> Any:
    """Return how many sums of two products of an entry and a digit fit 31 bits."""
    return np.intp(16384.0 / c.most) if c.most > 1.0 else np.intp(16384)


@inline
def split_weights(c: Any, p: int) -> bool:
    """Cut the weights of a slice into digits; True if two digits are not enough."""
    first, width, at = c.first_column[p], c.row_width, 4 * c.first_column[p]
    largest = splat(0.0)
    for j in range(0, width, 8):
        w = load_wide(c.weights, first + j)
        largest = larger(largest, magnitude(w))
        store_digit(c.digits, at + j, w, 0)
        store_digit(c.digits, at + width + j, w, 1)
    store_wide(c.scratch[3 * p + 2], 0, largest)
    three = False
    for lane in range(8):
        three = three or not c.scratch[3 * p + 2, lane] <= _TWO_DIGITS
    if three:
        for j in range(0, width, 8):
            store_digit(c.digits, at + 2 * width + j, load_wide(c.weights, first + j), 2)
    return three


@inline
def dot_packed(c: Any, p: int, row: int, three: bool) -> float:
    """Return the inner product of a row's slice with the weights that were split."""
    width, at = c.row_width, 4 * c.first_column[p]
    base = (p * c.targets.shape[0] + row) * width
    step = LANES * _together(c)
    sum_ = splat(0.0)
    for start in range(0, width, step):
        stop = min(start + step, width)
        s0 = s1 = s2 = splat(np.int32(0))
        for j in range(start, stop, LANES):
            x = load_shorts(c.values, base + j)
            s0 = s0 + multiply_pairs(x, load_shorts(c.digits, at + j))
            s1 = s1 + multiply_pairs(x, load_shorts(c.digits, at + width + j))
        sum_ = sum_ + (low_half(s0) + splat(_BASE) * low_half(s1))
        sum_ = sum_ + (high_half(s0) + splat(_BASE) * high_half(s1))
        if three:
            for j in range(start, stop, LANES):
                digits = load_shorts(c.digits, at + 2 * width + j)
                s2 = s2 + multiply_pairs(load_shorts(c.values, base + j), digits)
            sum_ = sum_ + splat(_BASE * _BASE) * (low_half(s2) + high_half(s2))
    return total(sum_)


@inline
def add_rows_packed(c: Any, p: int, rows: Any, factors: Any, n_rows: int) -> bool:
    """Add the rows' slices times their factors to the weights; False if a factor is too large.

    `rows` (int64) and `factors` have room for one more row, and are not kept.
    """
    largest = 0.0
    for k in range(n_rows):
        if not abs(factors[k]) <= _TWO_DIGITS:  # nor if it is a NaN
            return False
        largest = max(largest, abs(factors[k]))
    first, width = c.first_column[p], c.row_width
    rows[n_rows], factors[n_rows] = 0, 0.0  # the last pair may need it
    n_pairs = (n_rows + 1) // 2
    for k in range(2 * n_pairs):
        rows[k] = (p * c.targets.shape[0] + rows[k]) * width  # where it starts
    step = _together(c)
    for digit in range(2 if largest >= _BASE / 2 else 1):
        _digits_of_pairs(factors, n_pairs, digit, c.pairs[p])
        unit = splat(_BASE if digit else 1.0)
        for j in range(0, width, LANES):
            for begin in range(0, n_pairs, step):
                even = odd = splat(np.int32(0))
                for k in range(np.uintp(begin), np.uintp(min(begin + step, n_pairs))):
                    x = load_shorts(c.values, rows[np.uintp(2) * k] + j)
                    y = load_shorts(c.values, rows[np.uintp(2) * k + np.uintp(1)] + j)
                    both = as_shorts(splat(c.pairs[p, k]))
                    even = even + multiply_pairs(even_pairs(x, y), both)
                    odd = odd + multiply_pairs(odd_pairs(x, y), both)
                low, high = low_pairs(even, odd), high_pairs(even, odd)
                at = first + j
                add_wide(c.weights, at, unit * low_half(low))
                add_wide(c.weights, at + 8, unit * high_half(low))
                add_wide(c.weights, at + 16, unit * low_half(high))
                add_wide(c.weights, at + 24, unit * high_half(high))
    return True


@inline
def _digits_of_pairs(factors: Any, n_pairs: int, digit: int, pairs: Any) -> None:
    """Set ``pairs[k]`` to a digit of factor 2 k and, in its upper half, that of factor 2 k + 1."""
    for k in range(n_pairs):
        a, b = np.int64(factors[2 * k]), np.int64(factors[2 * k + 1])
        low_a, low_b = _low_digit(a), _low_digit(b)
        if digit:
            low_a, low_b = (a - low_a) >> 16, (b - low_b) >> 16
        pairs[k] = np.int32((low_b << 16) | (low_a & 0xFFFF))


@inline
def _low_digit(x: Any) -> Any:
    return ((x + 0x8000) & 0xFFFF) - 0x8000

"""Exponential and logarithm of float64 with the same bits on every machine.

The C library's functions, and LLVM's, differ in their last bits from version to version and from
CPU to CPU. These consist of IEEE additions, subtractions, multiplications, divisions and integer
operations in an order fixed in the program; a fused multiply-add is nowhere allowed. They are
compiled into their callers, and short chains of dependent operations matter more than few
operations: a recurrence of SGD waits for the result.

``exp`` is table-driven (P. T. P. Tang, *Table-driven implementation of the exponential function
in IEEE floating-point arithmetic*, ACM TOMS 15, 1989; the table holds 2^(i/128) as a double and
its relative remainder, as in Arm's Optimized Routines): x = k ln2/128 + r with ln2/128 in two
parts (W. J. Cody and W. Waite, *Software Manual for the Elementary Functions*, 1980), then
exp(x) = 2^(k/128) exp(r) with a minimax polynomial (J.-M. Muller, *Elementary Functions*, 2016).
``log1p`` is the method of Sun's fdlibm (K. C. Ng, 1993), whose polynomial it uses.
"""

from __future__ import annotations

from math import isqrt
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types

from .emit import emits
from .jit import inline, jit


@emits(lambda _: types.float64(types.int64))
def bits_to_float(context: Any, builder: Any, sig: Any, bits: Any) -> Any:
    """Return the float64 with the given bits (an int64)."""
    return builder.bitcast(bits, ir.DoubleType())


@emits(lambda _: types.int64(types.float64))
def float_to_bits(context: Any, builder: Any, sig: Any, value: Any) -> Any:
    """Return the bits of a float64 as an int64."""
    return builder.bitcast(value, ir.IntType(64))


_TABLE_BITS = 7
_TABLE_SIZE = 1 << _TABLE_BITS
_PRECISION = 256


def _powers_of_two() -> np.ndarray:
    """Return the bits of two float64 for each i: what 2^(i/128) lacks, and 2^(i/128).

    Python's integers, and its division of them, which rounds correctly, make the table exact. The
    remainder is relative. ``i / 128`` is taken out of the exponent bits of the power: added to
    ``k << 45`` they are the bits of 2^(k/128), where ``i = k % 128``.
    """
    one = 1 << _PRECISION
    root = 2 * one
    for _ in range(_TABLE_BITS):
        root = isqrt(root << _PRECISION)
    power, values, lacking = one, [], []
    for _ in range(_TABLE_SIZE):
        values.append(power / one)
        rounded = int(values[-1] * 2.0**52) << (_PRECISION - 52)
        lacking.append((power - rounded) / rounded)
        power = power * root >> _PRECISION
    table = np.array([lacking, values]).T.copy().view(np.int64)
    table[:, 1] -= np.arange(_TABLE_SIZE) << (52 - _TABLE_BITS)
    return table


_POWERS = _powers_of_two()
_PER_LN2 = float.fromhex("0x1.71547652b82fep+7")  # 128 / ln 2
_LN2_PART_HIGH = float.fromhex("0x1.62e42fef00000p-8")  # ln 2 / 128 to 33 bits: k times it is exact
_LN2_PART_LOW = float.fromhex("0x1.473de6af278edp-41")  # the rest
# (exp(r) - 1 - r) / r**2, the error of exp(r) being below 2**-65 for |r| <= ln 2 / 256
_EXP_2 = float.fromhex("0x1.ffffffffffdbcp-2")
_EXP_3 = float.fromhex("0x1.555555555543cp-3")
_EXP_4 = float.fromhex("0x1.55555cf39f124p-5")
_EXP_5 = float.fromhex("0x1.1111167b6216ap-7")
ROUND = 1.5 * 2.0**52
"""Added to a float64 of less than 2**51, it leaves an integer, in the low bits."""

_EXP_LARGEST = float.fromhex("0x1.62e42fefa39efp+9")
"""The largest float64 with a finite exponential (709.78…)."""


@inline
def round_small(x: Any) -> Any:
    """Round a float64 of less than 2^51 to the nearest integer, ties to even.

    The sum has no bits below one. Zeros become positive.
    """
    return (x + ROUND) - ROUND


@inline
def _exp_reduced(x: float) -> Any:
    """Return the bits of 2^(k/128), whose exponent may be out of range, what it lacks, and r."""
    shifted = x * _PER_LN2 + ROUND
    k = shifted - ROUND
    bits = float_to_bits(shifted)
    i = np.uintp(bits & (_TABLE_SIZE - 1))
    power = _POWERS[i, 1] + (bits << (52 - _TABLE_BITS))
    return power, bits_to_float(_POWERS[i, 0]), (x - k * _LN2_PART_HIGH) - k * _LN2_PART_LOW


@inline
def _exp_rest(power: float, lacking: float, r: float) -> Any:
    """Return ``power * ((1 + lacking) * exp(r) - 1)``."""
    square = r * r
    scaled = power * square  # early: the multiplication at the end would be waited for
    low = power * (r + lacking) + scaled * (_EXP_2 + r * _EXP_3)
    return low + (scaled * square) * (_EXP_4 + r * _EXP_5)


@jit
def _exp_extreme(x: float) -> float:
    """Return exp(x) where it is close to the ends of the float64 or not among them."""
    if np.isnan(x):
        return x
    if x > _EXP_LARGEST:
        return np.inf
    if x < -746.0:
        return 0.0
    bits, lacking, r = _exp_reduced(x)
    if x > 0.0:
        power = bits_to_float(bits - (1009 << 52))
        return (power + _exp_rest(power, lacking, r)) * 2.0**1009
    power = bits_to_float(bits + (1022 << 52))
    rest = _exp_rest(power, lacking, r)
    result = power + rest
    if result < 1.0:  # subnormal: rounded once, where its last bit will be
        lost = (power - result) + rest
        high = 1.0 + result
        result = (high + (((1.0 - high) + result) + lost)) - 1.0
    return result * 2.0**-1022


@inline
def exp(x: float) -> float:
    """Return e to the power of any float64, within 0.52 ulp.

    0 or infinity out of the range of float64, and NaN for NaN.
    """
    if abs(x) < 700.0:
        bits, lacking, r = _exp_reduced(x)
        power = bits_to_float(bits)
        return power + _exp_rest(power, lacking, r)
    return _exp_extreme(x)


_ONE_BITS = 0x3FF0000000000000
_SQRT_HALF_BITS = 0x3FE6A09E00000000
"""Bits of about sqrt(1/2), where the mantissas of the logarithm begin."""

_LN2_HIGH = float.fromhex("0x1.62e42fee00000p-1")
_LN2_LOW = float.fromhex("0x1.a39ef35793c76p-33")
# (log(1 + f) - log(1 - f)) / f - 2 as a polynomial in f**2
_LOG_1 = float.fromhex("0x1.5555555555593p-1")
_LOG_2 = float.fromhex("0x1.999999997fa04p-2")
_LOG_3 = float.fromhex("0x1.2492494229359p-2")
_LOG_4 = float.fromhex("0x1.c71c51d8e78afp-3")
_LOG_5 = float.fromhex("0x1.7466496cb03dep-3")
_LOG_6 = float.fromhex("0x1.39a09d078c69fp-3")
_LOG_7 = float.fromhex("0x1.2f112df3e5244p-3")


@inline
def log1p(x: float) -> float:
    """Return the logarithm of 1 + x of any float64, within 1 ulp, also where x is tiny.

    Minus infinity for -1, NaN below and for NaN, and x itself for zeros of either sign.
    """
    if abs(x) < 2.0**-54:
        return x
    if not -1.0 < x < np.inf:
        if x == -1.0:
            return -np.inf
        return x if x > 0.0 else np.nan
    # 1 + x = 2^exponent (1 + f) (1 + rounding) with 1 + f in [sqrt(1/2), sqrt(2))
    whole = 1.0 + x
    bits = float_to_bits(whole) + (_ONE_BITS - _SQRT_HALF_BITS)
    exponent = np.float64((bits >> 52) - 1023)
    if exponent == 0.0:
        f = x
        rounding = 0.0
    else:
        f = bits_to_float((bits & 0x000FFFFFFFFFFFFF) + _SQRT_HALF_BITS) - 1.0
        lost = x - (whole - 1.0) if exponent < 2.0 else 1.0 - (whole - x)
        rounding = lost / whole
    half = 0.5 * f * f
    s = f / (2.0 + f)
    z = s * s
    w = z * z
    odd = z * ((_LOG_1 + w * _LOG_3) + (w * w) * (_LOG_5 + w * _LOG_7))
    even = w * (_LOG_2 + w * (_LOG_4 + w * _LOG_6))
    correction = s * (half + (odd + even)) + (exponent * _LN2_LOW + rounding)
    return ((correction - half) + f) + exponent * _LN2_HIGH


@inline
def log(x: float) -> float:
    """Return the logarithm of a finite float64 of 2**-1022 or more, within 1.5 ulp."""
    # x = 2^exponent m with m in [sqrt(1/2), sqrt(2)), from which 1 is subtracted exactly
    bits = float_to_bits(x) + (_ONE_BITS - _SQRT_HALF_BITS)
    exponent = np.float64((bits >> 52) - 1023)
    m = bits_to_float((bits & 0x000FFFFFFFFFFFFF) + _SQRT_HALF_BITS)
    return exponent * _LN2_HIGH + (exponent * _LN2_LOW + log1p(m - 1.0))


@inline
def softplus(x: float) -> float:
    """Return log(1 + exp(x)) of any float64, within 2 ulp; it never overflows."""
    positive = x if x > 0.0 else 0.0
    return positive + log1p(exp(-abs(x)))


@inline
def sigmoid_of_minus(x: float) -> float:
    """Return 1 / (1 + exp(x)) of any float64, within 2.1 ulp.

    0 where exp(x) overflows (from 709.79 on).
    """
    return 1.0 / (1.0 + exp(x))

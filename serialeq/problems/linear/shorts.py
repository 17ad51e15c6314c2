"""Vectors of 32 int16, for sums of products of small integers.

A CPU multiplies 16-bit integers and adds the products in pairs several times as fast as it
converts them to float64 and multiplies those. On x86-64 `multiply_pairs` is one instruction
(``pmaddwd``) for each register; LLVM finds what other machines have. All of it is exact.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types

from serialeq.native.elementary import ROUND
from serialeq.native.emit import emits
from serialeq.native.simd import DOUBLES, VectorType, lane_numbers, load_lanes, store_lanes

LANES = 32

_SHORTS = VectorType(types.int16)
_INTS = VectorType(types.int32)
_HALVES = ir.VectorType(ir.IntType(16), LANES)
_WORDS = ir.VectorType(ir.IntType(32), LANES // 2)
_LONGS = ir.VectorType(ir.IntType(64), 8)


def _all(lanes: Any, value: Any) -> Any:
    """Return a constant vector of one value."""
    return lanes([value] * lanes.count)


@emits(lambda values, offset: _SHORTS(values, types.intp))
def load_shorts(context: Any, builder: Any, sig: Any, values: Any, offset: Any) -> Any:
    """Return ``values[offset : offset + 32]`` (1-d int16)."""
    return load_lanes(context, builder, sig.args[0], values, offset, _HALVES)


@emits(lambda values, i, j: _SHORTS(values, types.intp, types.intp))
def load_pairs(context: Any, builder: Any, sig: Any, values: Any, i: Any, j: Any) -> Any:
    """Return values[i], values[j], values[i + 1], values[j + 1], …, 16 of each (1-d int16)."""
    narrow = ir.VectorType(ir.IntType(16), LANES // 2)
    low, high = (
        builder.zext(load_lanes(context, builder, sig.args[0], values, k, narrow), _WORDS)
        for k in (i, j)
    )
    return builder.bitcast(builder.or_(low, builder.shl(high, _all(_WORDS, 16))), _HALVES)


@emits(_SHORTS)
def as_shorts(context: Any, builder: Any, sig: Any, words: Any) -> Any:
    """Return the halves of 16 int32 lanes as 32 int16 lanes."""
    return builder.bitcast(words, _HALVES)


@emits(_INTS)
def multiply_pairs(context: Any, builder: Any, sig: Any, a: Any, b: Any) -> Any:
    """Return ``a[2 i] * b[2 i] + a[2 i + 1] * b[2 i + 1]`` as 16 int32 lanes."""
    wide = ir.VectorType(ir.IntType(32), LANES)
    products = builder.mul(builder.sext(a, wide), builder.sext(b, wide))
    even, odd = (lane_numbers(range(first, LANES, 2)) for first in (0, 1))
    return builder.add(
        builder.shuffle_vector(products, products, even),
        builder.shuffle_vector(products, products, odd),
    )


@emits(_SHORTS)
def even_pairs(context: Any, builder: Any, sig: Any, a: Any, b: Any) -> Any:
    """Return a[0], b[0], a[2], b[2], … of two vectors of int16.

    As words: a compiler makes more of shifts and masks than of this shuffle.
    """
    a, b = builder.bitcast(a, _WORDS), builder.bitcast(b, _WORDS)
    low = builder.and_(a, _all(_WORDS, 0xFFFF))
    return builder.bitcast(builder.or_(low, builder.shl(b, _all(_WORDS, 16))), _HALVES)


@emits(_SHORTS)
def odd_pairs(context: Any, builder: Any, sig: Any, a: Any, b: Any) -> Any:
    """Return a[1], b[1], a[3], b[3], …"""
    a, b = builder.bitcast(a, _WORDS), builder.bitcast(b, _WORDS)
    high = builder.and_(b, _all(_WORDS, 0xFFFF0000))
    return builder.bitcast(builder.or_(builder.lshr(a, _all(_WORDS, 16)), high), _HALVES)


def _alternating(first: int) -> Any:
    def pairs(context: Any, builder: Any, sig: Any, a: Any, b: Any) -> Any:
        lanes = (lane for i in range(first, first + 8) for lane in (i, i + 16))
        return builder.shuffle_vector(a, b, lane_numbers(lanes))

    return emits(_INTS)(pairs)


low_pairs = _alternating(0)
"""``low_pairs(a, b)``: a[0], b[0], …, a[7], b[7] of two vectors of int32."""
high_pairs = _alternating(8)
"""``high_pairs(a, b)``: a[8], b[8], …, a[15], b[15]."""


def _half(first: int) -> Any:
    def half(context: Any, builder: Any, sig: Any, words: Any) -> Any:
        lanes = builder.shuffle_vector(words, words, lane_numbers(range(first, first + 8)))
        return builder.sitofp(lanes, context.get_value_type(DOUBLES))

    return emits(DOUBLES)(half)


low_half = _half(0)
"""``low_half(words)``: the first 8 of 16 int32 lanes as float64."""
high_half = _half(8)
"""``high_half(words)``: the last 8 of 16 int32 lanes as float64."""


@emits(
    lambda digits, offset, numbers, place: types.void(digits, types.intp, numbers, place),
    prefer_literal=True,
)
def store_digit(
    context: Any, builder: Any, sig: Any, digits: Any, offset: Any, numbers: Any, place: Any
) -> None:
    """Set ``digits[offset : offset + 8]`` (1-d int16) to a digit, in base 2^16, of 8 float64 lanes.

    These are up to 2^46 and rounded to integers, ties to even. Digits go from -2^15 to 2^15 - 1;
    `place` is 0, 1 or 2. Adding 1.5 * 2^52 leaves the integer in the low bits.
    """
    shift = 16 * sig.args[3].literal_value
    bits = builder.bitcast(builder.fadd(numbers, _all(numbers.type, ROUND)), _LONGS)
    shifted = builder.add(bits, _all(_LONGS, 0x8000_8000_8000))  # digits from 0 on
    shifted = builder.lshr(shifted, _all(_LONGS, shift))
    digit = builder.trunc(shifted, ir.VectorType(ir.IntType(16), 8))
    digit = builder.xor(digit, _all(digit.type, -0x8000))
    store_lanes(context, builder, sig.args[0], digits, offset, digit)

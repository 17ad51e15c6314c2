"""Vectors of 32 int16, for sums of products of small integers.

A CPU multiplies 16-bit integers and adds the products in pairs several times as fast as it
converts them to float64 and multiplies those. On x86-64 `multiply_pairs` is one instruction
(``pmaddwd``) for each register; LLVM finds what other machines have. All of it is exact.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from serialeq.native.elementary import ROUND
from serialeq.native.simd import VectorType

LANES = 32

_WORD = ir.IntType(32)
_SHORTS = VectorType(types.int16)
_INTS = VectorType(types.int32)
_DOUBLES = VectorType(types.float64)


def _mask(lanes: Any) -> Any:
    lanes = list(lanes)
    return ir.Constant(ir.VectorType(_WORD, len(lanes)), lanes)


@intrinsic
def load_shorts(typingctx: Any, values: Any, offset: Any) -> Any:
    """Return ``values[offset : offset + 32]`` (1-d int16)."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        array = context.make_array(sig.args[0])(context, builder, args[0])
        place = builder.gep(array.data, [args[1]])
        lanes = builder.load(builder.bitcast(place, context.get_value_type(_SHORTS).as_pointer()))
        lanes.align = 2
        return lanes

    return _SHORTS(values, types.intp), generate


@intrinsic
def load_pairs(typingctx: Any, values: Any, i: Any, j: Any) -> Any:
    """Return values[i], values[j], values[i + 1], values[j + 1], …, 16 of each (1-d int16)."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        array = context.make_array(sig.args[0])(context, builder, args[0])
        narrow = ir.VectorType(ir.IntType(16), LANES // 2)

        def words(offset: Any) -> Any:
            place = builder.gep(array.data, [offset])
            lanes = builder.load(builder.bitcast(place, narrow.as_pointer()))
            lanes.align = 2
            return builder.zext(lanes, ir.VectorType(_WORD, LANES // 2))

        both = builder.or_(words(args[1]), builder.shl(words(args[2]), _all_words(16)))
        return builder.bitcast(both, context.get_value_type(_SHORTS))

    return _SHORTS(values, types.intp, types.intp), generate


@intrinsic
def as_shorts(typingctx: Any, words: Any) -> Any:
    """Return the halves of 16 int32 lanes as 32 int16 lanes."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        halves = ir.VectorType(ir.IntType(16), LANES)
        return builder.bitcast(args[0], halves)

    return _SHORTS(words), generate


@intrinsic
def multiply_pairs(typingctx: Any, a: Any, b: Any) -> Any:
    """Return ``a[2 i] * b[2 i] + a[2 i + 1] * b[2 i + 1]`` as 16 int32 lanes."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        wide = ir.VectorType(_WORD, LANES)
        products = builder.mul(*(builder.sext(arg, wide) for arg in args))
        even, odd = _mask(range(0, LANES, 2)), _mask(range(1, LANES, 2))
        return builder.add(
            builder.shuffle_vector(products, products, even),
            builder.shuffle_vector(products, products, odd),
        )

    return _INTS(a, b), generate


def _pairs(first: int) -> Any:
    # as words: a compiler makes more of shifts and masks than of this shuffle
    def typed(typingctx: Any, a: Any, b: Any) -> Any:
        def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            words = ir.VectorType(_WORD, LANES // 2)
            x, y = (builder.bitcast(arg, words) for arg in args)
            if first:
                x, y = builder.lshr(x, _all_words(16)), builder.and_(y, _all_words(0xFFFF0000))
            else:
                x, y = builder.and_(x, _all_words(0xFFFF)), builder.shl(y, _all_words(16))
            return builder.bitcast(builder.or_(x, y), args[0].type)

        return _SHORTS(a, b), generate

    return typed


even_pairs = intrinsic(_pairs(0))
"""``even_pairs(a, b)``: a[0], b[0], a[2], b[2], … of two vectors of int16."""
odd_pairs = intrinsic(_pairs(1))
"""``odd_pairs(a, b)``: a[1], b[1], a[3], b[3], …"""


def _all_words(value: int) -> Any:
    return ir.Constant(ir.VectorType(_WORD, LANES // 2), [value] * (LANES // 2))


def _alternating(first: int) -> Any:
    def typed(typingctx: Any, a: Any, b: Any) -> Any:
        def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            lanes = [lane for i in range(first, first + 8) for lane in (i, i + 16)]
            return builder.shuffle_vector(*args, _mask(lanes))

        return _INTS(a, b), generate

    return typed


low_pairs = intrinsic(_alternating(0))
"""``low_pairs(a, b)``: a[0], b[0], …, a[7], b[7] of two vectors of int32."""
high_pairs = intrinsic(_alternating(8))
"""``high_pairs(a, b)``: a[8], b[8], …, a[15], b[15]."""


def _half(first: int) -> Any:
    def typed(typingctx: Any, words: Any) -> Any:
        def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            lanes = builder.shuffle_vector(args[0], args[0], _mask(range(first, first + 8)))
            return builder.sitofp(lanes, context.get_value_type(_DOUBLES))

        return _DOUBLES(words), generate

    return typed


low_half = intrinsic(_half(0))
"""``low_half(words)``: the first 8 of 16 int32 lanes as float64."""
high_half = intrinsic(_half(8))
"""``high_half(words)``: the last 8 of 16 int32 lanes as float64."""


@intrinsic(prefer_literal=True)
def store_digit(typingctx: Any, digits: Any, offset: Any, numbers: Any, place: Any) -> Any:
    """Set ``digits[offset : offset + 8]`` (1-d int16) to a digit, in base 2^16, of 8 float64 lanes.

    These are up to 2^46 and rounded to integers, ties to even. Digits go from -2^15 to 2^15 - 1;
    `place` is 0, 1 or 2. Adding 1.5 * 2^52 leaves the integer in the low bits.
    """
    place_value = place.literal_value

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        double, long, short = ir.DoubleType(), ir.IntType(64), ir.IntType(16)

        def all_lanes(kind: Any, value: Any) -> Any:
            return ir.Constant(ir.VectorType(kind, 8), [value] * 8)

        bits = builder.bitcast(
            builder.fadd(args[2], all_lanes(double, ROUND)), ir.VectorType(long, 8)
        )
        shifted = builder.add(bits, all_lanes(long, 0x8000_8000_8000))  # digits from 0 on
        shifted = builder.lshr(shifted, all_lanes(long, 16 * place_value))
        digit = builder.trunc(shifted, ir.VectorType(short, 8))
        digit = builder.xor(digit, all_lanes(short, -0x8000))
        array = context.make_array(sig.args[0])(context, builder, args[0])
        there = builder.gep(array.data, [args[1]])
        store = builder.store(digit, builder.bitcast(there, digit.type.as_pointer()))
        store.align = 2
        return context.get_dummy_value()

    return types.void(digits, types.intp, numbers, place), generate

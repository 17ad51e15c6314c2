"""Vectors of one cache line with a lane order fixed in the program.

A strict dot product cannot be vectorised by a compiler, which may not reorder sums. Here the
order is part of the program: 16 float32 or 8 float64 lanes, elementwise operations, and one
fixed tree for the total. LLVM splits a vector into whatever registers the CPU has, so the bits
are the same on every CPU.

Inside compiled code::

    x = load(rows, i, j)          # lanes j*LANES ... of row i
    store(rows, i, j, x + y * splat(rows, a))
    total(x)
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import lower_builtin, models, register_model

from .emit import element, emits
from .jit import inline

VECTOR_BITS = 512
"""Bits of a vector: one cache line."""

_INT = ir.IntType(32)


def lanes(dtype: Any) -> int:
    """Return how many values of a float dtype fill one vector."""
    return VECTOR_BITS // (8 * np.dtype(dtype).itemsize)


class VectorType(types.Type):
    """Numba type of a vector of ``float32``, ``float64``, ``int32`` or ``int16`` lanes."""

    def __init__(self, scalar: Any) -> None:
        self.scalar = scalar
        self.lanes = VECTOR_BITS // scalar.bitwidth
        super().__init__(name=f"Vector({scalar}, {self.lanes})")


DOUBLES = VectorType(types.float64)


def lane_numbers(numbers: Iterable[int]) -> Any:
    """Return the lanes to take as a constant, for LLVM's shuffles."""
    chosen = list(numbers)
    return ir.VectorType(_INT, len(chosen))(chosen)


@register_model(VectorType)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager: Any, fe_type: VectorType) -> None:
        scalar = manager[fe_type.scalar].get_value_type()
        super().__init__(manager, fe_type, ir.VectorType(scalar, fe_type.lanes))


def _define_operator(function: Any, for_floats: str, for_integers: str) -> None:
    @infer_global(function)
    class _Typing(AbstractTemplate):
        def generic(self, args: Any, kws: Any) -> Any:
            if len(args) == 2 and isinstance(args[0], VectorType) and args[0] == args[1]:
                return signature(args[0], *args)
            return None

    @lower_builtin(function, VectorType, VectorType)
    def _lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        integers = isinstance(sig.return_type.scalar, types.Integer)
        return getattr(builder, for_integers if integers else for_floats)(*args)


_define_operator(operator.add, "fadd", "add")
_define_operator(operator.sub, "fsub", "sub")
_define_operator(operator.mul, "fmul", "mul")


def load_lanes(context: Any, builder: Any, typ: Any, values: Any, offset: Any, kind: Any) -> Any:
    """Emit the load of a vector, of an LLVM type, from ``values.flat[offset]`` on."""
    place = element(context, builder, typ, values, offset)
    lanes = builder.load(builder.bitcast(place, kind.as_pointer()))
    lanes.align = typ.dtype.bitwidth // 8
    return lanes


def store_lanes(context: Any, builder: Any, typ: Any, values: Any, offset: Any, lanes: Any) -> None:
    """Emit the store of a vector from ``values.flat[offset]`` on."""
    place = element(context, builder, typ, values, offset)
    store = builder.store(lanes, builder.bitcast(place, lanes.type.as_pointer()))
    store.align = typ.dtype.bitwidth // 8


def _offset(context: Any, builder: Any, typ: Any, rows: Any, i: Any, j: Any) -> Any:
    """Return where vector `j` of row `i` starts."""
    offset = builder.mul(j, ir.Constant(j.type, VectorType(typ.dtype).lanes))
    if typ.ndim == 1:
        return offset
    array = context.make_array(typ)(context, builder, rows)
    width = cgutils.unpack_tuple(builder, array.shape)[-1]
    return builder.add(builder.mul(i, width), offset)


@emits(lambda rows, i, j: VectorType(rows.dtype)(rows, types.intp, types.intp))
def load(context: Any, builder: Any, sig: Any, rows: Any, i: Any, j: Any) -> Any:
    """Return vector `j` of row `i` of a 2-d C-contiguous array; of a 1-d one `i` does not count."""
    offset = _offset(context, builder, sig.args[0], rows, i, j)
    kind = context.get_value_type(sig.return_type)
    return load_lanes(context, builder, sig.args[0], rows, offset, kind)


@emits(lambda rows, i, j, value: types.void(rows, types.intp, types.intp, value))
def store(context: Any, builder: Any, sig: Any, rows: Any, i: Any, j: Any, value: Any) -> None:
    """Write vector `j` of row `i` of a 2-d C-contiguous array; of a 1-d one `i` does not count."""
    offset = _offset(context, builder, sig.args[0], rows, i, j)
    store_lanes(context, builder, sig.args[0], rows, offset, value)


@emits(lambda scalar: VectorType(scalar)(scalar))
def splat(context: Any, builder: Any, sig: Any, scalar: Any) -> Any:
    """Return the vector whose lanes all equal a scalar."""
    undefined = ir.Constant(context.get_value_type(sig.return_type), ir.Undefined)
    first = builder.insert_element(undefined, scalar, _INT(0))
    return builder.shuffle_vector(first, undefined, lane_numbers([0] * sig.return_type.lanes))


@emits(lambda value: value(value))
def positive_part(context: Any, builder: Any, sig: Any, value: Any) -> Any:
    """Return ``max(x, 0)`` lane by lane; a NaN stays a NaN, so that divergence is seen."""
    zero = value.type([0.0] * value.type.count)
    return builder.select(builder.fcmp_ordered("<", value, zero), zero, value)


@emits(lambda a, b: a(a, b))
def larger(context: Any, builder: Any, sig: Any, a: Any, b: Any) -> Any:
    """Return the larger of two vectors lane by lane; `a` where one of them is a NaN."""
    return builder.select(builder.fcmp_ordered("<", a, b), b, a)


@emits(lambda value: value.scalar(value))
def total(context: Any, builder: Any, sig: Any, value: Any) -> Any:
    """Return the sum of the lanes: halves are added until one lane is left."""
    add = builder.add if isinstance(sig.return_type, types.Integer) else builder.fadd
    count = value.type.count
    while count > 1:
        count //= 2
        halves = (lane_numbers(range(first, first + count)) for first in (0, count))
        value = add(*(builder.shuffle_vector(value, value, half) for half in halves))
    return builder.extract_element(value, _INT(0))


@emits(lambda values, offset: types.void(values, types.intp))
def prefetch(context: Any, builder: Any, sig: Any, values: Any, offset: Any) -> None:
    """Ask for the cache line of ``values.flat[offset]``, which may be out of bounds."""
    pointer = ir.IntType(8).as_pointer()
    place = builder.bitcast(element(context, builder, sig.args[0], values, offset), pointer)
    kind = ir.FunctionType(ir.VoidType(), [pointer, _INT, _INT, _INT])
    function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
    read, keep, data = 0, 3, 1
    builder.call(function, [place, _INT(read), _INT(keep), _INT(data)])


PAGE = 4096
"""Bytes within which processors read ahead, and no further."""


def aligned_zeros(
    shape: tuple[int, ...], dtype: Any = np.float64, alignment: int = 128
) -> np.ndarray:
    """Return zeros that start at a multiple of `alignment` bytes: a pair of cache lines."""
    zeros = aligned(shape, dtype, alignment)
    zeros.fill(0)
    return zeros


def aligned(shape: tuple[int, ...], dtype: Any = np.float64, alignment: int = 128) -> np.ndarray:
    """Return an array that starts at a multiple of `alignment` bytes, and has to be filled."""
    n_bytes = int(np.prod(shape)) * np.dtype(dtype).itemsize
    raw = np.empty(n_bytes + alignment, dtype=np.uint8)
    offset = -raw.ctypes.data % alignment
    return raw[offset : offset + n_bytes].view(dtype).reshape(shape)


def whole_pages(n_weights: Any) -> Any:
    """Round numbers of float64 up to whole pages.

    What one worker writes lies on other pages than what another one does: its core reads ahead,
    and would take the other's cache lines away.
    """
    return -(-n_weights // (PAGE // 8)) * (PAGE // 8)


@emits(lambda values, offset: DOUBLES(values, types.intp))
def load_wide(context: Any, builder: Any, sig: Any, values: Any, offset: Any) -> Any:
    """Return ``values[offset : offset + 8]`` (1-d int16, int32 or floats) as 8 float64 lanes."""
    scalar, wide = sig.args[0].dtype, context.get_value_type(DOUBLES)
    narrow = ir.VectorType(context.get_value_type(scalar), DOUBLES.lanes)
    lanes8 = load_lanes(context, builder, sig.args[0], values, offset, narrow)
    if isinstance(scalar, types.Integer):
        return builder.sitofp(lanes8, wide)
    return builder.fpext(lanes8, wide) if narrow != wide else lanes8


@emits(lambda values, offset, lanes8: types.void(values, types.intp, lanes8))
def store_wide(context: Any, builder: Any, sig: Any, values: Any, offset: Any, lanes8: Any) -> None:
    """Set ``values[offset : offset + 8]`` (1-d float64)."""
    store_lanes(context, builder, sig.args[0], values, offset, lanes8)


@emits(lambda values, places, offset: DOUBLES(values, places, types.intp))
def gather(context: Any, builder: Any, sig: Any, values: Any, places: Any, offset: Any) -> Any:
    """Return ``values[places[offset : offset + 8]]`` (1-d float64; 1-d uint32) as 8 lanes."""
    lanes8 = ir.Constant(context.get_value_type(DOUBLES), ir.Undefined)
    for lane, place in _scattered(context, builder, sig, values, places, offset):
        lanes8 = builder.insert_element(lanes8, builder.load(place), lane)
    return lanes8


@emits(lambda values, places, offset, change: types.void(values, places, types.intp, change))
def add_at(
    context: Any, builder: Any, sig: Any, values: Any, places: Any, offset: Any, change: Any
) -> None:
    """Add 8 lanes to ``values[places[offset : offset + 8]]``, one after the other."""
    for lane, place in _scattered(context, builder, sig, values, places, offset):
        moved = builder.fadd(builder.load(place), builder.extract_element(change, lane))
        builder.store(moved, place)


def _scattered(
    context: Any, builder: Any, sig: Any, values: Any, places: Any, offset: Any
) -> Iterator[tuple[Any, Any]]:
    first = element(context, builder, sig.args[1], places, offset)
    for lane in map(_INT, range(8)):
        index = builder.zext(builder.load(builder.gep(first, [lane])), ir.IntType(64))
        yield lane, element(context, builder, sig.args[0], values, index)


@inline
def magnitude(x: Any) -> Any:
    """Return the absolute values of 8 float64 lanes; of zeros some zero."""
    return larger(x, splat(0.0) - x)


@inline
def add_wide(values: Any, offset: int, change: Any) -> None:
    """Add 8 lanes to ``values[offset : offset + 8]`` (1-d float64)."""
    store_wide(values, offset, load_wide(values, offset) + change)

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
from collections.abc import Iterator
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, models, register_model

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


@register_model(VectorType)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager: Any, fe_type: VectorType) -> None:
        scalar = {
            types.float32: ir.FloatType(),
            types.float64: ir.DoubleType(),
            types.int16: ir.IntType(16),
            types.int32: _INT,
        }[fe_type.scalar]
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


def _pointer(context: Any, builder: Any, typ: Any, rows: Any, i: Any, j: Any) -> Any:
    array = context.make_array(typ)(context, builder, rows)
    vector = VectorType(typ.dtype)
    width = cgutils.unpack_tuple(builder, array.shape)[-1]
    offset = builder.mul(j, ir.Constant(j.type, vector.lanes))
    if typ.ndim == 2:
        offset = builder.add(builder.mul(i, width), offset)
    place = builder.gep(array.data, [offset])
    return builder.bitcast(place, context.get_value_type(vector).as_pointer())


@intrinsic
def load(typingctx: Any, rows: Any, i: Any, j: Any) -> Any:
    """Return vector `j` of row `i` of a 2-d C-contiguous array; of a 1-d one `i` does not count."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        place = _pointer(context, builder, sig.args[0], *args)
        value = builder.load(place)
        value.align = rows.dtype.bitwidth // 8
        return value

    return VectorType(rows.dtype)(rows, types.intp, types.intp), generate


@intrinsic
def store(typingctx: Any, rows: Any, i: Any, j: Any, value: Any) -> Any:
    """Write vector `j` of row `i` of a 2-d C-contiguous array; of a 1-d one `i` does not count."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        place = _pointer(context, builder, sig.args[0], *args[:3])
        instruction = builder.store(args[3], place)
        instruction.align = rows.dtype.bitwidth // 8
        return context.get_dummy_value()

    return types.void(rows, types.intp, types.intp, value), generate


@intrinsic
def splat(typingctx: Any, scalar: Any) -> Any:
    """Return the vector whose lanes all equal a scalar."""
    vector = VectorType(scalar)

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        undefined = ir.Constant(context.get_value_type(vector), ir.Undefined)
        first = builder.insert_element(undefined, args[0], ir.Constant(_INT, 0))
        zeros = ir.Constant(ir.VectorType(_INT, vector.lanes), [0] * vector.lanes)
        return builder.shuffle_vector(first, undefined, zeros)

    return vector(scalar), generate


@intrinsic
def positive_part(typingctx: Any, value: Any) -> Any:
    """Return ``max(x, 0)`` lane by lane; a NaN stays a NaN, so that divergence is seen."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        zero = ir.Constant(args[0].type, [0.0] * value.lanes)
        negative = builder.fcmp_ordered("<", args[0], zero)
        return builder.select(negative, zero, args[0])

    return value(value), generate


@intrinsic
def larger(typingctx: Any, a: Any, b: Any) -> Any:
    """Return the larger of two vectors lane by lane; `a` where one of them is a NaN."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.select(builder.fcmp_ordered("<", *args), args[1], args[0])

    return a(a, b), generate


@intrinsic
def total(typingctx: Any, value: Any) -> Any:
    """Return the sum of the lanes: halves are added until one lane is left."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        vector, count = args[0], value.lanes
        add = builder.add if isinstance(value.scalar, types.Integer) else builder.fadd
        while count > 1:
            count //= 2
            low = ir.Constant(ir.VectorType(_INT, count), list(range(count)))
            high = ir.Constant(ir.VectorType(_INT, count), list(range(count, 2 * count)))
            vector = add(
                builder.shuffle_vector(vector, vector, low),
                builder.shuffle_vector(vector, vector, high),
            )
        return builder.extract_element(vector, ir.Constant(_INT, 0))

    return value.scalar(value), generate


@intrinsic
def prefetch(typingctx: Any, values: Any, offset: Any) -> Any:
    """Ask for the cache line of ``values.flat[offset]``, which may be out of bounds."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        array = context.make_array(sig.args[0])(context, builder, args[0])
        pointer = ir.IntType(8).as_pointer()
        place = builder.bitcast(builder.gep(array.data, [args[1]]), pointer)
        kind = ir.FunctionType(ir.VoidType(), [pointer, _INT, _INT, _INT])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
        read, keep, data = 0, 3, 1
        builder.call(function, [place, *(ir.Constant(_INT, k) for k in (read, keep, data))])
        return context.get_dummy_value()

    return types.void(values, types.intp), generate


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


@intrinsic
def load_wide(typingctx: Any, values: Any, offset: Any) -> Any:
    """Return ``values[offset : offset + 8]`` (1-d int16, int32 or floats) as 8 float64 lanes."""
    vector = VectorType(types.float64)

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        array = context.make_array(sig.args[0])(context, builder, args[0])
        scalar = context.get_value_type(values.dtype)
        place = builder.gep(array.data, [args[1]])
        narrow = ir.VectorType(scalar, vector.lanes)
        lanes8 = builder.load(builder.bitcast(place, narrow.as_pointer()))
        lanes8.align = values.dtype.bitwidth // 8
        if isinstance(values.dtype, types.Integer):
            return builder.sitofp(lanes8, context.get_value_type(vector))
        if values.dtype.bitwidth == 32:
            return builder.fpext(lanes8, context.get_value_type(vector))
        return lanes8

    return vector(values, types.intp), generate


@intrinsic
def store_wide(typingctx: Any, values: Any, offset: Any, lanes8: Any) -> Any:
    """Set ``values[offset : offset + 8]`` (1-d float64)."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        array = context.make_array(sig.args[0])(context, builder, args[0])
        place = builder.gep(array.data, [args[1]])
        place = builder.bitcast(place, context.get_value_type(lanes8).as_pointer())
        builder.store(args[2], place).align = 8
        return context.get_dummy_value()

    return types.void(values, types.intp, lanes8), generate


@intrinsic
def gather(typingctx: Any, values: Any, places: Any, offset: Any) -> Any:
    """Return ``values[places[offset : offset + 8]]`` (1-d float64; 1-d uint32) as 8 lanes."""
    vector = VectorType(types.float64)

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        lanes8 = ir.Constant(context.get_value_type(vector), ir.Undefined)
        for lane, place in _scattered(context, builder, sig, args):
            lanes8 = builder.insert_element(lanes8, builder.load(place), lane)
        return lanes8

    return vector(values, places, types.intp), generate


@intrinsic
def add_at(typingctx: Any, values: Any, places: Any, offset: Any, change: Any) -> Any:
    """Add 8 lanes to ``values[places[offset : offset + 8]]``, one after the other."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        for lane, place in _scattered(context, builder, sig, args):
            moved = builder.fadd(builder.load(place), builder.extract_element(args[3], lane))
            builder.store(moved, place)
        return context.get_dummy_value()

    return types.void(values, places, types.intp, change), generate


def _scattered(context: Any, builder: Any, sig: Any, args: Any) -> Iterator[tuple[Any, Any]]:
    values, places = (
        context.make_array(typ)(context, builder, array)
        for typ, array in zip(sig.args[:2], args[:2], strict=True)
    )
    first = builder.gep(places.data, [args[2]])
    for lane in range(8):
        number = ir.Constant(_INT, lane)
        index = builder.load(builder.gep(first, [number]))
        yield number, builder.gep(values.data, [builder.zext(index, ir.IntType(64))])


@inline
def magnitude(x: Any) -> Any:
    """Return the absolute values of 8 float64 lanes; of zeros some zero."""
    return larger(x, splat(0.0) - x)


@inline
def add_wide(values: Any, offset: int, change: Any) -> None:
    """Add 8 lanes to ``values[offset : offset + 8]`` (1-d float64)."""
    store_wide(values, offset, load_wide(values, offset) + change)

"""The kernel contract: one compiled ``run(context, start, stop)`` behind two plain integers.

A *context* is what a kernel works on: a named tuple of arrays and numbers. It is packed into a
block of 64-bit words, and the compiled kernel receives nothing but the block's address. So a
single engine loop, compiled once, runs the kernels of all problems, and a call costs a few
nanoseconds.

=====================  ==========================================================
field                  in the kernel
=====================  ==========================================================
NumPy array            the same array (C-contiguous, native byte order)
int, bool, str         a constant: part of the type, compiled in
float                  a ``float64`` read from the block
=====================  ==========================================================
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils
from numba.core.typing.templates import AttributeTemplate
from numba.extending import (
    infer_getattr,
    lower_getattr_generic,
    models,
    register_model,
    types,
)
from numba.np.arrayobj import populate_array
from numba.np.numpy_support import from_dtype

from serialeq.errors import SerialeqError

_NO_ARITHMETIC = (np.float16, np.longdouble, np.clongdouble)


class ContextType(types.Type):
    """Numba type of a context; ``fields`` maps a name to its Numba type or constant."""

    def __init__(self, fields: dict[str, Any]) -> None:
        self.fields = fields
        listing = ", ".join(f"{name}: {field!r}" for name, field in fields.items())
        super().__init__(name=f"Context({listing})")

    def word(self, name: str) -> int:
        """Return the index of the first word of a field in the block."""
        index = 0
        for other, field in self.fields.items():
            if other == name:
                return index
            index += _n_words(field)
        raise KeyError(name)


def _n_words(field: Any) -> int:
    if isinstance(field, types.Array):
        return 1 + field.ndim  # data pointer, shape
    return 1 if isinstance(field, types.Float) else 0


def _field_type(name: str, value: Any) -> Any:
    if isinstance(value, np.ndarray):
        if not value.flags.c_contiguous or not value.dtype.isnative:
            raise SerialeqError(
                f"context field {name!r}: expected a C-contiguous array in native byte order, "
                f"got strides {value.strides} and dtype {value.dtype.str}"
            )
        if value.dtype.kind not in "biufc" or value.dtype.type in _NO_ARITHMETIC:
            raise SerialeqError(
                f"context field {name!r}: expected an array of bool, integers, or float or "
                f"complex numbers of 32 or 64 bits each, got {value.dtype}"
            )
        return _array_type(value.dtype, value.ndim)
    if isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return types.float64
    raise SerialeqError(
        f"context field {name!r}: expected an array, int, bool, str or float, "
        f"got {type(value).__name__}"
    )


@cache
def _array_type(dtype: np.dtype, ndim: int) -> types.Array:
    """Return Numba's type, which takes 20 microseconds to make."""
    return types.Array(from_dtype(dtype), ndim, "C")


def context_type(context: Any) -> ContextType:
    """Return the Numba type of a named tuple of arrays and numbers."""
    if not isinstance(context, tuple) or not hasattr(context, "_fields"):
        raise SerialeqError(
            f"context: expected a named tuple of arrays and numbers, got {type(context).__name__}"
        )
    return ContextType(
        {name: _field_type(name, getattr(context, name)) for name in context._fields}
    )


def pack_context(context: Any) -> np.ndarray:
    """Return the block (1-d uint64) for a context; the arrays must outlive its use."""
    words: list[int] = []
    for value in context:
        if isinstance(value, np.ndarray):
            words += [value.ctypes.data, *value.shape]
        elif isinstance(value, float):
            words.append(int(np.float64(value).view(np.uint64)))
    return np.array([*words, 0], dtype=np.uint64)


@register_model(ContextType)
class _ContextModel(models.PrimitiveModel):
    def __init__(self, manager: Any, fe_type: ContextType) -> None:
        super().__init__(manager, fe_type, ir.IntType(64))


@infer_getattr
class _ContextAttributes(AttributeTemplate):
    key = ContextType

    def generic_resolve(self, context: ContextType, name: str) -> Any:
        field = context.fields.get(name)
        if field is None or isinstance(field, types.Type):
            return field
        return types.literal(field)


@lower_getattr_generic(ContextType)
def _lower_attribute(target: Any, builder: Any, typ: ContextType, value: Any, name: str) -> Any:
    field = typ.fields[name]
    if not isinstance(field, types.Type):
        return target.get_constant_generic(builder, types.literal(field), field)
    block = builder.inttoptr(value, ir.IntType(64).as_pointer())
    first = typ.word(name)

    def word(offset: int) -> Any:
        place = builder.gep(block, [ir.Constant(ir.IntType(64), first + offset)])
        loaded = builder.load(place)
        # else whatever a kernel stores might have changed it, and it is loaded again and again
        loaded.set_metadata("invariant.load", builder.module.add_metadata([]))
        return loaded

    if isinstance(field, types.Float):
        return builder.bitcast(word(0), ir.DoubleType())
    array = target.make_array(field)(target, builder)
    itemsize = target.get_abi_sizeof(target.get_data_type(field.dtype))
    shape = [word(1 + axis) for axis in range(field.ndim)]
    strides = [ir.Constant(ir.IntType(64), itemsize)]
    for extent in reversed(shape[1:]):
        strides.insert(0, builder.mul(strides[0], extent))
    populate_array(
        array,
        data=builder.inttoptr(word(0), array.data.type),
        shape=cgutils.pack_array(builder, shape),
        strides=cgutils.pack_array(builder, strides),
        itemsize=itemsize,
        meminfo=None,
    )
    return array._getvalue()

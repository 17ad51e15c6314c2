"""Kernels see the fields of a context, and what no kernel can use is refused."""

from __future__ import annotations

import ctypes
from typing import Any, NamedTuple

import numpy as np
import pytest

from serialeq.errors import SerialeqError
from serialeq.native.context import context_type, pack_context
from serialeq.native.kernel import BoundKernel, kernel

_ENTRY = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 3)


class Everything(NamedTuple):
    line: np.ndarray
    factor: float
    table: np.ndarray
    count: int
    cube: np.ndarray
    switch: bool
    mode: str
    offset: float


@kernel
def sum_up(c: Any, start: int, stop: int) -> None:
    """Set ``line[k]`` from all other fields."""
    for k in range(start, stop):
        value = c.factor * c.table[k, 1] + c.cube[1, k, 2] + c.count + c.offset
        if c.switch:
            value = -value
        if c.mode == "double":
            value *= 2
        c.line[k] = value + c.table.shape[0] * 100 + c.cube.shape[2] * 1000


class One(NamedTuple):
    field: Any


def everything(**changes: Any) -> Everything:
    context = Everything(
        line=np.zeros(4),
        factor=2.0,
        table=np.arange(12.0, dtype=np.float32).reshape(4, 3),
        count=-7,
        cube=np.arange(24).reshape(2, 4, 3),
        switch=False,
        mode="single",
        offset=0.5,
    )
    return context._replace(**changes)


def expected(c: Everything, rows: slice = slice(None)) -> np.ndarray:
    value = c.factor * c.table[:, 1] + c.cube[1, :, 2] + c.count + c.offset
    value = (-value if c.switch else value) * (2 if c.mode == "double" else 1)
    result = np.zeros(4)
    result[rows] = (value + 400 + 3000)[rows]
    return result


def call(bound: BoundKernel, start: int, stop: int) -> None:
    _ENTRY(bound.address)(bound.block, start, stop)


@pytest.mark.parametrize(
    "changes",
    [{}, {"switch": True}, {"mode": "double"}, {"count": 1 << 40}, {"factor": -0.0}],
    ids=str,
)
def test_a_kernel_sees_every_field(changes: dict[str, Any]) -> None:
    context = everything(**changes)
    call(sum_up.bind(context), 0, 4)
    assert context.line.tolist() == expected(context).tolist()


def test_a_kernel_runs_the_positions_it_is_told_to() -> None:
    context = everything()
    call(sum_up.bind(context), 1, 3)
    assert context.line.tolist() == expected(context, slice(1, 3)).tolist()


def test_other_arrays_and_floats_run_the_same_machine_code() -> None:
    context, other = everything(), everything(factor=9.0, offset=-3.0)
    bound = sum_up.bind(other)
    assert bound.address == sum_up.bind(context).address
    call(bound, 0, 4)
    assert context.line.tolist() == [0.0] * 4
    assert other.line.tolist() == expected(other).tolist()


def test_the_kernel_is_documented_as_the_function() -> None:
    assert sum_up.__name__ == "sum_up"
    assert sum_up.__doc__ == "Set ``line[k]`` from all other fields."


@pytest.mark.parametrize(
    ("one", "other"),
    [(1, 2), (1, "1"), (True, 1), (True, "True"), (2.0, "float64"), (2.0, 2), ("a", "b")],
)
def test_different_constants_are_different_types(one: Any, other: Any) -> None:
    assert context_type(One(one)) != context_type(One(other))


@pytest.mark.parametrize(
    ("array", "other"),
    [
        (np.zeros(2), np.zeros(2, np.float32)),
        (np.zeros(2), np.zeros((2, 1))),
        (np.zeros(2, np.int64), np.zeros(2, np.uint64)),
    ],
)
def test_different_arrays_are_different_types(array: np.ndarray, other: np.ndarray) -> None:
    assert context_type(One(array)) == context_type(One(np.ones(5, array.dtype)))
    assert context_type(One(array)) != context_type(One(other))


def test_a_block_holds_pointers_shapes_and_floats() -> None:
    context = everything()
    words = pack_context(context)
    line, table, cube = (array.ctypes.data for array in (context.line, context.table, context.cube))
    two, half = (int(np.float64(x).view(np.uint64)) for x in (2.0, 0.5))
    assert words.tolist() == [line, 4, two, table, 4, 3, cube, 2, 4, 3, half, 0]
    assert context_type(context).word("offset") == 10
    with pytest.raises(KeyError):
        context_type(context).word("missing")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.zeros((4, 4))[:, :2], r"expected a C-contiguous array .* got strides \(32, 8\)"),
        (np.zeros(4)[::2], r"expected a C-contiguous array .* got strides \(16,\)"),
        (np.asfortranarray(np.zeros((3, 2))), "expected a C-contiguous array"),
        (np.zeros(3, ">f8"), "expected .* native byte order, got .* dtype >f8"),
        ([1, 2], "expected an array, int, bool, str or float, got list"),
        (None, "expected an array, int, bool, str or float, got NoneType"),
        (np.float32(1), "expected an array, int, bool, str or float, got float32"),
    ],
)
def test_what_no_kernel_can_use_is_refused(value: Any, message: str) -> None:
    with pytest.raises(SerialeqError, match=f"context field 'field': {message}"):
        context_type(One(value))

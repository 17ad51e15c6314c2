"""Vectors against NumPy, lane by lane."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from problems.mf.oracle import total as expected_total

from serialeq.native.jit import jit
from serialeq.native.simd import (
    add_at,
    aligned_zeros,
    gather,
    lanes,
    larger,
    load,
    load_wide,
    positive_part,
    splat,
    store,
    store_wide,
    total,
)

DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])


@jit
def combine(a: Any, b: Any, out: Any, scale: Any) -> None:
    """Set vector 1 of row 2 from vector 0 of row 1 of `a` and vector 1 of row 0 of `b`."""
    x, y = load(a, 1, 0), load(b, 0, 1)
    store(out, 2, 1, (x + y) * splat(scale) - x)


@jit
def project(rows: Any) -> None:
    store(rows, 0, 0, positive_part(load(rows, 0, 0)))


@jit
def total_of(rows: Any) -> Any:
    return total(load(rows, 0, 0))


@DTYPES
def test_vectors_are_elementwise_and_in_their_place(dtype: Any) -> None:
    rng = np.random.default_rng(0)
    n = lanes(dtype)
    a, b, out = (rng.normal(size=(3, 2 * n)).astype(dtype) for _ in range(3))
    before, scale = out.copy(), dtype(0.3)
    combine(a, b, out, scale)
    x, y = a[1, :n], b[0, n:]
    assert out[2, n:].tobytes() == ((x + y) * scale - x).tobytes()
    out[2, n:] = before[2, n:]
    assert (out == before).all()


@pytest.mark.parametrize(("dtype", "width"), [(np.float32, 32), (np.float64, 64)])
@given(data=st.data())
def test_totals_add_halves_in_a_fixed_order(dtype: Any, width: int, data: Any) -> None:
    value = st.floats(-1e6, 1e6, width=width)
    n = lanes(dtype)
    row = np.array([data.draw(st.lists(value, min_size=n, max_size=n))], dtype)
    found = total_of(row)
    assert dtype(found).tobytes() == expected_total(row[0]).tobytes()


@DTYPES
def test_the_positive_part_keeps_what_is_not_a_number(dtype: Any) -> None:
    row = np.zeros((1, lanes(dtype)), dtype)
    row[0, :6] = [-1.5, 2.5, np.nan, -np.inf, np.inf, -1e-40]
    project(row)
    np.testing.assert_array_equal(row[0, :6], [0, 2.5, np.nan, 0, np.inf, 0])


@DTYPES
def test_rows_start_on_a_cache_line(dtype: Any) -> None:
    rows = aligned_zeros((5, lanes(dtype)), dtype)
    assert rows.shape == (5, lanes(dtype))
    assert rows.dtype == dtype
    assert rows.flags.c_contiguous
    assert rows.ctypes.data % 64 == 0
    assert rows.strides[0] == 64
    assert not rows.any()


def test_a_vector_is_a_cache_line() -> None:
    assert (lanes(np.float32), lanes(np.float64)) == (16, 8)


@jit
def add_scattered(values: Any, places: Any, change: Any, before: Any) -> None:
    store_wide(before, 1, gather(values, places, 2))
    add_at(values, places, 2, load_wide(change, 1))


def test_scattered_values_are_read_and_added_to_in_their_places() -> None:
    rng = np.random.default_rng(1)
    values, change = rng.normal(size=50), rng.normal(size=9)
    places = rng.permutation(50)[:10].astype(np.uint32)
    expected, before = values.copy(), np.zeros(9)
    expected[places[2:]] += change[1:]
    old = values[places[2:]]
    add_scattered(values, places, change, before)
    assert before[1:].tobytes() == old.tobytes()
    assert before[0] == 0
    assert values.tobytes() == expected.tobytes()


@jit
def larger_of(a: Any, b: Any, out: Any) -> None:
    store_wide(out, 0, larger(load_wide(a, 0), load_wide(b, 0)))


@given(pairs=st.lists(st.tuples(st.floats(), st.floats()), min_size=8, max_size=8))
def test_the_larger_of_two_lanes(pairs: list[tuple[float, float]]) -> None:
    a, b = np.array(pairs).T.copy()
    out = np.empty(8)
    larger_of(a, b, out)
    assert out.tobytes() == np.where(a < b, b, a).tobytes()

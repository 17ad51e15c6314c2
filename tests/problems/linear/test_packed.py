"""Sums of products of 16-bit integers against Python's integers."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serialeq.native.jit import jit
from serialeq.native.kernel import kernel
from serialeq.native.simd import load_wide, splat, store, store_wide
from serialeq.problems.linear.packed import add_rows_packed, dot_packed, split_weights
from serialeq.problems.linear.shorts import (
    as_shorts,
    even_pairs,
    high_half,
    high_pairs,
    load_pairs,
    load_shorts,
    low_half,
    low_pairs,
    multiply_pairs,
    odd_pairs,
    store_digit,
)

SHORT = np.iinfo(np.int16)


class Context(NamedTuple):
    """What the functions see of a `LinearContext`: one slice of dense rows, one output."""

    values: np.ndarray
    targets: np.ndarray
    weights: np.ndarray
    first_column: np.ndarray
    row_width: int
    digits: np.ndarray
    pairs: np.ndarray
    rows: np.ndarray
    scratch: np.ndarray
    out: np.ndarray
    most: float


@kernel
def dots(c: Any, start: int, stop: int) -> None:
    three = split_weights(c, 0)
    for row in range(start, stop):
        c.out[row] = dot_packed(c, 0, row, three)


@kernel
def update(c: Any, start: int, stop: int) -> None:
    """Add the first rows times the factors in ``out``."""
    for k in range(start, stop):
        c.rows[0, k], c.scratch[2, k] = k, c.out[k]
    if not add_rows_packed(c, 0, c.rows[0], c.scratch[2], stop - start):
        c.out[stop] = 1.0  # somebody else has to do it


def context(entries: np.ndarray, weights: list[int], most: float | None = None) -> Context:
    """Return a context of rows of integers, padded to whole vectors."""
    n, d = entries.shape
    width = -(-d // 32) * 32
    values = np.zeros((n, width), dtype=np.int16)
    values[:, :d] = entries
    padded = np.zeros(width)
    padded[:d] = weights
    return Context(
        values=values.reshape(-1),
        targets=np.zeros((n, 1)),
        weights=padded,
        first_column=np.array([0, width]),
        row_width=width,
        digits=np.zeros(4 * width, dtype=np.int16),
        pairs=np.zeros((1, n + 16), dtype=np.int32),
        rows=np.zeros((1, n + 16), dtype=np.int64),
        scratch=np.zeros((3, n + 16)),
        out=np.zeros(n + 8),
        most=float(np.abs(entries).max(initial=1)) if most is None else most,
    )


@st.composite
def cases(draw: Any) -> tuple[np.ndarray, list[int], list[int]]:
    """Draw rows, weights and a factor for each row: exact, and often as large as can be."""
    n, d = draw(st.integers(1, 40)), draw(st.sampled_from([1, 31, 32, 33, 200, 1500]))
    bits = draw(st.integers(1, 14))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    entries = rng.integers(-(2**bits), 2**bits + 1, (n, d))
    if draw(st.booleans()):
        entries = np.where(entries < 0, -(2**bits), 2**bits)
    longest = int(np.abs(entries).sum(axis=1).max())
    limit = min(2**46, 2**53 // longest)
    largest = draw(st.sampled_from([3, 2**15, 2**16, 2**31 - 2**16, 2**31, limit]))
    largest = min(largest, limit)
    weights = rng.integers(-largest, largest + 1, d).tolist()
    if draw(st.booleans()):
        weights = [largest if w < 0 else -largest for w in weights]
    top = draw(st.sampled_from([0, 1, 2**15 - 1, 2**15, 2**31 - 2**16]))
    return entries, weights, rng.integers(-top, top + 1, n).tolist()


@given(case=cases())
def test_dots_are_those_of_integers(case: Any) -> None:
    entries, weights, _ = case
    c = context(entries, weights)
    dots.bind(c).run(0, len(entries))
    expected = [sum(x * w for x, w in zip(row, weights, strict=True)) for row in entries.tolist()]
    assert c.out[: len(entries)].tolist() == expected


@given(case=cases())
def test_updates_are_those_of_integers(case: Any) -> None:
    entries, _, factors = case
    c = context(entries, [1] * entries.shape[1])
    c.out[: len(factors)] = factors
    update.bind(c).run(0, len(factors))
    changes = (np.array(factors, dtype=object)[:, None] * entries.astype(object)).sum(axis=0)
    assert c.weights[: entries.shape[1]].tolist() == (1 + changes).tolist()
    assert not c.weights[entries.shape[1] :].any()


@pytest.mark.parametrize("factor", [2.0**31, np.inf, np.nan])
def test_factors_of_more_than_two_digits_are_left_to_others(factor: float) -> None:
    c = context(np.ones((1, 3), dtype=int), [5, 6, 7])
    c.out[0] = factor
    update.bind(c).run(0, 1)
    assert c.out[1] == 1.0
    assert c.weights[:3].tolist() == [5, 6, 7]


def test_sums_that_are_too_long_would_be_seen() -> None:
    """A mutant: who believes that entries are smaller adds up more than 31 bits hold."""
    entries = np.full((40, 1500), 2**14)
    weights = [2**15 - 1] * 1500
    for most, right in ((2.0**14, True), (2.0**9, False)):
        c = context(entries, weights, most)
        dots.bind(c).run(0, 1)
        assert (c.out[0] == 1500 * 2**14 * (2**15 - 1)) == right
        c = context(entries, weights, most)
        c.out[:40] = 2**15 - 1
        update.bind(c).run(0, 40)
        assert (c.weights[0] == 40 * 2**14 * (2**15 - 1) + 2**15 - 1) == right


# ---- vectors -------------------------------------------------------------------------------------


@jit
def of_shorts(a: Any, b: Any, products: Any, even: Any, odd: Any, words: Any) -> None:
    x, y = load_shorts(a, 0), load_shorts(b, 0)
    store(products, 0, 0, multiply_pairs(x, y))
    one = as_shorts(splat(np.int32(1)))  # 1, 0, 1, 0, …
    other = as_shorts(splat(np.int32(1 << 16)))
    for row, part in ((0, one), (1, other)):
        store(even, row, 0, multiply_pairs(even_pairs(x, y), part))
        store(odd, row, 0, multiply_pairs(odd_pairs(x, y), part))
        store(words, row, 0, multiply_pairs(load_pairs(a, 3, 11), part))


@jit
def of_words(a: Any, b: Any, pairs: Any, halves: Any) -> None:
    one = as_shorts(splat(np.int32(1)))
    x, y = multiply_pairs(load_shorts(a, 0), one), multiply_pairs(load_shorts(b, 0), one)
    store(pairs, 0, 0, low_pairs(x, y))
    store(pairs, 1, 0, high_pairs(x, y))
    store_wide(halves, 0, low_half(x))
    store_wide(halves, 8, high_half(x))


@jit
def digits_of(x: Any, out: Any) -> None:
    w = load_wide(x, 0)
    store_digit(out, 0, w, 0)
    store_digit(out, 8, w, 1)
    store_digit(out, 16, w, 2)


@given(seed=st.integers(0, 2**32))
def test_vectors_of_16_bits(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = (rng.integers(SHORT.min + 1, SHORT.max + 1, 32).astype(np.int16) for _ in range(2))
    products = np.zeros((1, 16), np.int32)
    even, odd, words = (np.zeros((2, 16), np.int32) for _ in range(3))
    of_shorts(a, b, products, even, odd, words)
    exact = a.astype(np.int64) * b
    assert (products[0] == (exact[0::2] + exact[1::2]).astype(np.int32)).all()
    assert (even == [a[0::2], b[0::2]]).all()
    assert (odd == [a[1::2], b[1::2]]).all()
    assert (words == [a[3:19], a[11:27]]).all()
    pairs, halves = np.zeros((2, 16), np.int32), np.zeros(16)
    of_words(a, b, pairs, halves)
    assert (pairs.ravel() == np.array([a[0::2], b[0::2]]).T.ravel()).all()
    assert (halves == a[0::2]).all()


@given(x=st.lists(st.integers(-(2**46), 2**46), min_size=8, max_size=8))
def test_digits_add_up(x: list[int]) -> None:
    out = np.zeros(24, np.int16)
    digits_of(np.array(x, dtype=float), out)
    digits = out.reshape(3, 8).astype(object)
    assert (digits[0] + digits[1] * 2**16 + digits[2] * 2**32).tolist() == x

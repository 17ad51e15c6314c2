"""The bit budget: what `choose_lattice` promises about data of the sizes it was told."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serialeq.errors import DataError, SerialeqError
from serialeq.native.team import WorkerTeam
from serialeq.problems.linear.lattice import Lattice, RowSizes, choose_lattice, row_sizes


def measured(X: np.ndarray, n_threads: int = 1) -> RowSizes:
    indptr = np.arange(X.shape[0] + 1) * X.shape[1]
    with WorkerTeam(n_threads, n_threads) as team:
        return row_sizes(indptr, np.ascontiguousarray(X, dtype=float).ravel(), team)


@st.composite
def matrices(draw: Any) -> np.ndarray:
    """Draw rows of very different magnitudes."""
    n, d = draw(st.integers(1, 20)), draw(st.integers(1, 300))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    kind = draw(st.sampled_from(["normal", "equal", "wide"]))
    X = np.ones((n, d)) if kind == "equal" else rng.standard_normal((n, d))
    if kind == "wide":
        X *= 2.0 ** rng.integers(-20, 1, (n, d))
    return X * 10.0 ** draw(st.integers(-6, 6)) * rng.choice([0.3, 1.0], (n, 1))


def integers(X: np.ndarray, lattice: Lattice) -> np.ndarray:
    return np.rint(X * (2.0**lattice.feature_bits / lattice.scale))


@given(X=matrices(), step=st.floats(1e-6, 1e6), n_threads=st.integers(1, 3))
def test_everything_fits_whatever_the_data(X: np.ndarray, step: float, n_threads: int) -> None:
    sizes = measured(X, n_threads)
    lattice = choose_lattice(sizes, step)
    q = integers(X, lattice)
    assert np.log2(lattice.scale) % 1 == 0
    assert 0.5 < np.abs(X).max() / lattice.scale <= 1
    assert np.abs(q).max() == lattice.most < 2**15
    largest_sum = int(np.abs(q).sum(axis=1).max())
    assert int(lattice.limit) * largest_sum <= 2**53  # so every margin is exact
    assert (q**2).sum(axis=1).max() < 2**31
    first_step = step * lattice.scale**2
    assert lattice.largest_weight >= min(2.0**12, 256 * first_step) / 2
    assert lattice.largest_weight >= 256 * first_step / 2  # room for the largest steps


@given(X=matrices())
def test_the_limit_leaves_little_unused(X: np.ndarray) -> None:
    lattice = choose_lattice(measured(X), 1.0)
    sums = np.abs(integers(X, lattice)).sum(axis=1).max() + X.shape[1]
    assert (lattice.limit + 1) * sums * (1 + 2**-19) >= 2**53 or lattice.limit == 2**51


def test_units_are_what_they_say() -> None:
    X = np.array([[3.0, -5.0], [8.0, 0.5]])
    lattice = choose_lattice(measured(X), 0.1)
    a, b = lattice.feature_bits, lattice.factor_bits
    q, factor = integers(X, lattice), 12345
    weights = factor * q[0]  # in units of 2^-(a+b) / scale, after a step that row 0 takes from zero
    exact = [Fraction(factor * lattice.tick) * Fraction(x) for x in X[0]]
    assert [Fraction(w) / 2 ** (a + b) / Fraction(lattice.scale) for w in weights] == exact
    margin = sum(Fraction(x) * w for x, w in zip(X[1], exact, strict=True))
    assert Fraction(float(q[1] @ weights) * lattice.unit) == margin
    assert lattice.largest_weight * 2.0 ** (a + b) == lattice.limit


@pytest.mark.parametrize("n_threads", [1, 2, 3, 7])
def test_rows_are_measured_the_same_on_any_number_of_threads(n_threads: int) -> None:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((50, 13))
    sizes = measured(X, n_threads)
    assert sizes == measured(X)
    assert sizes.entry == np.abs(X).max()
    assert sizes.total == pytest.approx(np.abs(X).sum(axis=1).max(), rel=1e-14)
    assert sizes.square == pytest.approx((X**2).sum(axis=1).max(), rel=1e-14)
    assert sizes.longest == 13


@pytest.mark.parametrize("X", [np.zeros((3, 2)), np.zeros((0, 2)), np.zeros((2, 0))])
def test_data_of_nothing_have_a_lattice(X: np.ndarray) -> None:
    lattice = choose_lattice(measured(X), 1.0)
    assert lattice.scale == 1
    assert lattice.most == 0
    assert lattice.largest_weight >= 4096


def test_bits_of_ones_own() -> None:
    sizes = measured(np.eye(4))
    lattice = choose_lattice(sizes, 1.0, (7, 20))
    assert (lattice.feature_bits, lattice.factor_bits, lattice.most) == (7, 20, 128.0)
    for bits in ((0, 10), (15, 10), (8, 41), (8, -41)):
        with pytest.raises(SerialeqError, match=r"lattice_bits: expected 1 to 14 bits .*, got"):
            choose_lattice(sizes, 1.0, bits)
    with pytest.raises(SerialeqError, match=r"lattice: 14 bits .* 40 for factors .* fewer bits"):
        choose_lattice(sizes, 1.0, (14, 40))
    many = measured(np.ones((1, 1 << 12)))
    with pytest.raises(SerialeqError, match=r"lattice_bits: expected 1 to 9 bits"):
        choose_lattice(many, 1.0, (10, 10))


def test_a_range_that_is_fixed_is_kept() -> None:
    sizes = measured(np.array([[3.0]]))
    wide, narrow = Lattice(5, 5, 16.0, 0.0, 0.0), Lattice(5, 5, 2.0, 0.0, 0.0)
    assert choose_lattice(sizes, 1.0, like=wide).scale == 16
    assert choose_lattice(sizes, 1.0, like=wide).most == 3 * 2**5 / 16
    with pytest.raises(DataError, match=r"X: expected features up to 2, .* got 3"):
        choose_lattice(sizes, 1.0, like=narrow)

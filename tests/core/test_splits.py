"""Which samples are held out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serialeq.errors import DataError
from serialeq.reading.splits import split_indices


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 500), st.floats(0, 0.9), st.integers(0, 2**40))
def test_every_sample_is_in_one_part(n: int, fraction: float, seed: int) -> None:
    if round(n * fraction) == n:
        return
    train, test = split_indices(n, fraction, seed)
    assert test.size == round(n * fraction)
    assert sorted([*train, *test]) == list(range(n))
    assert (np.diff(train) > 0).all()
    assert (np.diff(test) > 0).all()


def test_a_seed_is_a_split() -> None:
    assert split_indices(20, 0.25, 7)[1].tolist() == [4, 6, 7, 12, 19]
    assert split_indices(20, 0.25, 8)[1].tolist() != split_indices(20, 0.25, 7)[1].tolist()


@pytest.mark.parametrize("fraction", [-0.1, 1, 1.5, float("nan")])
def test_a_fraction_that_is_none(fraction: float) -> None:
    with pytest.raises(DataError, match=r"test_fraction: expected a number in \[0, 1\)"):
        split_indices(10, fraction, 0)


@pytest.mark.parametrize(("n", "fraction"), [(1, 0.9), (0, 0.0), (3, 0.99)])
def test_nothing_left_to_train_on(n: int, fraction: float) -> None:
    with pytest.raises(DataError, match="expected samples left to train on"):
        split_indices(n, fraction, 0)

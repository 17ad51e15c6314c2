"""Ratings as arrays and matrices: checked, generated."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

from serialeq.digest import digest_arrays
from serialeq.errors import DataError
from serialeq.problems.mf.ratings import check_entries, entries_of, generate_ratings


class TestCheckEntries:
    def test_conversion(self) -> None:
        users, items, values, shape = check_entries([1, 0], np.array([3, 2], np.uint8), [5, 4])
        assert (users.tolist(), items.tolist(), values.tolist()) == ([1, 0], [3, 2], [5.0, 4.0])
        assert [a.dtype for a in (users, items, values)] == [np.int32, np.int32, np.float32]
        assert shape == (2, 4)
        assert check_entries([0], [0], [1.5], (3, 2), np.float64)[3] == (3, 2)
        assert check_entries([0], [0], [0.1], dtype="float64")[2].tolist() == [0.1]

    def test_no_copy(self) -> None:
        given = np.arange(3, dtype=np.int32), np.arange(3, dtype=np.int32), np.ones(3, np.float32)
        returned = check_entries(*given)
        assert all(a is b for a, b in zip(given, returned, strict=False))

    def test_layout(self) -> None:
        users = np.arange(6, dtype=np.int32)[::2]
        values = np.ones(3, dtype=">f4")
        checked = check_entries(users, users, values)
        assert all(array.flags.c_contiguous for array in checked[:3])
        assert all(array.dtype.isnative for array in checked[:3])
        assert checked[0].tolist() == [0, 2, 4]

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (([[0]], [0], [1]), "users: expected one dimension, got shape (1, 1)"),
            ((0, [0], [1]), "users: expected one dimension, got shape ()"),
            (([0], [0], None), "ratings: expected one dimension, got shape ()"),
            (([0], [[0], [1, 2]], [1]), "items: expected a sequence of integers, got: "),
            (([0.0], [0], [1]), "users: expected integers, got an array of float64"),
            (([0], [True], [1]), "items: expected integers, got an array of bool"),
            (([0], [0], [True]), "ratings: expected integers or floats, got an array of bool"),
            (([0], [0], [1j]), "ratings: expected integers or floats, got an array of complex128"),
            (([0], [0], ["1"]), "ratings: expected integers or floats, got an array of <U1"),
            (([0], ["a"], [1]), "items: expected integers, got an array of <U1"),
            (([2**70], [0], [1]), "users: expected integers, got an array of object"),
            (([0], [0], [None]), "ratings: expected integers or floats, got an array of object"),
            (([0, 1], [0], [1]), "users, items, ratings: expected equal lengths, got 2, 1, 1"),
            (([], [], []), "ratings: expected 1 to 2147483647 entries, got 0"),
            (
                ([0, -3], [0, 0], [1, 1]),
                "users[1]: expected an integer from 0 to 2147483646, got -3",
            ),
            (([0], [2**31 - 1], [1]), "items[0]: expected an integer from 0 to 2147483646, got 21"),
            (([0], np.array([2**64 - 1], np.uint64), [1]), "got 18446744073709551615"),
            (([0, 2], [0, 0], [1, 1], (2, 1)), "users[1]: expected an integer from 0 to 1, got 2"),
            (([0, 0], [0, 1], [1, 1], (2, 1)), "items[1]: expected an integer from 0 to 0, got 1"),
            (([0] * 3, [0] * 3, [1, np.nan, 1]), "ratings[1]: expected a finite number, got nan"),
            (([0] * 3, [0] * 3, [1, 1, -np.inf]), "ratings[2]: expected a finite number, got -inf"),
            (
                ([0] * 3, [0] * 3, [1, -1e39, np.inf]),
                "ratings[1]: expected a number that float32 can hold, got -1e+39",
            ),
            (([0], [0], [1], (0, 1)), "shape: expected two integers from 1 to 2147483647, got (0,"),
            (([0], [0], [1], (1, 2**31)), "shape: expected two integers from 1 to 2147483647, got"),
            (([0], [0], [1], (1, 2, 3)), "shape: expected two integers"),
            (([0], [0], [1], (1.0, 2)), "shape: expected two integers"),
            (([0], [0], [1], 7), "shape: expected two integers"),
            (([0], [10**9], [1]), "users, items: expected numbers from 0 without large gaps, got"),
            (([0], [0], [1], None, np.int32), "dtype: expected float32 or float64, got"),
        ],
    )
    def test_message(self, arguments: tuple[Any, ...], message: str) -> None:
        with pytest.raises(DataError) as caught:
            check_entries(*arguments)
        assert message in str(caught.value)

    def test_too_many(self) -> None:
        many = np.broadcast_to(np.int8(0), 2**31)
        with pytest.raises(DataError, match="expected 1 to 2147483647 entries, got 2147483648"):
            check_entries(many, many, many)


def stored(X: Any) -> list[tuple[int, int, float]]:
    users, items, values, shape = entries_of(X)
    users, items, values, _ = check_entries(users, items, values, shape)
    return list(zip(users.tolist(), items.tolist(), values.tolist(), strict=True))


class TestEntriesOf:
    @pytest.mark.parametrize("name", ["coo", "csr", "csc", "lil", "dok", "bsr", "dia"])
    @pytest.mark.parametrize("kind", [sp.coo_matrix, sp.coo_array])
    def test_formats(self, name: str, kind: Any) -> None:
        X = kind(([2.0, 1.0, 3.0], ([1, 0, 1], [0, 2, 3])), shape=(2, 4)).asformat(name)
        if name == "bsr":
            X = X.tobsr(blocksize=(1, 1))
        assert stored(X) == [(0, 2, 1.0), (1, 0, 2.0), (1, 3, 3.0)]
        assert tuple(entries_of(X)[3] or ()) == (2, 4)

    @pytest.mark.parametrize("name", ["coo", "csr", "csc"])
    def test_duplicates_and_zeros(self, name: str) -> None:
        rows, columns = np.array([1, 0, 1, 0]), np.array([2, 1, 2, 0])
        X: Any = sp.coo_array((np.array([1.0, 0.0, 2.0, 4.0]), (rows, columns)), shape=(2, 3))
        if name == "csr":
            X = sp.csr_array((X.data[[3, 1, 0, 2]], [0, 1, 2, 2], [0, 2, 4]), shape=(2, 3))
            X.indices[1] = 1
        elif name == "csc":
            X = sp.csc_array((X.data[[3, 1, 0, 2]], [0, 0, 1, 1], [0, 1, 2, 4]), shape=(2, 3))
        before = X.data.copy()
        assert stored(X) == [(0, 0, 4.0), (0, 1, 0.0), (1, 2, 3.0)]
        assert X.nnz == 4
        assert X.data.tolist() == before.tolist()

    def test_unsorted_rows_are_left_as_they_are(self) -> None:
        X = sp.csr_array(([1.0, 2.0], [1, 0], [0, 2]), shape=(1, 2))
        assert stored(X) == [(0, 0, 2.0), (0, 1, 1.0)]
        assert X.indices.tolist() == [1, 0]

    @pytest.mark.parametrize("kind", [tuple, list])
    def test_sequence(self, kind: Any) -> None:
        arrays = np.array([0]), np.array([1]), np.array([2.0])
        returned = entries_of(kind(arrays))
        assert all(a is b for a, b in zip(arrays, returned, strict=False))
        assert returned[3] is None

    def test_ratings(self) -> None:
        ratings = generate_ratings(20, 6, 5)
        users, items, values, shape = entries_of(ratings)
        assert users is ratings.users
        assert items is ratings.items
        assert values is ratings.values
        assert shape == (6, 5)

    @pytest.mark.parametrize(
        ("X", "got"),
        [
            (np.ones((2, 2)), "ndarray"),
            (np.ones((3, 2)), "ndarray"),
            (([0], [1]), "tuple of 2"),
            ([], "list of 0"),
            ("abc", "str"),
            (None, "NoneType"),
        ],
    )
    def test_others(self, X: Any, got: str) -> None:
        accepted = "a scipy sparse matrix, Ratings or (users, items, ratings)"
        with pytest.raises(DataError) as caught:
            entries_of(X)
        assert str(caught.value) == f"X: expected {accepted}, got {got}"

    def test_one_dimension(self) -> None:
        with pytest.raises(DataError, match="X: expected two dimensions"):
            entries_of(sp.coo_array(np.ones(3)))


class TestGenerate:
    def test_pinned(self) -> None:
        small = generate_ratings(5000, 300, 200, rank=5, seed=3)
        expected = "3fe5206ac3417cb01a79521a8548c41306a2858dbed2899a815dec624cf1448f"
        assert digest_arrays(vars(small)) == expected

    def test_shape(self) -> None:
        ratings = generate_ratings(60_000, 3000, 1000)
        assert len(ratings) == 60_000
        assert ratings.shape == (3000, 1000)
        assert [a.dtype for a in (ratings.users, ratings.items)] == [np.int32, np.int32]
        assert ratings.values.dtype == np.float32
        assert set(ratings.values.tolist()) == {1.0, 2.0, 3.0, 4.0, 5.0}
        pairs = ratings.users.astype(np.int64) * 1000 + ratings.items
        assert np.unique(pairs).size == len(ratings)

    def test_long_tails(self) -> None:
        ratings = generate_ratings(200_000)
        of_items = np.sort(np.bincount(ratings.items, minlength=ratings.n_items))[::-1]
        of_users = np.bincount(ratings.users, minlength=ratings.n_users)
        assert 0.002 < of_items[0] / len(ratings) < 0.01
        assert of_items[:400].sum() > 0.45 * len(ratings)
        assert of_users.max() > 8 * np.median(of_users)

    @pytest.mark.parametrize(
        "arguments",
        [
            (1, 1, 1),
            (60, 6, 10),
            (10, 10, 1),
            (10, 1, 10),
            (35, 6, 10),
            (1, 50, 50),
            (2500, 50, 50),
        ],
    )
    def test_extremes(self, arguments: tuple[int, int, int]) -> None:
        ratings = generate_ratings(*arguments, rank=1)
        pairs = set(zip(ratings.users.tolist(), ratings.items.tolist(), strict=True))
        assert len(pairs) == arguments[0]
        assert ratings.shape == arguments[1:]
        check_entries(ratings.users, ratings.items, ratings.values, ratings.shape)

    def test_seeds_differ(self) -> None:
        first, second = (generate_ratings(500, 50, 40, seed=seed) for seed in (0, 1))
        assert first.items.tolist() != second.items.tolist()
        assert first.values.tolist() != second.values.tolist()

    def test_low_rank_explains_what_biases_do_not(self) -> None:
        ratings = generate_ratings(60_000, 300, 200, rank=4)
        X = np.zeros((300, 200))
        X[ratings.users, ratings.items] = ratings.values
        X -= X.mean(axis=0)
        X -= X.mean(axis=1)[:, None]
        spectrum = np.linalg.svd(X, compute_uv=False) ** 2
        assert spectrum[:4].sum() > 0.3 * spectrum.sum()
        assert spectrum[3] > 2 * spectrum[4]

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"n_ratings": 0}, "n_ratings: expected 1 to 2147483647, got 0"),
            ({"n_users": -1}, "n_users: expected 1 to 2147483647, got -1"),
            ({"n_items": 2**31}, "n_items: expected 1 to 2147483647, got 2147483648"),
            ({"rank": 0}, "rank: expected 1 to 2147483647, got 0"),
            (
                {"n_ratings": 7, "n_users": 2, "n_items": 3},
                "n_ratings: expected at most n_users * n_items = 6, got 7",
            ),
        ],
    )
    def test_errors(self, arguments: dict[str, int], message: str) -> None:
        with pytest.raises(DataError) as caught:
            generate_ratings(**arguments)
        assert str(caught.value) == message

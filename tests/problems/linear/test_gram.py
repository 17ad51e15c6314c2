"""Inner products of a block against those of plain integers; columns cut into equal parts."""

from __future__ import annotations

import numpy as np
import pytest

from serialeq.native.atomics import unclaimed
from serialeq.native.team import WorkerTeam
from serialeq.problems.linear.gram import sparse_gram
from serialeq.problems.linear.slices import cut_columns

N, D = 150, 40


@pytest.mark.parametrize("block", [2, 8, 16, 32, 64])
@pytest.mark.parametrize("n_slices", [1, 3])
def test_inner_products_are_those_of_integers(block: int, n_slices: int) -> None:
    rng = np.random.default_rng(block)
    shares = rng.random((N, 1)) * (rng.random((N, 1)) < 0.9)  # a tenth of the rows is empty
    rows = rng.integers(-5000, 5000, (N, D)) * (rng.random((N, D)) < shares)
    cuts = [0, 25, 26, D] if n_slices == 3 else [0, D]
    ptr = np.zeros((n_slices, N + 1), dtype=np.int64)
    columns, values = [], []
    for p in range(n_slices):
        for i in range(N):
            ptr[p, i] = sum(part.size for part in columns)
            columns.append(cuts[p] + np.flatnonzero(rows[i, cuts[p] : cuts[p + 1]]))
            values.append(rows[i, columns[-1]])
        ptr[p, N] = sum(part.size for part in columns)
    gram = np.full((N, -(-block // 8) * 8), 7, dtype=np.int32)
    with WorkerTeam(2, 2) as team:
        team.run(
            sparse_gram, unclaimed(), ptr, np.concatenate(columns).astype(np.uint32),
            np.concatenate(values).astype(np.int16), D, block, gram,
        )  # fmt: skip
    for first in range(0, N, block):
        inside = rows[first : first + block]
        found = gram[first : first + block, : len(inside)]
        others = ~np.eye(len(inside), dtype=bool)
        assert np.array_equal(found[others], (inside @ inside.T)[others])


@pytest.mark.parametrize("n_slices", [1, 2, 3, 7])
def test_slices_have_equal_numbers_of_entries_to_one_column(n_slices: int) -> None:
    rng = np.random.default_rng(n_slices)
    counts = rng.integers(0, 60, 50)
    counts[[3, 20]] = 0, 64
    rows = [np.flatnonzero(counts > i) for i in range(64)]
    indptr = np.concatenate([[0], np.cumsum([row.size for row in rows])])
    indices = np.concatenate(rows).astype(np.int32)
    cuts, first, _ = cut_columns(indptr, indices, counts.size, n_slices, frequent_first=True)
    assert cuts[0] == 0
    assert cuts[-1] == counts.size
    so_far = np.concatenate([[0], np.cumsum(counts)])
    for p in range(1, n_slices):
        share = so_far[-1] * p / n_slices
        assert so_far[cuts[p]] <= share < so_far[cuts[p] + 1]
    assert np.all(np.diff(first) >= np.diff(cuts))


def test_a_column_that_ends_at_its_share_belongs_to_the_slice() -> None:
    indptr, indices = np.arange(0, 9, 4), np.array([0, 1, 2, 3, 0, 1, 2, 3], dtype=np.int32)
    assert list(cut_columns(indptr, indices, 4, 2, frequent_first=True)[0]) == [0, 2, 4]

"""One problem, several orders, engines and forms of the data: the rows are found where they lie."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from problems.linear.trainings import HINGE, LOG, SQUARED, make, model, train

from serialeq.digest import digest_arrays
from serialeq.problems.linear.slices import cut_columns

N = 70
RNG = np.random.default_rng(0)
X = RNG.standard_normal((N, 12)) * (RNG.random((N, 12)) < 0.6)
TARGETS = np.where(RNG.standard_normal((N, 1)) > 0, 1.0, -1.0)
ORDERS: dict[str, Any] = {
    "shuffled": "shuffled",
    "another": RNG.permutation(N).astype(np.int32),
    "a part": np.arange(5, 30, dtype=np.int32),
    "another part": np.arange(25, N, dtype=np.int32),
    "repeats": RNG.integers(0, N, 50).astype(np.int32),
    "long": RNG.integers(0, N, 3 * N).astype(np.int32),
    "none": np.zeros(0, dtype=np.int32),
}


@pytest.mark.parametrize("config", [LOG, SQUARED], ids=["sparse", "dense"])
def test_orders_and_engines_follow_each_other_on_one_problem(config: dict[str, Any]) -> None:
    config = config | {"learning_rate": "constant", "eta0": 0.01}
    alone = make(X, TARGETS, **config)
    state = alone.state()
    one = make(X, TARGETS, **config)
    for turn, (name, order) in enumerate([*ORDERS.items(), *reversed(ORDERS.items())]):
        alone = make(X, TARGETS, **config)  # a new problem, which goes on with the same state
        alone.load(state)
        expected = digest_arrays(train(alone, order, "serial"))
        state = alone.state()
        engine, n_workers = [("serial", 1), ("lookahead", 1), ("lookahead", 3)][turn % 3]
        one.n_updates = 0
        assert digest_arrays(train(one, order, engine, n_workers)) == expected, name
        state["n_updates"][:] = 0


def test_an_order_that_is_changed_afterwards_is_another_order() -> None:
    order = np.random.default_rng(1).permutation(N).astype(np.int32)
    one, fresh = (make(X, TARGETS, **HINGE) for _ in range(2))
    train(one, order, "lookahead")
    np.random.default_rng(2).shuffle(order)
    for problem in (one, fresh):
        problem.load(make(X, TARGETS, **HINGE).state())
    one.context(order, order)
    order[:] = order[::-1].copy()
    assert digest_arrays(train(one, order, "serial")) == digest_arrays(
        train(fresh, order, "serial")
    )


def test_contexts_of_other_samples_have_the_weights_that_are_trained() -> None:
    problem = make(X, TARGETS, **HINGE | {"arithmetic": "float64"})
    times = np.arange(20, dtype=np.int32)
    contexts = [problem.context(ORDERS[name][:20], times) for name in ("a part", "another part")]
    assert np.shares_memory(contexts[0].weights, contexts[1].weights)


@pytest.mark.parametrize(
    "form",
    [
        np.asfortranarray,
        lambda x: np.repeat(x, 2, axis=1)[:, ::2],
        lambda x: x.astype(np.int64),
        lambda x: sp.csr_array(x.astype(np.uint8)),
        lambda x: sp.csr_array(x.astype(np.float32)),
        lambda x: sp.csr_array(x > 0),
    ],
    ids=["fortran", "strided", "integers", "bytes", "float32", "bool"],
)
def test_forms_of_the_data_make_no_difference(form: Any) -> None:
    numbers = np.random.default_rng(3).integers(0, 250, (N, 40))
    given = form(numbers)
    values = given.toarray() if sp.issparse(given) else given
    plain = np.ascontiguousarray(values, dtype=float)
    plain = sp.csr_array(plain) if sp.issparse(given) else plain
    digests = {
        digest_arrays(train(model(data, TARGETS, **LOG | {"eta0": 1e-6}), "given", "serial"))
        for data in (given, plain)
    }
    assert len(digests) == 1


def test_frequent_columns_come_first_in_each_slice() -> None:
    counts = np.array([1, 40, 0, 5, 40, 2, 30, 0, 1, 64])
    rows = [np.flatnonzero(counts > i) for i in range(64)]
    indptr = np.concatenate([[0], np.cumsum([row.size for row in rows])])
    indices = np.concatenate(rows).astype(np.int32)
    for frequent_first in (True, False):
        cuts, first, place = cut_columns(indptr, indices, counts.size, 2, frequent_first)
        assert sorted(place) == sorted(
            [*range(cuts[1]), *range(first[1], first[1] + counts.size - cuts[1])]
        )
        for p in range(2):
            columns = np.arange(cuts[p], cuts[p + 1])
            inside = columns[np.argsort(place[columns])]
            bits = [int(count).bit_length() for count in counts[inside]]
            assert (bits == sorted(bits, reverse=True)) == frequent_first

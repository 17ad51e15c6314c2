"""`assert_serial_equivalent` names what differs, and passes what is right."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from harness import EQUIVALENT, graph_of

from serialeq.errors import SerialeqError
from serialeq.hypergraph import Hypergraph
from serialeq.order import blocked_order, given_order
from serialeq.problems.linear.problem import LinearModel
from serialeq.testing import Chain, assert_serial_equivalent, first_difference


@pytest.mark.parametrize("order", ["shuffled", "reshuffled", "given", [3, 3, 0, 1], "Order"])
def test_an_equivalent_problem_passes(order: Any) -> None:
    graph = graph_of()
    if order == "Order":
        order = blocked_order(graph, np.arange(12) % 3, 3, seed=4)
    made: list[Chain] = []

    def make() -> Chain:
        made.append(Chain(graph, timed=True))
        return made[-1]

    assert_serial_equivalent(make, order, workers=(2, 3), epochs=1)
    assert len(made) == 2 + 2 * (len(EQUIVALENT) - 1)
    if not isinstance(order, str):
        steps = given_order(graph, order) if isinstance(order, list) else order
        assert not first_difference(made[-1].trained(), Chain(graph, timed=True).oracle(
            steps.samples()
        ))  # fmt: skip


def test_models_on_the_lattice_are_compared_with_lookahead(monkeypatch: Any) -> None:
    rng = np.random.default_rng(0)
    X, targets = rng.uniform(-1, 1, (70, 6)), np.sign(rng.normal(size=(70, 1)))
    engines = []
    sliced = LinearModel.sliced
    monkeypatch.setattr(
        LinearModel, "sliced", lambda *a: (engines.append(a[2].n_workers), sliced(*a))[1]
    )
    assert_serial_equivalent(lambda: LinearModel(X, targets), workers=(1, 2), epochs=2)
    assert engines == [1, 2]


DRIFTING_ORDER = np.random.default_rng(0).permutation(40).tolist()


class Drifting(Chain):
    """A problem whose result depends on the layout (a fault)."""

    def context(self, samples: np.ndarray, times: np.ndarray) -> Any:
        self.disturbed = samples.tolist() != DRIFTING_ORDER
        return super().context(samples, times)

    def begin_epoch(self, epoch: int, n_samples: int) -> None:
        if epoch == 1 and self.disturbed:
            self.values[5] += 1.0


def test_what_differs_is_named() -> None:
    # Dataflow lays samples out worker after worker, and this problem minds.
    message = (
        r"engine 'dataflow', 2 workers, epoch 2: array 'values'\[5\]: "
        r"expected .* \(0x[0-9a-f]{16}\), got .* \(0x[0-9a-f]{16}\)$"
    )
    graph, order = Hypergraph(np.arange(40), 1, 40), DRIFTING_ORDER
    with pytest.raises(AssertionError, match=message):
        assert_serial_equivalent(
            lambda: Drifting(graph), order, engines=["dataflow"], workers=(1, 2)
        )
    assert_serial_equivalent(
        lambda: Drifting(graph), order, engines=["dataflow"], workers=(1, 2), epochs=1
    )


def test_problems_that_start_differently_are_found() -> None:
    seeds = iter(range(9))
    with pytest.raises(AssertionError, match=r"make_problem: two problems .*: array 'values'"):
        assert_serial_equivalent(lambda: Chain(graph_of(), seed=next(seeds)))


@pytest.mark.parametrize(
    ("make", "options", "message"),
    [
        (Chain(graph_of()), {}, "make_problem: expected a function .*, got Chain"),
        (lambda: 3, {}, "make_problem: expected a function .*, got int"),
        (lambda: Chain(graph_of()), {"engines": ["fast"]}, "engine: expected one of serial"),
        (lambda: Chain(graph_of()), {"engines": ["lookahead"]}, "for this problem, got 'lookahe"),
        (lambda: Chain(graph_of()), {"order": "blocked"}, "Chain has no blocked order"),
        (lambda: Chain(graph_of()), {"order": [40]}, "order: expected samples in 0..39"),
    ],
)
def test_wrong_arguments_are_refused(make: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(SerialeqError, match=message):
        assert_serial_equivalent(make, **options)


@pytest.mark.parametrize(
    ("array", "other", "message"),
    [
        (np.zeros((2, 2)), np.zeros((2, 2)), ""),
        (np.full(2, np.nan), np.full(2, np.nan), ""),
        (np.zeros(0), np.zeros(0), ""),
        (np.array(1.0), np.array(2.0), r"array 'a'\[\]: expected 2.0 .*, got 1.0 "),
        (np.array([1, 0.0]), np.array([1, -0.0]), r"array 'a'\[1\]: expected -0.0 \(0x80+\)"),
        (np.eye(3)[:, ::-1], np.eye(3), r"array 'a'\[0, 0\]: expected 1.0 .*, got 0.0 "),
        (np.zeros(2), np.zeros(2, np.float32), r"'a': expected float32 of shape \(2,\), got floa"),
        (np.zeros(2), np.zeros(3), r"'a': expected float64 of shape \(3,\), got .* \(2,\)"),
    ],
)
def test_first_difference(array: np.ndarray, other: np.ndarray, message: str) -> None:
    told = first_difference({"a": array}, {"a": other})
    assert bool(told) == bool(message)
    if message:
        with pytest.raises(AssertionError, match=message):
            raise AssertionError(told)


def test_arrays_that_are_missing_are_named() -> None:
    told = first_difference({"a": np.zeros(1)}, {"a": np.zeros(1), "b": np.zeros(1)})
    assert told == "expected arrays ['a', 'b'], got ['a']"

"""Every numbered result of proofs/limits.md, with numbers."""

from __future__ import annotations

import math
from itertools import combinations, permutations, product
from typing import Any

import networkx as nx
import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given

from serialeq.engines.auto import choose_engine
from serialeq.hypergraph import Hypergraph
from serialeq.order import given_order, shuffled_order
from serialeq.planning.lockstep import plan_lockstep
from serialeq.planning.prediction import DEFAULT_COSTS, CostModel, critical_path, predict
from serialeq.problems.linear import cost as linear_cost
from serialeq.problems.linear.parameters import LinearParameters
from serialeq.problems.linear.problem import LinearModel
from serialeq.testing.strategies import cases, hypergraphs

FREE = CostModel(sample=1.0, wait=0.0, handoff=0.0, transfer=0.0, launch=0.0)
"""Waiting itself costs nothing: only the order of conflicts is left."""


def steps_on(order: Any) -> np.ndarray:
    """Samples of the order on each resource, a sample counted once even if it names it twice."""
    load = np.zeros(order.tasks.n_variables, int)
    for step, task in enumerate(order.sequence):
        load[np.unique(order.tasks.support(task))] += order.sizes[step] if order.sizes.size else 1
    return load


def path(n: int) -> Hypergraph:
    """Return samples {0, 1}, {1, 2}, ..."""
    return Hypergraph(np.arange(n)[:, None] + np.arange(2), 2, n + 1)


@given(case=cases())
def test_the_critical_path_is_at_least_the_hottest_variable(case: Any) -> None:
    _, order, n_workers = case
    longest = critical_path(order)
    assert longest >= steps_on(order).max(initial=0)
    if n_workers > 1 and order.n_steps:
        found = predict(order, n_workers)
        assert found.parallel >= longest * DEFAULT_COSTS.sample + DEFAULT_COSTS.launch - 1e-6
        assert found.speedup * longest <= order.n_samples
        assert predict(order, n_workers, FREE).parallel >= longest * FREE.sample


@pytest.mark.parametrize("n_workers", [2, 8, 64])
def test_a_hot_variable_is_a_serial_run(n_workers: int) -> None:
    n = 2_000
    star = Hypergraph(np.stack([np.zeros(n, int), np.arange(1, n + 1)], axis=1), 2, n + 1)
    for seed in range(2):
        order = shuffled_order(star, seed)
        assert critical_path(order) == n == star.statistics().hottest_degree
        assert predict(order, n_workers).speedup < 1
        assert predict(order, n_workers, FREE).speedup == 1
    # A fraction of the samples: at most 1 / fraction. Work over workers alone would promise more.
    hot = np.where(np.arange(n) % 4 == 0, 0, np.arange(1, n + 1))
    order = shuffled_order(Hypergraph(hot, 1, n + 1), 0)
    found = predict(order, n_workers)
    assert critical_path(order) == n // 4
    assert found.speedup <= predict(order, n_workers, FREE).speedup <= 4
    assert (found.serial / n_workers < n // 4 * DEFAULT_COSTS.sample) == (n_workers > 4)


@given(graph=hypergraphs(max_samples=5, distinct=True))
def test_the_best_order_has_as_many_levels_as_colours(graph: Hypergraph) -> None:
    n = graph.n_samples
    paths = [critical_path(given_order(graph, list(order))) for order in permutations(range(n))]
    conflicts = graph.conflict_graph()
    edges = list(conflicts.edges)
    colours = next(
        k
        for k in range(n + 1)
        if any(all(c[a] != c[b] for a, b in edges) for c in product(range(k), repeat=n))
    )
    clique = max(map(len, nx.find_cliques(conflicts)), default=0)
    assert min(paths) == colours >= clique >= graph.degrees.max(initial=0) * (n > 0)


def test_naive_claims_about_the_critical_path_fail() -> None:
    n = 500
    chain = path(n)
    found = chain.statistics()
    # "It is the degree of the hottest variable"; "few conflicts suffice".
    assert (found.hottest_degree, found.max_degree) == (2, 2)
    assert found.tau_bound > n / 4
    assert critical_path(given_order(chain, np.arange(n))) == n
    # It is a property of the order, not of the conflict graph alone.
    assert critical_path(shuffled_order(chain, 0)) < 12
    evens_first = np.concatenate([np.arange(0, n, 2), np.arange(1, n, 2)])
    assert critical_path(given_order(chain, evens_first)) == 2
    # A triangle has no order as short as its hottest variable.
    triangle = Hypergraph([[0, 1], [1, 2], [0, 2]], 2, 3)
    assert {critical_path(given_order(triangle, s)) for s in permutations(range(3))} == {3}
    assert triangle.degrees.max() == 2
    # "It is at least the largest conflict degree."
    hub = Hypergraph([*range(9), *range(9)], [0, *range(9, 19)], 9)
    assert hub.statistics().max_degree == 9
    assert critical_path(given_order(hub, np.arange(10))) == 2
    # "It is at least the number of incidences": a sample that names a variable twice is one.
    twice = Hypergraph([0, 0], 2, 1)
    assert (twice.degrees.max(), critical_path(given_order(twice, [0]))) == (2, 1)


def texts(length: int, **options: Any) -> LinearModel:
    """Return a model of rows with `length` entries; column 0 is in every third row."""
    rng = np.random.default_rng(7)
    n, d = 60, 4 * length
    columns = [
        np.concatenate([[0] if i % 3 == 0 else [1], 2 + rng.permutation(d - 2)[: length - 1]])
        for i in range(n)
    ]
    X = sp.csr_array(
        (np.ones(n * length), np.sort(columns).ravel(), np.arange(n + 1) * length), shape=(n, d)
    )
    outputs = options.pop("outputs", 1)
    targets = np.where(rng.random((n, outputs)) < 0.5, 1.0, -1.0)
    return LinearModel(X, targets, LinearParameters(block_size=32, **options))


def amdahl(model: LinearModel, length: int) -> tuple[float, float, float]:
    """Return (serial, what every worker does, what is shared): (L2.1), one output, sparse."""
    own, shared = 70.0, 0.75 * length
    if model.loss_name == "hinge":
        own, shared = 0.5 * own, 0.5 * shared
    return own + shared, own + 4 * 1.2, shared


@pytest.mark.parametrize("loss", ["hinge", "log_loss"])
@pytest.mark.parametrize("length", [76, 1_000])
def test_lookahead_is_bounded_by_what_every_worker_does(
    monkeypatch: Any, loss: str, length: int
) -> None:
    model = texts(length, loss=loss)
    order = shuffled_order(model.hypergraph, 0)
    serial, alone, shared = amdahl(model, length)
    speedups = [model.predicted_speedup(order, 2**k) for k in range(41)]
    assert max(speedups) < serial / alone
    # Amdahl is not attained: exchanges grow, and the best number of workers is finite.
    peak = shared * math.log(2) / 8.0
    exchange = 8.0 * math.log2(2 * peak)
    best = serial / (alone + 8.0 / math.log(2) + exchange)
    assert max(model.predicted_speedup(order, p) for p in range(1, 200)) == pytest.approx(
        best, rel=1e-2
    )
    assert speedups[-1] < speedups[10] < best
    monkeypatch.setattr(linear_cost, "_EXCHANGE", 0.0)
    limit = model.predicted_speedup(order, 2**60)
    assert limit == pytest.approx(serial / alone, rel=1e-12)
    assert limit != pytest.approx(serial / (alone - 4.8), rel=0.01)  # a forgotten recurrence
    monkeypatch.setattr(linear_cost, "_RESPONSE", 0.0)
    monkeypatch.setattr(linear_cost, "_RECURRENCE", 0.0)
    assert model.predicted_speedup(order, 1_000) > 500  # no serial part, no bound


def test_every_worker_visits_every_block() -> None:
    for n_workers in (1, 2, 16):
        schedule = plan_lockstep(np.arange(320), 21, n_workers)
        assert (np.diff(schedule.worker_ptr) == 21).all()


def test_rows_as_short_as_those_of_rcv1() -> None:
    n = 60
    model = texts(76, loss="log_loss")
    order = shuffled_order(model.hypergraph, 0)
    assert critical_path(order) == n  # the intercept is in every support
    plain = texts(76, loss="log_loss", fit_intercept=False)
    assert critical_path(shuffled_order(plain.hypergraph, 0)) >= n - n // 3
    assert predict(order, 8).speedup < 1

    def best(length: int, **options: Any) -> float:
        model = texts(length, **options)
        order = shuffled_order(model.hypergraph, 0)
        return max(model.predicted_speedup(order, p) for p in range(2, 65))

    assert 0.85 < best(76, loss="hinge") < 1
    long, short = texts(1_000, loss="log_loss"), texts(20, loss="log_loss")
    for n_workers in (2, 8, 64):
        assert choose_engine("auto", long, order, n_workers)[0].name == "lookahead"
        assert choose_engine("auto", short, order, n_workers)[0].name == "serial"
    assert 1.1 < best(76, loss="log_loss") < 1.13
    # "All samples conflict, so nothing can be gained": long rows.
    assert best(1_000, loss="log_loss") > 5
    assert best(1_000, loss="hinge") > 4
    assert 2 < best(76, loss="log_loss", outputs=103) < 4387 / 682


def test_cliques_of_conflicts_are_runs() -> None:
    rng = np.random.default_rng(8)
    for _ in range(20):
        graph = Hypergraph(rng.integers(6, size=(8, 2)), 2, 6)
        order = given_order(graph, rng.integers(8, size=12))
        sets = [set(graph.support(s).tolist()) for s in order.sequence]
        largest = max(
            (
                len(c)
                for size in range(1, 6)
                for c in combinations(range(12), size)
                if all(sets[a] & sets[b] for a, b in combinations(c, 2))
            ),
            default=0,
        )
        assert critical_path(order) >= largest

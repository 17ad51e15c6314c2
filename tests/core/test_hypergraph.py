"""Conflict statistics against brute force over sets."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given

from serialeq import hypergraph as module
from serialeq.errors import DataError
from serialeq.hypergraph import Hypergraph
from serialeq.planning.prediction import critical_path, predict
from serialeq.testing import cases, hypergraphs


def supports(graph: Hypergraph) -> list[set[int]]:
    return [set(graph.support(e).tolist()) for e in range(graph.n_samples)]


@given(graph=hypergraphs())
def test_the_conflict_graph_joins_samples_that_meet(graph: Hypergraph) -> None:
    sets = supports(graph)
    edges = {(a, b) for a, b in combinations(range(len(sets)), 2) if sets[a] & sets[b]}
    assert {tuple(sorted(edge)) for edge in graph.conflict_graph().edges} == edges
    assert graph.conflict_graph().number_of_nodes() == graph.n_samples


@given(graph=hypergraphs(distinct=True))
def test_statistics_equal_brute_force(graph: Hypergraph) -> None:
    if graph.n_samples == 0:
        with pytest.raises(DataError, match="statistics: expected at least one sample, got none"):
            graph.statistics()
        return
    sets = supports(graph)
    n = graph.n_samples
    conflicts = [sum(bool(s & other) for other in sets) - bool(s) for s in sets]
    degrees = [sum(v in s for s in sets) for v in range(graph.n_variables)]
    found = graph.statistics()
    assert (found.n_samples, found.n_variables, found.exact) == (n, graph.n_variables, True)
    assert found.mean_degree == pytest.approx(sum(conflicts) / n)
    assert found.max_degree == max(conflicts)
    assert found.omega == max(map(len, sets))
    assert found.rho == (max(conflicts) + 1) / n
    assert graph.degrees.tolist() == degrees
    assert found.hottest_degree == max(degrees) == degrees[found.hottest_variable]
    assert found.conflict_probability == pytest.approx(sum(conflicts) / n**2)
    if any(conflicts):
        assert found.tau_bound == pytest.approx(n**2 / (2 * sum(conflicts)))
    else:
        assert found.tau_bound == float("inf")


@given(graph=hypergraphs())
def test_conflict_degrees_are_those_of_sets_also_with_repeated_variables(graph: Hypergraph) -> None:
    if graph.n_samples:
        expected = dict(graph.conflict_graph().degree)
        found = graph.statistics()
        assert found.max_degree == max(expected.values())
        assert found.mean_degree == pytest.approx(sum(expected.values()) / graph.n_samples)


def test_a_subset_is_looked_at_where_all_conflicts_are_too_many(monkeypatch: Any) -> None:
    # 3,000 samples of one cell of a star each: every sample meets all of the others.
    indices = np.stack([np.zeros(3_000, int), *(np.arange(1, 6_001).reshape(2, 3_000))], axis=1)
    graph = Hypergraph(indices, 3, 6_001)
    assert graph.statistics().exact
    monkeypatch.setattr(module, "_EXACT_WORK", 1)
    found = graph.statistics()
    assert not found.exact
    assert (found.max_degree, found.mean_degree, found.rho) == (2_999, 2_999.0, 1.0)


def test_a_hypergraph_from_a_matrix() -> None:
    matrix = sp.csr_array(np.array([[0, 2.5, 0], [1, 0, 1], [0, 0, 0]]))
    graph = Hypergraph.from_matrix(matrix)
    assert supports(graph) == [{1}, {0, 2}, set()]
    assert (graph.matrix() != (matrix != 0)).nnz == 0
    uniform = Hypergraph([[0, 1], [1, 2]], 2, 3)
    assert uniform.matrix().toarray().tolist() == [[1, 1, 0], [0, 1, 1]]


@pytest.mark.parametrize(
    ("indices", "indptr", "message"),
    [
        ([0, 3], 1, r"indices: expected variables in 0\.\.2, got values from 0 to 3"),
        ([-1, 2], 1, r"indices: expected variables in 0\.\.2, got values from -1 to 2"),
        ([0.5, 1.0], 1, "indices: expected integers, got float64"),
        ([0, 1, 2], 2, "indptr: 3 indices are no whole number of 2-sets"),
        ([0, 1], 0, "indptr: 2 indices are no whole number of 0-sets"),
        ([0, 1], [0, 1], "indptr: expected to run from 0 to 2"),
        ([0, 1], [1, 2], "indptr: expected to run from 0 to 2"),
        ([0, 1], [], "indptr: expected to run from 0 to 2"),
        ([0, 1], [0, 2, 1, 2], "indptr: expected a non-decreasing sequence"),
    ],
)
def test_bad_incidences_are_refused(indices: Any, indptr: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        Hypergraph(indices, indptr, 3)


def test_the_conflict_graph_is_for_small_hypergraphs() -> None:
    graph = Hypergraph(np.zeros(20_001, int), 1, 1)
    with pytest.raises(ValueError, match="expected at most 20000 samples, got 20001"):
        graph.conflict_graph()


@given(case=cases())
def test_the_critical_path_is_the_longest_chain_of_conflicts(case: Any) -> None:
    _, order, n_workers = case
    sizes = order.sizes.tolist() or [1] * order.n_steps
    sets = [set(order.tasks.support(task).tolist()) for task in order.sequence]
    length: list[int] = []
    for i, support in enumerate(sets):
        before = [length[j] for j in range(i) if sets[j] & support]
        length.append(sizes[i] + max(before, default=0))
    assert critical_path(order) == max(length, default=0)
    prediction = predict(order, n_workers)
    assert prediction.n_workers == n_workers
    assert prediction.serial <= n_workers * prediction.parallel

"""Graph cuts: the bits, the supports, the objective, and how near the minimum they come."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from harness import EQUIVALENT, plan, same_bytes
from hypothesis import given, settings
from hypothesis import strategies as st
from problems.cut import oracle
from scipy.sparse.csgraph import maximum_flow

from serialeq import MultiwayCut
from serialeq.errors import SupportError
from serialeq.native.kernel import kernel
from serialeq.native.team import WorkerTeam
from serialeq.problems.cut.graphs import Graph, grid_graph, matrix_graph
from serialeq.problems.cut.kernel import two_way_kernel
from serialeq.problems.cut.problem import GraphCut
from serialeq.testing import (
    assert_serial_equivalent,
    check_schedule,
    check_supports,
    explore,
)
from serialeq.training.session import OrderSource, Session


def random_graph(n_nodes: int, n_edges: int, seed: int) -> Graph:
    """Return a graph in which an edge may occur several times, in four blocks at random."""
    rng = np.random.default_rng(seed)
    first = rng.integers(0, n_nodes, n_edges)
    second = (first + rng.integers(1, n_nodes, n_edges)) % n_nodes
    edges = np.stack([first, second], axis=1).astype(np.uint32)
    weights = rng.uniform(0.01, 3.0, n_edges).astype(np.float32)
    return Graph(edges, weights, rng.integers(0, 4, n_nodes).astype(np.uint32), 4, (n_nodes,))


def some_seeds(n_nodes: int, n_labels: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    seeds = np.where(rng.random(n_nodes) < 0.2, rng.integers(0, n_labels, n_nodes), -1)
    seeds[:n_labels] = np.arange(n_labels)
    return seeds.astype(np.int32)


def random_problem(n_nodes: int, n_edges: int, n_labels: int, seed: int) -> GraphCut:
    graph = random_graph(n_nodes, n_edges, seed)
    return GraphCut(graph, some_seeds(n_nodes, n_labels, seed), n_labels, step=0.3, decay=0.8)


def uneven_shares(seeds: np.ndarray, n_labels: int, seed: int) -> np.ndarray:
    """Return points of the simplex, many of them near its faces, and the seeds' corners."""
    rng = np.random.default_rng(seed)
    x = rng.dirichlet(np.full(n_labels, 0.3), seeds.size).astype(np.float32)
    x[seeds >= 0] = np.eye(n_labels, dtype=np.float32)[seeds[seeds >= 0]]
    return x[:, 1] if n_labels == 2 else x


def run(problem: GraphCut, order: Any, engine: str, n_workers: int, n_epochs: int) -> None:
    with WorkerTeam(n_workers, n_workers) as team:
        session = Session(problem, OrderSource(problem, order, 3, team), engine, team)
        for epoch in range(n_epochs):
            session.run_epoch(epoch)


@settings(max_examples=20)
@given(
    sizes=st.tuples(st.integers(6, 20), st.integers(0, 60)),
    n_labels=st.integers(2, 5),
    kind=st.sampled_from(["given", "shuffled", "reshuffled", "blocked", "repeats"]),
    n_workers=st.integers(1, 8),
    seed=st.integers(0, 99),
)
def test_every_engine_equals_the_oracle(
    sizes: tuple[int, int], n_labels: int, kind: str, n_workers: int, seed: int
) -> None:
    n_nodes, n_edges = sizes
    problem = random_problem(n_nodes, n_edges, n_labels, seed)
    order: Any = kind
    if kind == "repeats":
        order = np.random.default_rng(seed).integers(0, max(n_edges, 1), 2 * n_edges)
    source = OrderSource(problem, order, 3)
    epochs = [source.epoch(epoch).samples() for epoch in range(2)]
    seeds = some_seeds(n_nodes, n_labels, seed)
    graph = problem.graph
    start = uneven_shares(seeds, n_labels, seed)
    expected = oracle.cut(graph.edges, graph.weights, seeds, start, epochs, 0.3, 0.8)
    for engine in EQUIVALENT:
        problem = random_problem(n_nodes, n_edges, n_labels, seed)
        problem.load({"x": start})
        run(problem, order, engine, n_workers, 2)
        assert same_bytes(problem.trained(), {"x": expected}), engine


@pytest.mark.parametrize("n_labels", [2, 3])
def test_the_start_is_even_except_at_seeds(n_labels: int) -> None:
    seeds = some_seeds(20, n_labels, 3)
    x = random_problem(20, 30, n_labels, 3).trained()["x"]
    np.testing.assert_array_equal(x[seeds < 0], np.float32(1 / n_labels))
    corners = np.eye(n_labels, dtype=np.float32)[seeds[seeds >= 0]]
    np.testing.assert_array_equal(x[seeds >= 0], corners[:, 1] if n_labels == 2 else corners)


@pytest.mark.parametrize("n_labels", [2, 3])
@pytest.mark.parametrize("order", ["blocked", "shuffled", "reshuffled", "given"])
def test_serial_equivalence_on_a_grid(order: str, n_labels: int) -> None:
    image = np.random.default_rng(2).random((9, 10, 11))
    graph = grid_graph(image, 1.0)
    assert graph.n_blocks >= 16
    seeds = some_seeds(image.size, n_labels, 4)
    assert_serial_equivalent(
        lambda: GraphCut(graph, seeds, n_labels), order, workers=range(1, 9), epochs=2
    )


def test_two_runs_that_differ_are_told_apart() -> None:
    class HalfSteps(GraphCut):
        made = 0

        def begin_epoch(self, epoch: int, n_samples: int) -> None:
            super().begin_epoch(epoch, n_samples)
            HalfSteps.made += 1
            self._step[0] *= 1 + 1e-6 * (HalfSteps.made > 2)

    graph = random_graph(10, 40, 0)
    with pytest.raises(AssertionError, match="array 'x'"):
        assert_serial_equivalent(lambda: HalfSteps(graph, some_seeds(10, 2, 0), 2))


@pytest.mark.parametrize("n_labels", [2, 4])
def test_updates_touch_their_two_nodes_only(n_labels: int) -> None:
    check_supports(random_problem(12, 50, n_labels, 1))


@kernel
def straying_kernel(c: Any, start: int, stop: int) -> None:
    """Draw the ends together, and node 0 a little, too."""
    for k in range(start, stop):
        u, v = c.pairs[k, 0] >> 1, c.pairs[k, 1] >> 1
        middle = np.float32(0.5) * (c.x[u] + c.x[v])
        c.x[u] = c.x[v] = middle
        c.x[0] += np.float32(1e-3) * middle


def test_an_update_that_strays_is_found() -> None:
    problem = random_problem(12, 50, 2, 1)
    assert problem.kernel is two_way_kernel
    problem.kernel = straying_kernel
    with pytest.raises(SupportError, match="writes variable 0"):
        check_supports(problem)


@pytest.mark.parametrize("n_labels", [2, 3])
@pytest.mark.parametrize("engine", EQUIVALENT)
def test_schedules_admit_the_serial_result_only(engine: str, n_labels: int) -> None:
    problem = random_problem(8, 14, n_labels, 5)
    for order in (problem.blocked_order(0), OrderSource(problem, "shuffled", 0).epoch(0)):
        schedule = plan(engine, order, 3, 5)
        check_schedule(order, schedule)
        explore(lambda: random_problem(8, 14, n_labels, 5), order, schedule)


@pytest.mark.parametrize("n_labels", [2, 3, 5])
def test_x_stays_on_the_simplex_and_seeds_at_their_corners(n_labels: int) -> None:
    problem = random_problem(30, 200, n_labels, 6)
    seeds = some_seeds(30, n_labels, 6)
    run(problem, "blocked", "serial", 1, 20)
    x = problem.trained()["x"]
    rows = np.stack([1 - x, x], axis=1) if n_labels == 2 else x
    assert rows.min() >= 0
    np.testing.assert_allclose(rows.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_array_equal(rows[seeds >= 0], np.eye(n_labels)[seeds[seeds >= 0]])
    assert (rows[seeds < 0] != np.float32(1 / n_labels)).any()


@pytest.mark.parametrize("n_labels", [2, 3])
def test_the_loss_is_the_relaxed_objective_for_any_team(n_labels: int) -> None:
    problem = random_problem(40, 70_000 if n_labels == 2 else 300, n_labels, 7)
    run(problem, "blocked", "serial", 1, 1)
    graph = problem.graph
    expected = oracle.objective(graph.edges, graph.weights, problem.trained()["x"])
    assert problem.loss() == pytest.approx(expected, rel=1e-6)
    with WorkerTeam(3, 3) as team:
        assert problem.loss(team) == problem.loss()


@given(n_edges=st.integers(1, 80), seed=st.integers(0, 999))
def test_two_labels_get_the_best_of_all_thresholds(n_edges: int, seed: int) -> None:
    problem = random_problem(15, n_edges, 2, seed)
    run(problem, "given", "serial", 1, 2)
    x = problem.trained()["x"]
    u, v = problem.graph.edges.T
    weights = problem.graph.weights.astype(float)
    cuts = [weights[(x[u] > t) != (x[v] > t)].sum() for t in np.unique(x)[:-1]]
    labels, weight = problem.cut()
    assert weight == pytest.approx(min(cuts), rel=1e-9, abs=1e-9)
    assert weight == pytest.approx(weights[labels[u] != labels[v]].sum(), abs=1e-9)
    assert weight <= problem.loss() + 1e-5
    seeds = some_seeds(15, 2, seed)
    np.testing.assert_array_equal(labels[seeds >= 0], seeds[seeds >= 0])


def test_more_labels_go_to_the_largest_share() -> None:
    problem = random_problem(15, 50, 4, 0)
    run(problem, "given", "serial", 1, 2)
    labels, weight = problem.cut()
    np.testing.assert_array_equal(labels, problem.trained()["x"].argmax(axis=1))
    u, v = problem.graph.edges.T
    assert weight == pytest.approx(problem.graph.weights[labels[u] != labels[v]].sum())


def minimum_cut(graph: Graph, seeds: np.ndarray) -> float:
    """Return the weight of the minimum cut between two labels' seeds, by SciPy's maximum flow."""
    unit = 1e-6
    n, weights = graph.n_nodes, np.rint(graph.weights / unit).astype(np.int32)
    source, sink = np.flatnonzero(seeds == 0), np.flatnonzero(seeds == 1)
    u, v = graph.edges.astype(np.int64).T
    plenty = np.full(source.size + sink.size, 2**31 - 1, dtype=np.int32)
    rows = np.concatenate([u, v, np.full(source.size, n), sink])
    columns = np.concatenate([v, u, source, np.full(sink.size, n + 1)])
    capacities = np.concatenate([weights, weights, plenty])
    network = sp.csr_array((capacities, (rows, columns)), shape=(n + 2, n + 2))
    return float(maximum_flow(network, n, n + 1).flow_value) * unit


def disk(radius: float, noise: float, shape: tuple[int, ...], seed: int) -> np.ndarray:
    places = np.indices(shape)
    squares = sum((x - n / 2) ** 2 for x, n in zip(places, shape, strict=True))
    return (squares < radius**2) + noise * np.random.default_rng(seed).normal(size=shape)


def corners_against_brush(shape: tuple[int, ...]) -> np.ndarray:
    seeds = np.full(shape, -1)
    seeds[0] = seeds[-1] = 0
    middle = tuple(slice(n // 2 - 1, n // 2 + 2) for n in shape[:-1])
    seeds[(*middle, slice(shape[-1] // 3, 2 * shape[-1] // 3))] = 1
    return seeds


def scattered(shape: tuple[int, ...]) -> np.ndarray:
    rng = np.random.default_rng(8)
    inside = disk(0.3 * min(shape), 0.0, shape, 0) > 0
    return np.where(rng.random(shape) < 0.02, inside.astype(int), -1)


@pytest.mark.parametrize("seeds_of", [corners_against_brush, scattered])
@pytest.mark.parametrize("noise", [0.1, 0.3, 0.6])
@pytest.mark.parametrize("shape", [(64, 64), (40, 90), (16, 20, 20)])
def test_two_labels_come_within_a_hundredth_of_the_minimum_cut(
    shape: tuple[int, ...], noise: float, seeds_of: Any
) -> None:
    graph = grid_graph(disk(0.3 * min(shape), noise, shape, 1), 1.0)
    seeds = seeds_of(shape)
    model = MultiwayCut(1000, decay=0.993, n_jobs=1).fit(graph, seeds)
    least = minimum_cut(graph, seeds.reshape(-1))
    assert model.cut_value_ >= least * (1 - 1e-4)
    assert model.cut_value_ <= least * 1.01


def test_two_labels_come_within_a_hundredth_on_a_graph() -> None:
    rng = np.random.default_rng(3)
    part = rng.integers(0, 2, 200)
    likely = np.where(part[:, None] == part, 0.15, 0.02)
    matrix = np.triu(rng.random((200, 200)) < likely, 1) * rng.uniform(0.5, 1.5, (200, 200))
    graph = matrix_graph(sp.csr_array(matrix + matrix.T))
    seeds = np.where(rng.random(200) < 0.4, part, -1)
    model = MultiwayCut().fit(graph, seeds)
    least = minimum_cut(graph, seeds)
    assert least * (1 - 1e-4) <= model.cut_value_ <= least * 1.01
    assert (model.labels_ == part).mean() > 0.95


def test_tasks_of_one_colour_are_apart() -> None:
    graph = grid_graph(np.random.default_rng(0).random((64, 64)), 1.0)
    problem = GraphCut(graph, some_seeds(4096, 2, 0), 2)
    order = problem.blocked_order(0)
    assert order.tasks.n_samples == graph.n_blocks + 2 * 4 * 3  # tiles, and their common sides
    assert np.array_equal(np.sort(order.samples()), np.arange(graph.weights.size))

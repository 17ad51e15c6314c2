"""Orders are functions of data, seed and epoch; blocked ones are parallel by construction."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from factorizations import factorization
from hypothesis import given
from hypothesis import strategies as st

from serialeq.errors import DataError, SerialeqError
from serialeq.hypergraph import Hypergraph
from serialeq.native.random import permutation, shuffle, stream_key
from serialeq.native.team import WorkerTeam
from serialeq.order import (
    Order,
    blocked_order,
    given_order,
    greedy_colours,
    shuffled_order,
    two_level_order,
)
from serialeq.problems.mf.blocks import grid_blocks
from serialeq.testing import Chain, hypergraphs
from serialeq.training.session import OrderSource

_MASK = (1 << 64) - 1


def path(n: int) -> Hypergraph:
    return Hypergraph(np.stack([np.arange(n), np.arange(1, n + 1)], axis=1), 2, n + 1)


def tasks_of(order: Order) -> list[set[int]]:
    assert order.members is not None
    pieces = np.split(order.members, order.bounds[1:-1])
    return [set(piece.tolist()) for piece in pieces]


def split_mix(key: int, counter: int) -> int:
    """SplitMix64 in plain Python."""
    z = (key + (counter + 1) * 0x9E3779B97F4A7C15) & _MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
    return z ^ (z >> 31)


@given(n=st.integers(0, 60), seed=st.integers(0, 1 << 40), epoch=st.integers(0, 1000))
def test_a_shuffle_is_fisher_yates_with_indexed_bits(n: int, seed: int, epoch: int) -> None:
    key = stream_key(seed, "shuffled order", epoch)
    expected = list(range(n))
    i = n - 1
    while i > 0:
        bits = split_mix(int(key), i)
        for half in (bits >> 32, bits & 0xFFFFFFFF):
            if i > 0:
                j = (half * (i + 1)) >> 32
                expected[i], expected[j] = expected[j], expected[i]
                i -= 1
    order = shuffled_order(path(n) if n else Hypergraph([], 1, 1), seed, epoch)
    assert order.samples().tolist() == expected
    assert sorted(expected) == list(range(n))


def test_streams_differ_by_seed_purpose_and_index() -> None:
    keys = {int(stream_key(*what)) for what in [(0, "a"), (1, "a"), (0, "b"), (0, "a", 1)]}
    assert len(keys) == 4


def test_every_arrangement_is_as_likely() -> None:
    counts: dict[tuple[int, ...], int] = {}
    for seed in range(6_000):
        arrangement = tuple(permutation(4, np.uint64(split_mix(seed, 0))).tolist())
        counts[arrangement] = counts.get(arrangement, 0) + 1
    assert len(counts) == 24
    chi_squared = sum((count - 250) ** 2 / 250 for count in counts.values())
    assert chi_squared < 49.7  # 99.9 % of the distribution with 23 degrees of freedom


def test_only_the_given_part_is_shuffled() -> None:
    values = np.arange(50, dtype=np.int32)
    shuffle(values, 10, 40, np.uint64(1))
    assert values[:10].tolist() == list(range(10))
    assert values[40:].tolist() == list(range(40, 50))
    assert sorted(values[10:40]) == list(range(10, 40))
    assert values[10:40].tolist() != list(range(10, 40))


def test_an_order_is_a_function_of_seed_and_epoch() -> None:
    graph = path(100)
    for epoch in (0, 7):
        first, second = (shuffled_order(graph, 3, epoch).samples() for _ in range(2))
        assert first.tolist() == second.tolist()
    different = {tuple(shuffled_order(graph, s, e).samples()) for s in range(3) for e in range(3)}
    assert len(different) == 9


@given(graph=hypergraphs(), n_blocks=st.integers(1, 6), seed=st.integers(0, 9), data=st.data())
def test_a_blocked_order_groups_samples_by_their_blocks(
    graph: Hypergraph, n_blocks: int, seed: int, data: Any
) -> None:
    size = graph.n_variables
    labels = data.draw(st.lists(st.integers(0, n_blocks - 1), min_size=size, max_size=size))
    order = blocked_order(graph, labels, n_blocks, seed)
    assert sorted(order.samples()) == list(range(graph.n_samples))
    assert sorted(order.sequence) == list(range(order.tasks.n_samples))
    assert order.n_samples == graph.n_samples
    signatures = set()
    for task, members in enumerate(tasks_of(order) if graph.n_samples else []):
        blocks = set(order.tasks.support(task).tolist())
        assert len(blocks) == order.tasks.support(task).size
        signatures.add(frozenset(blocks))
        for sample in members:
            assert {labels[v] for v in graph.support(sample)} == blocks
    assert len(signatures) == order.n_steps
    assert order.weights.tolist() == np.bincount(labels, minlength=n_blocks).tolist()


@given(graph=hypergraphs())
def test_tasks_of_one_colour_share_no_block(graph: Hypergraph) -> None:
    colours = greedy_colours(graph)
    for a, b in graph.conflict_graph().edges:
        assert colours[a] != colours[b]


def test_tasks_follow_each_other_colour_by_colour() -> None:
    order = blocked_order(path(40), np.arange(41) // 4, 11, 0)
    colours = greedy_colours(order.tasks)[order.sequence]
    assert (np.diff(colours) >= 0).all()
    assert len(set(colours)) == 3  # along a path: blocks, and the pairs of neighbours
    backwards = blocked_order(path(40), np.arange(41) // 4, 11, 0, lambda t: -greedy_colours(t))
    assert (np.diff(greedy_colours(backwards.tasks)[backwards.sequence]) <= 0).all()


def test_the_seed_shuffles_samples_inside_their_tasks() -> None:
    graph, labels = path(400), np.arange(401) // 100
    one, two = (blocked_order(graph, labels, 5, seed) for seed in (1, 2))
    assert tasks_of(one) == tasks_of(two)
    assert one.samples().tolist() != two.samples().tolist()
    assert one.samples().tolist() == blocked_order(graph, labels, 5, 1).samples().tolist()


@pytest.mark.parametrize(
    ("arity", "n_blocks"),
    [(1, 3), (2, 16), (2, 255), (2, 256), (3, 10), (3, 200), (5, 6)],  # keys of 16 and 64 bits
)
def test_the_number_of_threads_does_not_show_in_a_blocked_order(arity: int, n_blocks: int) -> None:
    rng = np.random.default_rng(arity)
    graph = Hypergraph(rng.integers(0, 400, (1_000, arity)), arity, 400)
    labels = rng.integers(0, n_blocks, 400)
    orders = []
    for n_threads in (1, 2, 3, 7):
        with WorkerTeam(n_threads, n_threads) as team:
            orders.append(blocked_order(graph, labels, n_blocks, 0, team=team))
    for order in orders:
        assert order.samples().tobytes() == orders[0].samples().tobytes()
        assert order.bounds.tobytes() == orders[0].bounds.tobytes()
    for task, members in enumerate(tasks_of(orders[0])):
        blocks = set(orders[0].tasks.support(task).tolist())
        assert all(set(labels[graph.support(e)].tolist()) == blocks for e in members)


def test_too_many_blocks_for_long_supports_are_refused() -> None:
    graph = Hypergraph(np.arange(10), 10, 10)
    with pytest.raises(SerialeqError, match="expected few blocks per sample, got 10 of 80"):
        blocked_order(graph, np.arange(10), 80, 0)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 1], r"labels: expected one for each of 3 variables, got shape \(2,\)"),
        ([0, 1, 2], r"labels: expected blocks in 0\.\.1, got values from 0 to 2"),
        ([-1, 1, 0], r"labels: expected blocks in 0\.\.1, got values from -1 to 1"),
    ],
)
def test_bad_labels_are_refused(labels: list[int], message: str) -> None:
    with pytest.raises(DataError, match=message):
        blocked_order(path(2), labels, 2, 0)


@pytest.mark.parametrize(
    ("sequence", "message"),
    [
        ([[0, 1]], "order: expected a 1-d array of sample numbers, got 2-d int64"),
        (3, "order: expected a 1-d array of sample numbers, got 0-d int64"),
        ([0.0, 1.0], "order: expected a 1-d array of sample numbers, got 1-d float64"),
        ([True, False], "order: expected a 1-d array of sample numbers, got 1-d bool"),
        ([0, 5], r"order: expected samples in 0\.\.4, got values from 0 to 5"),
        ([-1, 2], r"order: expected samples in 0\.\.4, got values from -1 to 2"),
    ],
)
def test_bad_given_orders_are_refused(sequence: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        given_order(path(5), sequence)


def test_a_given_order_may_repeat_and_leave_out() -> None:
    order = given_order(path(5), [4, 4, 0])
    assert order.is_fine
    assert order.samples().tolist() == [4, 4, 0]
    assert (order.n_steps, order.n_samples, order.name) == (3, 3, "given")
    assert given_order(path(5), []).n_samples == 0


def test_the_latin_square_of_a_factorization_is_a_proper_colouring() -> None:
    rng = np.random.default_rng(0)
    n = 70_000  # enough for a grid of 16 blocks
    users, items = rng.integers(0, 300, n), rng.integers(0, 200, n)
    order = factorization(users, items, rng.random(n), (300, 200), n_factors=8).blocked_order(0)
    grid = order.tasks.indices.reshape(-1, 2)
    assert grid.shape == (256, 2)
    for diagonal in range(16):
        tasks = order.sequence[16 * diagonal : 16 * (diagonal + 1)]
        assert len(set(grid[tasks].ravel())) == 32


@pytest.mark.parametrize(
    ("shape", "n_samples", "row_bytes", "expected"),
    [
        ((6_040, 3_706), 1_000_000, 128, 16),  # fits the cache
        ((33_788, 33_788), 8_100_000, 256, 16),  # finer blocks would fetch rows for one sample each
        ((20_000, 20_000), 100_000_000, 256, 128),  # as fine as the cache asks for
        ((300, 200), 10_000, 64, 4),  # 256 samples to a task
        ((10, 10), 100, 64, 1),
    ],
)
def test_the_grid_suits_cache_and_density(
    shape: tuple[int, int], n_samples: int, row_bytes: int, expected: int
) -> None:
    assert grid_blocks(shape, n_samples, row_bytes) == expected


class TestOrderSource:
    graph = path(30)

    def source(self, order: Any) -> OrderSource:
        return OrderSource(Chain(self.graph), order, seed=1)

    @pytest.mark.parametrize("order", ["given", "shuffled", [3, 3, 1]])
    def test_a_fixed_order_is_the_same_in_every_epoch(self, order: Any) -> None:
        source = self.source(order)
        assert source.key(0) == source.key(5)
        assert source.epoch(0).samples().tolist() == source.epoch(5).samples().tolist()

    def test_the_given_order_is_that_of_the_data(self) -> None:
        assert self.source("given").epoch(0).samples().tolist() == list(range(30))
        assert self.source(np.array([3, 3, 1])).epoch(0).samples().tolist() == [3, 3, 1]

    def test_reshuffled_epochs_differ_and_come_back(self) -> None:
        source = self.source("reshuffled")
        first, second, again = (source.epoch(epoch).samples().tolist() for epoch in (0, 1, 0))
        assert first == again != second
        assert source.key(0) != source.key(1)
        assert self.source("shuffled").epoch(9).samples().tolist() == first

    def test_unknown_orders_are_refused(self) -> None:
        with pytest.raises(SerialeqError, match=r"order: expected one of .*, got 'sorted'"):
            self.source("sorted")

    def test_a_problem_without_blocks_says_so(self) -> None:
        with pytest.raises(SerialeqError, match="Chain has no blocked order; use 'shuffled'"):
            self.source("blocked").epoch(0)


def test_orders_and_members_of_other_data_are_refused() -> None:
    problem = Chain(path(100))
    assert OrderSource(problem, shuffled_order(path(99), 0), 0).epoch(0).n_samples == 99
    with pytest.raises(DataError, match=r"order: expected samples in 0\.\.99, got .* to 102"):
        OrderSource(problem, shuffled_order(path(103), 0), 0).epoch(0)
    with pytest.raises(DataError, match=r"order: expected samples in 0\.\.99, got .* to 4999"):
        two_level_order(path(100), 8, 0, members=np.arange(5000))
    order = two_level_order(path(100), 8, 0, members=np.arange(100, dtype=np.uint8))
    assert order.sequence.dtype == np.int32

"""The two-level order, by which linear models are trained in blocks."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from problems.linear.trainings import HINGE, make

from serialeq.order import two_level_order


@settings(max_examples=50)
@given(
    n=st.integers(0, 200),
    block=st.sampled_from([1, 2, 4, 8, 16, 32, 64]),
    seed=st.integers(0, 2**40),
)
def test_two_level_orders_permute_blocks_and_their_insides(n: int, block: int, seed: int) -> None:
    graph = make(np.ones((max(n, 1), 1)), np.ones((max(n, 1), 1)), **HINGE).hypergraph
    n = graph.n_samples
    epochs = [two_level_order(graph, block, seed, epoch).samples() for epoch in range(3)]
    again = two_level_order(graph, block, seed, 1).samples()
    assert np.array_equal(again, epochs[1])
    whole = n // block * block
    for samples in epochs:
        assert np.array_equal(np.sort(samples), np.arange(n))
    first, *others = [{frozenset(b) for b in e[:whole].reshape(-1, block).tolist()} for e in epochs]
    assert all(other == first for other in others)


def test_two_level_orders_change_with_epoch_and_seed() -> None:
    graph = make(np.ones((1_003, 1)), np.ones((1_003, 1)), **HINGE).hypergraph
    orders = {
        (seed, epoch): two_level_order(graph, 16, seed, epoch).samples()
        for seed in (1, 2) for epoch in (0, 1)
    }  # fmt: skip
    assert len({samples.tobytes() for samples in orders.values()}) == 4
    blocks = {key: samples[:992].reshape(-1, 16) for key, samples in orders.items()}
    assert (np.sort(blocks[1, 0]) != np.sort(blocks[1, 1])).any(axis=1).mean() > 0.9  # moved
    inside = {
        key: {frozenset(block): tuple(block) for block in rows.tolist()}
        for key, rows in blocks.items()
    }
    same = [inside[1, 0][members] == inside[1, 1][members] for members in inside[1, 0]]
    assert not any(same)
    assert set(orders[1, 0][992:]) == set(orders[1, 1][992:])  # what is left over comes last
    assert inside[1, 0].keys() != inside[2, 0].keys()

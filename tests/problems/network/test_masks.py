"""Supports and masks of the dropout network are what they say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from problems.network.trainings import CONFIGS, data, make, network, title

from serialeq.errors import SupportError
from serialeq.native.random import stream_key
from serialeq.order import shuffled_order
from serialeq.planning.dataflow import plan_dataflow
from serialeq.problems.network.kernel import draw_masks
from serialeq.problems.network.problem import DropoutNetwork
from serialeq.testing import check_supports


@pytest.mark.parametrize("config", CONFIGS, ids=title)
def test_updates_touch_the_groups_that_they_declare(config: dict[str, Any]) -> None:
    for masks in ("independent", "partition"):
        check_supports(make(config, 12, n_kept=2, masks=masks))


def test_a_support_without_a_group_is_found() -> None:
    class Forgetful(DropoutNetwork):
        @property
        def hypergraph(self) -> Any:
            graph = super().hypergraph
            graph.indices[:] = (graph.indices + 1) % graph.n_variables
            return graph

    X, targets = data(5, 9, 3, 0.4, seed=5)
    problem = network(sp.csr_array(X), targets, kind=Forgetful, **CONFIGS[0], n_kept=2)
    with pytest.raises(SupportError, match="writes variable"):
        check_supports(problem)


def masks_of(problem: DropoutNetwork, epoch: int) -> np.ndarray:
    problem.draw(epoch)
    return problem._kept.astype(int)


@pytest.mark.parametrize("masks", ["partition", "independent"])
def test_masks_are_uniform_sets_of_groups(masks: str) -> None:
    problem = make(CONFIGS[0], 4_000, n_kept=4, masks=masks)
    first, second = masks_of(problem, 0).copy(), masks_of(problem, 1).copy()
    assert (np.diff(first, axis=1) > 0).all()
    assert (masks_of(problem, 0) == first).all()
    assert (first != second).any(axis=1).mean() > 0.5
    assert first.min() == 0
    assert first.max() == 15
    counts = np.bincount(first.ravel(), minlength=16)  # expected: 1,000 each
    assert (abs(counts - 1_000) < 150).all()
    n_masks = len(np.unique(first, axis=0))
    assert n_masks == 4 if masks == "partition" else n_masks > 1_500


def test_masks_are_those_of_the_algorithm() -> None:
    key, n_groups, n_kept = int(stream_key(3, "masks", 7)), 5, 2
    kept = np.empty((50, n_kept), dtype=np.uint32)
    draw_masks(kept, n_groups, np.uint64(key))

    def mix(counter: int) -> int:
        z = (key + (counter + 1) * 0x9E3779B97F4A7C15) % 2**64
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
        return z ^ (z >> 31)

    for s in range(50):
        found: list[int] = []
        for g in range(n_groups):
            if ((mix(s * n_groups + g) >> 32) * (n_groups - g)) >> 32 < n_kept - len(found):
                found.append(g)
        assert kept[s].tolist() == found


def test_parts_of_a_partition_train_in_parallel() -> None:
    problem = make(CONFIGS[0], 400, n_kept=4)
    order = problem.blocked_order(0)
    assert order.n_steps == 4
    assert plan_dataflow(order, 4).n_waits == 0
    assert plan_dataflow(shuffled_order(problem.hypergraph, 0), 4).n_waits == 0
    problem = make(CONFIGS[0], 400, n_kept=2, masks="independent")
    order = problem.blocked_order(0)
    groups = [set(order.tasks.support(t).tolist()) for t in order.sequence[:8]]
    assert len(set.union(*groups)) == sum(map(len, groups))  # the first colour is packed

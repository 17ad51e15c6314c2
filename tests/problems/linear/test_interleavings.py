"""Blocks of linear models in every order that their schedule allows, and in others."""

from __future__ import annotations

import random
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from problems.linear.trainings import BLOCKS_OF, make, text, train

from serialeq.digest import digest_arrays
from serialeq.errors import SerialeqError
from serialeq.native.team import WorkerTeam
from serialeq.order import given_order
from serialeq.planning.schedule import Schedule
from serialeq.testing import interleave


def interleaved(
    engine: str, pick: Any, n_workers: int, change: Any = lambda schedule: schedule
) -> str:
    """Return the digest of an epoch in which `pick` says who goes on, or the error that ends it."""
    X, targets = text(n=90, d=40)
    problem = make(X, targets, **BLOCKS_OF[engine])
    order = given_order(problem.hypergraph, np.random.default_rng(0).permutation(90))
    schedule, bound = problem.sliced(order, WorkerTeam(n_workers, 1), engine == "minibatch")
    runner: Any = SimpleNamespace(bind=lambda *_: bound, begin_epoch=lambda *_: None)
    problem.begin_epoch(0, 90)
    interleave(runner, change(schedule), pick)
    try:
        return digest_arrays(problem.trained())
    except SerialeqError as error:
        return str(error)


@pytest.mark.parametrize("n_workers", [1, 2, 3, 7])
@pytest.mark.parametrize("engine", BLOCKS_OF)
def test_every_interleaving_of_the_blocks_returns_the_same_bits(
    engine: str, n_workers: int
) -> None:
    X, targets = text(n=90, d=40)
    order = np.random.default_rng(0).permutation(90)
    alone = "serial" if engine == "lookahead" else engine
    expected = digest_arrays(train(make(X, targets, **BLOCKS_OF[engine]), order, alone))
    picks = [lambda ready: 0, lambda ready: -1, lambda ready: len(ready) // 2]
    for seed in range(10):
        rng = random.Random(seed)
        picks.append(lambda ready, rng=rng: rng.randrange(len(ready)))
    assert {interleaved(engine, pick, n_workers) for pick in picks} == {expected}


def without_waits(schedule: Schedule) -> Schedule:
    none = np.zeros(0, dtype=np.int32)
    return replace(
        schedule, wait_ptr=np.zeros_like(schedule.wait_ptr), wait_counter=none, wait_value=none
    )


def one_step_early(schedule: Schedule) -> Schedule:
    return replace(schedule, wait_value=schedule.wait_value - 1)


@pytest.mark.parametrize("change", [without_waits, one_step_early])
@pytest.mark.parametrize("who", [0, -1])
@pytest.mark.parametrize("engine", BLOCKS_OF)
def test_a_schedule_that_waits_too_little_is_caught(engine: str, change: Any, who: int) -> None:
    right = interleaved(engine, lambda ready: who, 3)
    assert interleaved(engine, lambda ready: who, 3, change) != right

"""The dropout network: every engine has the oracle's bytes, and supports are what they say."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from harness import same_bytes
from hypothesis import given, settings
from hypothesis import strategies as st
from problems.network.trainings import (
    CONFIGS,
    ENGINES,
    N_OUTPUTS,
    data,
    make,
    network,
    oracle,
    title,
    train,
)

from serialeq import fit
from serialeq.engines.auto import choose_engine
from serialeq.errors import DivergenceError, SerialeqError
from serialeq.native.team import WorkerTeam
from serialeq.order import shuffled_order
from serialeq.planning.dataflow import plan_dataflow
from serialeq.problems.network.kernel import OUTPUTS
from serialeq.problems.network.problem import DropoutNetwork, feed_forward
from serialeq.testing import assert_serial_equivalent, check_schedule, explore
from serialeq.training.session import OrderSource

# ---- the same bits -------------------------------------------------------------------------------


@pytest.mark.parametrize("config", CONFIGS, ids=title)
def test_serial_is_the_oracle_and_every_engine_is_serial(config: dict[str, Any]) -> None:
    seen: Counter[str] = Counter()

    @settings(max_examples=60)
    @given(
        n=st.integers(1, 40),
        d=st.integers(1, 12),
        n_kept=st.sampled_from([k for k in (1, 2, 4) if k <= config["n_groups"]]),
        masks=st.sampled_from(["partition", "independent"]),
        order=st.sampled_from(["blocked", "shuffled", "reshuffled", "repeats"]),
        n_epochs=st.integers(1, 3),
        engine=st.sampled_from(ENGINES),
        n_workers=st.integers(1, 8),
        dense=st.booleans(),
        seed=st.integers(0, 99),
    )
    def check(
        n: int, d: int, n_kept: int, masks: str, order: Any, n_epochs: int, engine: str,
        n_workers: int, dense: bool, seed: int,
    ) -> None:  # fmt: skip
        X, targets = data(n, d, N_OUTPUTS[config["output"]], 0.5, seed)
        if order == "repeats":
            order = np.random.default_rng(seed).integers(0, n, 2 * n)

        def new() -> DropoutNetwork:
            rows = X if dense else sp.csr_array(X)
            options = {"n_kept": n_kept, "masks": masks, "seed": seed}
            return network(rows, targets, **config | options)

        expected = oracle(new(), X, targets, order, n_epochs)
        assert same_bytes(train(new(), order, "serial", 1, n_epochs), expected)
        assert same_bytes(train(new(), order, engine, n_workers, n_epochs), expected)
        seen[engine] += 1

    check()
    assert set(seen) == set(ENGINES)


@pytest.mark.parametrize("order", ["blocked", "shuffled"])
@pytest.mark.parametrize("masks", ["partition", "independent"])
def test_all_engines_with_one_to_eight_workers(order: str, masks: str) -> None:
    config = CONFIGS[0] | {"n_kept": 2, "masks": masks}
    assert_serial_equivalent(lambda: make(config, 300), order, workers=range(1, 9), epochs=2)


def test_unlucky_interleavings() -> None:
    config = CONFIGS[0] | {"n_kept": 2, "masks": "independent"}
    problem = make(config)
    order = shuffled_order(problem.hypergraph, 1)
    schedule = plan_dataflow(order, 3)
    check_schedule(order, schedule)
    explore(lambda: make(config), order, schedule, n=5)


def test_every_order_mask_and_seed_makes_its_own_bits() -> None:
    # So equal bits above do say something.
    config = CONFIGS[0] | {"n_kept": 2}
    variants = [({}, "blocked"), ({}, "shuffled"), ({"seed": 1}, "shuffled")]
    variants += [({"masks": "independent"}, "shuffled"), ({"n_kept": 4}, "shuffled")]
    digests = {
        fit(make(config, **options), order, engine="serial", with_loss=False).digest
        for options, order in variants
    }
    assert len(digests) == len(variants)


def test_masks_of_an_earlier_epoch_make_other_bits() -> None:
    class Stale(DropoutNetwork):
        def draw(self, epoch: int) -> None:
            super().draw(0)

    X, targets = data(60, 9, 3, 0.4, seed=5)
    stale, fresh = (
        network(sp.csr_array(X), targets, kind=kind, **CONFIGS[0])
        for kind in (Stale, DropoutNetwork)
    )
    expected = oracle(make(CONFIGS[0]), X, targets, "given", 2)
    assert same_bytes(train(fresh, "given", "dataflow", 2, 2), expected)
    assert not same_bytes(train(stale, "given", "dataflow", 2, 2), expected)


def test_entries_in_any_order_are_one_matrix() -> None:
    X, targets = data(30, 9, 3, 0.5, seed=1)
    X[:, 0] = 0.0
    X[0, 0] = 1.0
    csr = sp.csr_array(X)
    expected = train(network(csr, targets, **CONFIGS[0]), "given", "serial", 1, 1)
    backwards = np.concatenate(
        [np.arange(b - 1, a - 1, -1) for a, b in zip(csr.indptr, csr.indptr[1:], strict=False)]
    )
    halves = sp.csr_array(
        (
            np.repeat(csr.data[backwards] / 2, 2),
            np.repeat(csr.indices[backwards], 2),
            2 * csr.indptr,
        ),
        shape=csr.shape,
    )
    problem = network(halves, targets, **CONFIGS[0])
    assert same_bytes(train(problem, "given", "serial", 1, 1), expected)
    assert halves.nnz == 2 * csr.nnz  # the caller's matrix is as it was
    full = X.copy()
    full[:, 0] = 1.0
    zeros = sp.csr_array(full)
    zeros.data[zeros.indices == 0] = X[:, 0]
    assert zeros.nnz > csr.nnz  # zeros are stored
    problem = network(zeros, targets, **CONFIGS[0])
    assert same_bytes(train(problem, "given", "serial", 1, 1), expected)


# ---- loss, prediction, auto ----------------------------------------------------------------------


@pytest.mark.parametrize("config", CONFIGS, ids=title)
def test_loss_is_that_of_the_ordinary_network(config: dict[str, Any]) -> None:
    X, targets = data(60, 9, N_OUTPUTS[config["output"]], 0.4, seed=5)
    problem = make(config, n_kept=2)
    train(problem, "shuffled", "serial", 1, 3)
    z = feed_forward(*problem.plain(problem.trained()), X).astype(float)
    if config["output"] == "softmax":
        expected = np.log(np.exp(z).sum(axis=1)) - (z * targets).sum(axis=1)
    elif config["output"] == "logistic":
        expected = (np.log1p(np.exp(z)) - z * targets).sum(axis=1)
    else:
        expected = 0.5 * ((z - targets) ** 2).sum(axis=1)
    losses = []
    for n in (1, 3):
        with WorkerTeam(n, n) as team:
            losses.append(problem.loss(team))
    assert losses[0] == losses[1]
    assert losses[0] == pytest.approx(expected.mean(), rel=1e-5)


def test_the_ordinary_network_is_the_mean_over_masks() -> None:
    X, targets = data(1, 9, 3, 0.9, seed=2)
    problem = network(X, targets, hidden_units=8, n_groups=4, n_kept=2, dtype="float64")
    trained = problem.trained()
    trained["output_bias"] += np.arange(12).reshape(4, 3)
    hidden = np.maximum(X @ trained["hidden"] + trained["hidden_bias"], 0)
    outputs = []
    for a in range(4):
        for b in range(a):
            z = np.zeros(3)
            for g in (a, b):
                units = slice(2 * g, 2 * g + 2)
                z += hidden[0, units] @ trained["output"][units] + trained["output_bias"][g]
            outputs.append(z)
    mean = feed_forward(*problem.plain(trained), X)[0]
    np.testing.assert_allclose(mean, np.mean(outputs, axis=0), rtol=1e-12)


def test_the_gradient_is_that_of_the_loss() -> None:
    # With tiny steps and all groups kept, one epoch changes the loss by what the formula says.
    X, targets = data(1, 9, 3, 0.9, seed=2)
    options = {"n_groups": 1, "n_kept": 1, "dtype": "float64", "initial_square": 1e12}
    problem = network(X, targets, hidden_units=4, learning_rate=1.0, **options)
    before, start = problem.loss(), problem.trained()
    after = train(problem, "given", "serial", 1, 1)
    moved = {k: (after[k] - start[k]) for k in after if "squares" not in k}
    gradient_square = sum((d**2).sum() for d in moved.values()) * 1e12
    assert before - problem.loss() == pytest.approx(gradient_square * 1e-6, rel=1e-3)


def test_auto_is_parallel_where_masks_leave_room() -> None:
    X, targets = data(3_000, 60, 3, 0.5, seed=5)
    chosen = {}
    for n_kept, masks, order in (
        (1, "partition", "shuffled"),
        (4, "partition", "blocked"),
        (16, "partition", "blocked"),
        (8, "independent", "shuffled"),
    ):
        problem = network(X, targets, n_kept=n_kept, masks=masks)
        source = OrderSource(problem, order, 0)
        engine, _ = choose_engine("auto", problem, source.epoch(0), 2)
        chosen[n_kept] = engine.name
    assert chosen == {1: "dataflow", 4: "dataflow", 16: "serial", 8: "serial"}


# ---- bad input -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"n_groups": 5}, "n_groups: expected a divisor of hidden_units=32, got 5"),
        ({"n_kept": 17}, "n_kept: expected 1 to n_groups=16, got 17"),
        ({"n_kept": 0}, "n_kept: expected at least 1, got 0"),
        ({"n_kept": 3}, "n_kept: expected a divisor of n_groups=16 with masks='partition', got 3"),
        ({"masks": "own"}, "masks: expected one of partition, independent, got 'own'"),
        ({"output": "tanh"}, f"output: expected one of {', '.join(OUTPUTS)}, got 'tanh'"),
    ],
    ids=str,
)  # fmt: skip
def test_wrong_options_are_named(options: dict[str, Any], told: str) -> None:
    with pytest.raises(SerialeqError, match=told):
        make(CONFIGS[0], **options)


def test_an_order_made_elsewhere_has_the_supports_of_one_epoch_only() -> None:
    problem = make(CONFIGS[0])
    with pytest.raises(SerialeqError, match="supports of DropoutNetwork change with the epoch"):
        fit(problem, shuffled_order(problem.hypergraph, 0))


def test_a_blocked_order_of_wide_masks_is_refused() -> None:
    problem = make(CONFIGS[0], n_kept=16, masks="independent")
    with pytest.raises(SerialeqError, match="use fewer blocks, or order='shuffled'"):
        problem.blocked_order(0)


def test_divergence_is_an_error() -> None:
    X, targets = data(20, 9, 3, 0.9, seed=2)
    problem = network(1e30 * X, targets, **CONFIGS[2] | {"output": "squared"})
    with pytest.raises(DivergenceError, match="the loss is"):
        fit(problem, n_epochs=3)

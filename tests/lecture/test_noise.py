"""The simulator of asynchrony noise, the bounds, and inconsistent reads."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lecture.baselines.sgd import RidgeSgd
from lecture.bounds import (
    constants,
    hogwild_promise,
    late_promise,
    measure,
    serial_promise,
    worst_case_speedup,
)
from lecture.noise import (
    conflict_probability,
    first_bound,
    measure_noise,
    second_bound,
    simulate,
)
from lecture.noise_sections import conflict_table, measured_conflicts, sweep
from lecture.ridge import SparseRidge, random_ridge, shared_ridge
from lecture.settings import Settings
from lecture.timeline import TIMELINES, make_timeline, random_draws
from lecture.torn_reads import Witness, torn_reads
from serialeq import fit
from serialeq.errors import SerialeqError
from serialeq.testing import assert_serial_equivalent, check_supports

ROUNDING = 1e-12


@st.composite
def ridges(draw: st.DrawFn) -> SparseRidge:
    """Draw a regression with supports of all sizes, empty ones included."""
    n, d = draw(st.integers(2, 40)), draw(st.integers(1, 12))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    density = draw(st.sampled_from([0.1, 0.3, 1.0]))
    X = rng.normal(size=(n, d)) * (rng.random((n, d)) < density)
    return SparseRidge(X, rng.normal(size=n), 0.05)


@st.composite
def runs(draw: st.DrawFn) -> Any:
    ridge = draw(ridges())
    tau, kind = draw(st.integers(0, 20)), draw(st.sampled_from(TIMELINES))
    seed = draw(st.integers(0, 99))
    draws = random_draws(ridge.n_samples, draw(st.integers(1, 120)), seed)
    timeline = make_timeline(ridge.hypergraph, draws, tau, kind, seed)
    step = 0.2 / max(ridge.sample_curvature(), 1.0) / (tau + 1)
    start = np.random.default_rng(seed).normal(size=ridge.n_variables)
    return ridge, simulate(ridge, timeline, step, start)


@given(runs())
def test_the_perturbed_iterate_holds_to_rounding(case: Any) -> None:
    ridge, run = case
    assert measure_noise(run, ridge.optimum).identity_error <= ROUNDING


@given(runs())
def test_the_matrices_explain_every_read(case: Any) -> None:
    ridge, run = case
    t, d = run.timeline, ridge.n_variables
    n_draws, x = t.draws.size, run.start.copy()
    gradients = np.zeros((n_draws, d))
    for k in range(n_draws):
        mine = slice(t.ptr[k], t.ptr[k + 1])
        gradients[k, t.variables[mine]] = run.gradients[mine]
    noise = measure_noise(run, ridge.optimum)
    for k in range(0, n_draws, 7):
        x = run.start - run.step * gradients[:k].sum(axis=0)
        difference = np.zeros(d)
        for i in range(n_draws):
            S = t.matrix(i, k, d)
            assert set(S.tolist()) <= ({0, 1} if i < k else {0, -1})
            if i == k or abs(i - k) > t.tau:
                assert not S.any()
            difference += run.step * S * gradients[i]
        mine = slice(t.ptr[k], t.ptr[k + 1])
        scale = max(np.abs(run.read).max(initial=0), np.abs(run.start).max())
        read = run.read[mine]
        variables = t.variables[mine]
        np.testing.assert_allclose(
            read - x[variables], difference[variables], rtol=0, atol=ROUNDING * scale
        )
        assert noise.first[k] == pytest.approx((difference**2).sum(), rel=1e-9, abs=1e-24)
        product = (difference[variables] * gradients[k, variables]).sum()
        assert noise.second[k] == pytest.approx(product, rel=1e-9, abs=1e-12 * scale**2)


@pytest.mark.parametrize("kind", TIMELINES)
def test_a_window_that_is_too_short_does_not_explain_the_reads(kind: str) -> None:
    ridge = random_ridge(60, 12, 3)
    timeline = make_timeline(ridge.hypergraph, random_draws(60, 200, 0), 6, kind)
    run = simulate(ridge, timeline, 0.05)
    short = dataclasses.replace(run, timeline=dataclasses.replace(timeline, tau=2))
    assert measure_noise(run, ridge.optimum).identity_error <= ROUNDING
    assert measure_noise(short, ridge.optimum).identity_error > 1e-6


def test_the_memory_is_that_of_the_events_in_plain_python() -> None:
    ridge = random_ridge(50, 10, 2, seed=4)
    timeline = make_timeline(ridge.hypergraph, random_draws(50, 80, 1), 5, "random", 2)
    run = simulate(ridge, timeline, 0.1)
    memory, seen, X = [0.0] * 10, {}, ridge.X
    for event in timeline.events.tolist():
        p, adds = divmod(event, 2)
        k = int(np.searchsorted(timeline.ptr, p, side="right")) - 1
        e, v = int(timeline.draws[k]), int(timeline.variables[p])
        if not adds:
            seen[k, v] = memory[v]
            continue
        row = [(int(u), float(X[e, u])) for u in ridge.hypergraph.support(e)]
        error = -float(ridge.y[e])
        for u, value in row:
            error += value * seen[k, u]
        memory[v] -= 0.1 * (error * dict(row)[v] + ridge.l2 * ridge.shares[v] * seen[k, v])
    assert run.memory.tolist() == memory


@pytest.mark.parametrize("kind", TIMELINES)
def test_without_delay_it_is_serial_sgd_bit_for_bit(kind: str) -> None:
    ridge = random_ridge(50, 10, 2)
    draws = random_draws(50, 200, 3)
    run = simulate(ridge, make_timeline(ridge.hypergraph, draws, 0, kind), 0.1)
    fitted = fit(RidgeSgd(ridge, 0.1), draws, engine="serial")
    assert run.memory.tobytes() == fitted.trained["w"].tobytes()
    late = simulate(ridge, make_timeline(ridge.hypergraph, draws, 9, kind), 0.1)
    assert late.memory.tobytes() != run.memory.tobytes()


@given(st.integers(0, 99), st.integers(1, 4), st.sampled_from(TIMELINES))
def test_noise_is_below_the_bound_up_to_the_delay_allowed(
    seed: int, support: int, kind: str
) -> None:
    ridge = random_ridge(600, 120, support, l2=1e-3, seed=seed)
    p = conflict_probability(ridge.hypergraph)
    assert 0.5 / p <= ridge.hypergraph.statistics().tau_bound
    for tau in {int(share * 0.5 / p) for share in (0.3, 1.0)}:
        timeline = make_timeline(ridge.hypergraph, random_draws(600, 400, seed), tau, kind, seed)
        noise = measure_noise(simulate(ridge, timeline, 0.1), ridge.optimum)
        assert noise.second_term <= second_bound(tau, p) <= 1.0
        assert noise.first_term <= first_bound(tau, p)


def test_noise_can_exceed_one_gradient_beyond_the_bound() -> None:
    ridge = shared_ridge(400, 4)
    tau = 50 * round(ridge.hypergraph.statistics().tau_bound)
    timeline = make_timeline(ridge.hypergraph, random_draws(400, 1000, 0), tau, "stale")
    noise = measure_noise(simulate(ridge, timeline, 1e-4), ridge.optimum)
    p = conflict_probability(ridge.hypergraph)
    assert 1.0 < 5.0 < noise.second_term <= second_bound(tau, p)


def test_delays_far_beyond_the_bound_ruin_the_constructed_problem() -> None:
    delays = sweep(shared_ridge(400, 20), 0.4, 3000, (0.0, 0.5, 1.0, 16.0), ("stale", "random"))
    errors = {(delay.kind, round(delay.ratio)): delay.error for delay in delays}
    assert max(error for (_, ratio), error in errors.items() if ratio <= 1) < 1e-12
    assert errors["stale", 16] > 1.0
    assert errors["random", 16] > 1e-9


def test_conflicts_are_as_frequent_as_predicted() -> None:
    for _, counted, slide, exact in conflict_table(Settings(quick=True)).rows:
        assert counted == pytest.approx(exact, rel=0.1, abs=5e-4)
        assert slide < exact
    graph = shared_ridge(500, 500).hypergraph  # here the slide's value is 0, and wrong
    assert measured_conflicts(graph, 50_000, 0) == pytest.approx(1 / 500, rel=0.3)
    timeline = make_timeline(graph, random_draws(500, 5000, 0), 10)
    ridge = shared_ridge(500, 500)
    noise = measure_noise(simulate(ridge, timeline, 0.1), ridge.optimum)
    assert noise.conflicts == pytest.approx(1 / 500, rel=0.3)


def test_wrong_timelines_are_refused() -> None:
    graph = shared_ridge(4, 2).hypergraph
    with pytest.raises(SerialeqError, match="kind: expected one of random, stale, ahead, got 'x'"):
        make_timeline(graph, np.zeros(1), 1, "x")
    with pytest.raises(SerialeqError, match="tau: expected at least 0, got -1"):
        make_timeline(graph, np.zeros(1), -1)


# ---- bounds --------------------------------------------------------------------------------------


def test_constants_are_those_of_the_problem() -> None:
    ridge = random_ridge(100, 20, 2, l2=0.1)
    c = constants(ridge)
    X = ridge.X.toarray()
    values = np.linalg.eigvalsh(X.T @ X / 100 + 0.1 * np.eye(20))
    assert (c.m, c.smoothness) == pytest.approx((values[0], values[-1]))
    assert c.distance == pytest.approx((ridge.optimum**2).sum())
    assert np.abs(ridge.gradient(ridge.optimum)).max() < 1e-14
    rng = np.random.default_rng(0)
    largest = 0.0
    for _ in range(200):
        way = rng.normal(size=20)
        w = ridge.optimum + way / np.linalg.norm(way) * c.distance**0.5
        sizes = ridge.gradient_sizes(w)
        assert sizes.max() <= c.gradient
        largest = max(largest, sizes.max())
        e = int(np.argmax(sizes))
        slope = (X[e] @ w - ridge.y[e]) * X[e] + 0.1 * ridge.shares * w * (X[e] != 0)
        assert sizes[e] == pytest.approx(np.linalg.norm(slope))
    assert largest > 0.3 * c.gradient
    stats = ridge.hypergraph.statistics()
    assert (c.omega, c.rho, c.mean_degree) == (2, stats.rho, stats.mean_degree)


def test_large_problems_are_estimated(monkeypatch: Any) -> None:
    ridge = random_ridge(300, 60, 3, l2=0.1)
    exact = constants(ridge)
    monkeypatch.setattr("lecture.ridge._DENSE", 10)
    estimated = constants(random_ridge(300, 60, 3, l2=0.1))
    assert exact.exact
    assert not estimated.exact
    assert estimated.m <= exact.m
    assert estimated.smoothness == pytest.approx(exact.smoothness, rel=0.02)
    assert estimated.distance == pytest.approx(exact.distance, rel=1e-6)


def test_promises_are_kept() -> None:
    ridge = random_ridge(300, 100, 2, l2=0.1)
    c = constants(ridge)
    epsilon = 0.5 * c.distance
    serial, hogwild, late = (
        promise(c, epsilon) for promise in (serial_promise, hogwild_promise, late_promise)
    )
    assert serial.tau == 0
    assert hogwild.tau >= 1
    assert late.tau > 4 * hogwild.tau
    assert serial.step == hogwild.step == 4 * late.step
    assert serial.step == pytest.approx(epsilon * c.m / (2 * c.gradient**2))
    for promise in (serial, hogwild, late):
        progress = measure(ridge, promise, n_runs=2)
        assert 0 < progress.iterations <= promise.iterations
        assert progress.largest_gradient <= c.gradient
        assert progress.distances[0] == pytest.approx(c.distance)
        short = dataclasses.replace(promise, iterations=promise.iterations // 50)
        assert measure(ridge, short, n_runs=2).iterations == np.inf
    assert worst_case_speedup(serial, hogwild, 1) < 1
    assert worst_case_speedup(serial, late, 8) == pytest.approx(2.0, rel=1e-3)
    assert worst_case_speedup(serial, hogwild, 3) == pytest.approx(
        3 * np.log(4) / np.log(8), rel=1e-3
    )


@pytest.mark.parametrize("epsilon", [0.0, 1e9, float("nan")])
def test_accuracies_out_of_range_are_refused(epsilon: float) -> None:
    c = constants(random_ridge(20, 4, 2))
    with pytest.raises(SerialeqError, match="epsilon: expected more than 0 and at most a₀"):
        serial_promise(c, epsilon)


# ---- torn reads ----------------------------------------------------------------------------------


def test_no_serial_equivalent_engine_tears_a_read() -> None:
    assert_serial_equivalent(lambda: Witness(200, 3), engines=["dataflow"], workers=(2, 3))
    for engine in ("serial", "dataflow"):
        seen = torn_reads(engine, 2, 2000)
        assert (seen.torn, seen.lost) == (0.0, 0.0)
    assert 0.0 <= torn_reads("hogwild", 2, 2000).torn <= 1.0
    check_supports(Witness(20, 3))


def test_the_witness_sees_a_torn_read() -> None:
    witness = Witness(4, 3)
    witness.trained()["words"][1, 0] = 7
    fit(witness, [2, 0], engine="serial")
    assert witness.trained()["torn"].tolist() == [0, 0, 1, 0]

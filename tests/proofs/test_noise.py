"""Results 1 and 2 of proofs/analysis.md, with numbers: perturbed iterates and their noise."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import permutations, product
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from serialeq.hypergraph import Hypergraph
from serialeq.testing.strategies import hypergraphs

# ---- 1: the perturbed iterates -----------------------------------------------------------------


@dataclass
class Trace:
    """One asynchronous run in integers (gamma = 1); arrays by sample index k, then variable."""

    start: np.ndarray
    end: np.ndarray
    read: np.ndarray
    """When x_hat_k's coordinate was read, and when g_k's was added (-1: never)."""
    written: np.ndarray
    seen: np.ndarray
    gradients: np.ndarray
    memory: np.ndarray


def run_asynchronously(seed: int, n_workers: int = 4, length: int = 40, d: int = 5) -> Trace:
    """Interleave single reads and single atomic adds of the workers at random."""
    rng = np.random.default_rng(seed)
    shape = (length, d)
    trace = Trace(
        *(np.full(length, -1) for _ in range(2)), *(np.full(shape, -1) for _ in range(2)),
        *(np.zeros(shape, int) for _ in range(2)), np.zeros(d, int),
    )  # fmt: skip
    supports = [rng.permutation(d)[: rng.integers(1, 4)] for _ in range(12)]
    index = iter(range(length))

    def process(clock: Iterator[int]) -> Iterator[None]:
        for k in index:
            sample = rng.integers(len(supports))
            trace.start[k] = next(clock)
            for v in rng.permutation(d):
                trace.seen[k, v], trace.read[k, v] = trace.memory[v], next(clock)
                yield
            for v in supports[sample]:
                trace.gradients[k, v] = (7 * trace.seen[k, v] + 3 * sample + v) % 5 - 2
            for v in rng.permutation(supports[sample]):
                trace.memory[v] -= trace.gradients[k, v]
                trace.written[k, v] = trace.end[k] = next(clock)
                yield

    clock = iter(range(10**9))
    workers = [process(clock) for _ in range(n_workers)]
    while workers:
        worker = workers[rng.integers(len(workers))]
        if next(worker, "done") == "done":
            workers.remove(worker)
    return trace


def recursion_holds(trace: Trace, less: int = 0, future: bool = True) -> bool:
    """(1.2) and (1.3), for the smallest admissible tau minus `less`; without i > k if told so."""
    length = trace.start.size
    k, i = np.mgrid[:length, :length]
    overlap = (trace.start[i] < trace.end[k]) & (trace.start[k] < trace.end[i]) & (i != k)
    tau = np.abs(i - k)[overlap].max() - less
    before = np.cumsum(trace.gradients, axis=0) - trace.gradients
    iterates = -before
    late = trace.written[None] > trace.read[:, None]  # (k, i, v)
    happened = trace.written[None] >= 0
    signs = np.where((i < k)[..., None], late, late.astype(int) - 1) * happened
    signs[range(length), range(length)] = 0
    assert not signs[~overlap].any()  # only what overlaps in time is missing or early
    assert (signs[i < k] >= 0).all()
    assert (signs[i > k] <= 0).all()
    window = (np.abs(i - k) <= tau) & ((i < k) | future)
    noise = (signs * window[..., None] * trace.gradients[None]).sum(axis=1)
    return bool((trace.seen - iterates == noise).all())


def test_the_perturbed_iterate_recursion_is_exact() -> None:
    traces = [run_asynchronously(seed) for seed in range(10)]
    for trace in traces:
        assert (trace.memory == -trace.gradients.sum(axis=0)).all()  # (1.1)
        assert recursion_holds(trace)
    assert not all(recursion_holds(trace, less=1) for trace in traces)
    assert not all(recursion_holds(trace, future=False) for trace in traces)
    one = run_asynchronously(0, n_workers=1)
    assert (one.seen == np.cumsum(one.gradients, axis=0) * -1 + one.gradients).all()


def test_rounded_adds_do_not_commute() -> None:
    adds = (0.1, 0.2, 0.3)
    assert len({sum(order) for order in permutations(adds)}) > 1
    assert len({sum(order) for order in permutations(map(Fraction, adds))}) == 1


def slack_of_a_step(
    x: Any, seen: Any, rows: Any, targets: Any, gamma: float,
    sign: float = 1.0, noise: float = 2.0, contraction: float = 1.0,
) -> float:  # fmt: skip
    """Right side of (1.6) minus left side, the expectation taken over all samples exactly."""
    n, d = rows.shape
    ridge = 0.1
    hessian = rows.T @ rows / n + ridge * np.eye(d)
    m = np.linalg.eigvalsh(hessian)[0]
    best = np.linalg.solve(hessian, rows.T @ targets / n)
    gradients = rows * (rows @ seen - targets)[:, None] + ridge * seen
    after = ((x - gamma * gradients - best) ** 2).sum(axis=1).mean()
    return float(
        (1 - contraction * gamma * m) * ((x - best) ** 2).sum()
        + gamma**2 * (gradients**2).sum(axis=1).mean()
        + noise * gamma * m * ((seen - x) ** 2).sum()
        + sign * 2 * gamma * (seen - x) @ gradients.mean(axis=0)
        - after
    )


def test_one_step_contracts_up_to_the_noise() -> None:
    rng = np.random.default_rng(1)
    instances = []
    for _ in range(300):
        d = int(rng.integers(1, 4))
        rows, targets = rng.normal(size=(6, d)), rng.normal(size=6)
        x = rng.normal(size=d)
        seen = x + rng.normal(size=d) * rng.choice([0.01, 0.1, 1.0])
        instances.append((x, seen, rows, targets, float(rng.uniform(0, 1))))
    quadratic = (np.ones(1), np.full(1, 0.5), np.ones((1, 1)), np.zeros(1), 0.1)

    def worst(**slip: float) -> float:
        return min(slack_of_a_step(*instance, **slip) for instance in [*instances, quadratic])

    assert worst() > -1e-12
    assert slack_of_a_step(*quadratic) == pytest.approx(0, abs=1e-15)  # attained
    assert worst(sign=-1.0) < -1e-3  # the sign on the slide
    assert worst(noise=1.9) < -1e-4
    assert worst(contraction=1.1) < -1e-4


# ---- 2: the noise ------------------------------------------------------------------------------


def norm_at_most(rng: Any, support: set[int], d: int, largest: float) -> np.ndarray:
    vector = np.zeros(d)
    chosen = sorted(support)
    vector[chosen] = rng.normal(size=len(chosen))
    norm = np.linalg.norm(vector)
    return vector * (largest * rng.choice([1.0, rng.uniform()]) / norm if norm else 0.0)


def test_noise_comes_only_from_samples_that_meet() -> None:
    rng = np.random.default_rng(2)
    right, reversed_indicator = [], []
    for _ in range(300):
        d, largest, width = int(rng.integers(1, 9)), 3.0, 6
        supports = [set(rng.integers(d, size=rng.integers(0, 4)).tolist()) for _ in range(width)]
        own = set(rng.integers(d, size=2).tolist())
        missing = [rng.integers(-1, 2, size=d) * norm_at_most(rng, s, d, largest) for s in supports]
        g = norm_at_most(rng, own, d, largest)
        inner = abs(float(sum(missing) @ g))
        meets = sum(bool(s & own) for s in supports)
        right.append(largest**2 * meets - inner)
        reversed_indicator.append(largest**2 * (width - meets) - inner)
        pairs = sum(bool(a & b) for a, b in permutations(supports, 2))
        assert float(sum(missing) @ sum(missing)) <= largest**2 * (width + pairs) + 1e-9  # (2.5)
    assert min(right) > -1e-9
    assert min(reversed_indicator) < -1.0  # 1[s_i and s_k disjoint], as on the slide


@given(graph=hypergraphs(max_samples=12, distinct=True))
def test_probability_of_a_conflict(graph: Hypergraph) -> None:
    n = graph.n_samples
    if n < 2:
        return
    sets = [set(graph.support(e).tolist()) for e in range(n)]
    meets = [[bool(a & b) for b in sets] for a in sets]
    found = graph.statistics()
    own = sum(map(bool, sets)) / n
    repeated = sum(map(sum, meets)) / n**2
    assert repeated == pytest.approx((found.mean_degree + own) / n)
    distinct = sum(meets[a][b] for a, b in permutations(range(n), 2)) / (n * (n - 1))
    assert distinct == pytest.approx(found.mean_degree / (n - 1))
    # The slide's value is below both, unless nothing conflicts, itself included.
    assert found.conflict_probability <= min(repeated, distinct)
    assert (found.conflict_probability < repeated) == (own > 0)


def noise_in_expectation(
    supports: list[set[int]], gradients: np.ndarray, signs: Any, tau: int
) -> tuple[float, float]:
    """E|<x_hat - x, g>| and E|x_hat - x|^2 for gamma = 1, over all draws of 2 tau + 1 samples."""
    inner, square = [], []
    for drawn in product(range(len(supports)), repeat=2 * tau + 1):
        chosen = gradients[list(drawn)]
        noise = (signs(drawn) * chosen[1:]).sum(axis=0)
        inner.append(abs(noise @ chosen[0]))
        square.append(noise @ noise)
    return float(np.mean(inner)), float(np.mean(square))


def test_both_noise_terms_are_bounded_and_the_bounds_attained() -> None:
    rng = np.random.default_rng(3)
    tau, d = 1, 4
    for _ in range(60):
        supports = [set(rng.integers(d, size=rng.integers(0, 3)).tolist()) for _ in range(4)]
        gradients = np.array([norm_at_most(rng, s, d, 2.0) for s in supports])
        p = np.mean([bool(a & b) for a, b in product(supports, repeat=2)])
        inner, square = noise_in_expectation(
            supports, gradients, lambda _: rng.integers(-1, 2, size=(2 * tau, d)), tau
        )
        assert inner <= 2 * tau * p * 4.0 + 1e-12  # (2.3)
        assert square <= 2 * tau * (1 + (2 * tau - 1) * p) * 4.0 + 1e-12  # (2.6)
    for n, tau in [(1, 1), (1, 3), (2, 1), (2, 2), (5, 1)]:  # a variable for each sample
        inner, square = noise_in_expectation(
            [{v} for v in range(n)], np.eye(n), lambda _, shape=(2 * tau, n): np.ones(shape), tau
        )
        assert inner == pytest.approx(2 * tau / n)
        assert square == pytest.approx(2 * tau * (1 + (2 * tau - 1) / n))
        assert inner > tau / n  # half the window
        assert square > 2 * tau * (2 * tau) / n or n == 1  # without the diagonal
        assert inner > 0.0  # the slide's probability, degree 0 over n, says there is no noise


def test_delay_up_to_which_the_noise_stays_below_one_gradient() -> None:
    for n in (2, 4):  # a variable for each sample: p = 1 / n
        noise = [
            noise_in_expectation(
                [{v} for v in range(n)],
                np.eye(n),
                lambda _, shape=(2 * tau, n): np.ones(shape),
                tau,
            )[0]
            for tau in (n // 2, n // 2 + 1)
        ]
        assert noise[0] == pytest.approx(1)  # equality at tau = 1 / 2p
        assert noise[1] > 1
        graph = Hypergraph(np.arange(n), 1, n)
        assert graph.statistics().tau_bound == math.inf  # what the slide's formula says here

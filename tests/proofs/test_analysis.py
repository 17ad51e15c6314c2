"""Every numbered result of proofs/analysis.md and proofs/limits.md, with numbers.

A wrong constant, sign or indicator ("slip") is tried beside each, and has to be noticed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations, permutations, product
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given

from serialeq.engines.auto import choose_engine
from serialeq.hypergraph import Hypergraph
from serialeq.order import given_order, shuffled_order
from serialeq.planning.lockstep import plan_steps
from serialeq.planning.prediction import DEFAULT_COSTS, CostModel, critical_path, predict
from serialeq.problems.linear import cost as linear_cost
from serialeq.problems.linear.problem import LinearModel
from serialeq.testing.strategies import cases, hypergraphs

PROOFS = Path(__file__).parents[2] / "proofs"


@pytest.mark.parametrize("name", ["analysis.md", "limits.md"])
def test_every_number_has_a_check_and_every_check_a_number(name: str) -> None:
    text = (PROOFS / name).read_text("utf-8")
    table = (PROOFS / "README.md").read_text("utf-8")
    here = set(re.findall(r"^def (test_\w+)", Path(__file__).read_text("utf-8"), re.M))
    named = re.findall(r"`(test_\w+)`", text)
    assert set(named) <= here
    rows = [row for row in table.splitlines() if row.startswith("|") and f"]({name})" in row]
    assert {test for row in rows for test in re.findall(r"`(test_\w+)`", row)} == set(named)
    numbers = re.findall(r"\\tag\{(L?\d+\.?\d*)\}", text)
    assert len(numbers) == len(set(numbers)) > 5
    cited = [re.findall(r"\((L?\d+\.?\d*)\)", row.split("|")[3]) for row in rows]
    assert all(cited)
    assert {number for row in cited for number in row} == set(numbers)


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


# ---- 3: the theorem ----------------------------------------------------------------------------


def excess(tau: float, p: float, gamma_m: float) -> float:
    """C of (3.1)."""
    return 1 + 4 * tau * p + 4 * gamma_m * tau * (1 + 2 * tau * p)


def bound_after(
    steps: int, gamma: float, m: float, largest: float, c: float, start: float
) -> float:
    """Play the recursion (3.1)."""
    a = start
    for _ in range(steps):
        a = (1 - gamma * m) * a + gamma**2 * largest**2 * c
    return a


def theorem(
    rng: Any, step: float, tau_sparse: float, tau_long: float, length: float, inside: float
) -> float:
    """Bound on E|x_T - x*|^2 over eps, for gamma = step eps m / M^2 and the largest tau."""
    m, start = rng.uniform(0.2, 2), rng.uniform(0.5, 4)
    largest = m * math.sqrt(start) * rng.uniform(1, 3)
    eps = start * rng.uniform(0.05, 1)
    p = 10 ** rng.uniform(-4, 0)
    gamma = step * eps * m / largest**2
    tau = min(tau_sparse / p, tau_long * largest**2 / (eps * m**2))
    steps = math.ceil(length * largest**2 / (eps * m**2) * math.log(inside * start / eps))
    assert 0 < gamma * m <= 1
    return bound_after(steps, gamma, m, largest, excess(tau, p, gamma * m), start) / eps


def test_the_theorem_with_its_constants() -> None:
    rng = np.random.default_rng(4)

    def worst(*constants: float) -> float:
        return max(theorem(rng, *constants) for _ in range(150))

    assert worst(1 / 8, 1 / 2, 1, 8, 2) <= 1  # (3.4)
    assert worst(1 / 2, 1 / 16, 1 / 9, 2, 4) <= 1  # (3.5)
    assert worst(1 / 2, 1 / 2, 1, 8, 4) > 1.4  # the slide's step with the slide's delay
    assert worst(1 / 8, 1 / 2, 1, 4, 2) > 1  # too few steps
    assert worst(1 / 2, 1 / 2, 1 / 9, 8, 4) > 1.2  # the sparse half of the delay
    assert worst(1 / 2, 1 / 16, 1, 8, 4) > 1.2  # the other half


def test_stale_runs_reach_the_promised_accuracy() -> None:
    # f_i(x) = d/2 (x_v - b_i)^2 for variable v = i mod d: m = 1, and p = 1/d.
    rng = np.random.default_rng(5)
    d, runs, eps = 8, 100, 4.0
    offsets = rng.uniform(-1, 1, size=(5, d))
    best = offsets.mean(axis=0)
    start = np.ones(d)
    a0 = ((start - best) ** 2).sum()
    largest = d * 2.2
    tau = min(d // 2, int(largest**2 / eps))
    gamma = eps / (8 * largest**2)
    steps = math.ceil(8 * largest**2 / eps * math.log(2 * a0 / eps))
    x = np.tile(start, (runs, 1))
    past = [x.copy() for _ in range(tau + 1)]
    each = np.arange(runs)
    for k in range(steps):
        v, i = rng.integers(d, size=runs), rng.integers(5, size=runs)
        g = d * (past[k % (tau + 1)][each, v] - offsets[i, v])
        assert np.abs(g).max() <= largest
        x[each, v] -= gamma * g
        past[k % (tau + 1)] = x.copy()  # read again tau + 1 steps later: tau adds are missing
    assert ((x - best) ** 2).sum(axis=1).mean() <= eps < a0


def test_the_theorem_needs_a_bound_on_the_delay() -> None:
    # f(x) = x^2 / 2 on [-2, 2]: m = 1, M = 2. The only sample always conflicts: p = 1.
    eps, start, largest = 0.25, 1.0, 2.0

    def final(step: float, tau: int) -> float:
        gamma = step * eps / largest**2
        x = [start]
        for k in range(math.ceil(math.log(4 * start / eps) / gamma)):
            x.append(x[-1] - gamma * x[max(k - tau, 0)])
        assert max(map(abs, x)) <= largest
        return x[-1] ** 2

    assert final(1 / 2, 0) <= eps
    assert final(1 / 2, 64) > 4 * eps


# ---- 4: stragglers -----------------------------------------------------------------------------


def harmonic(n: int) -> Fraction:
    return sum((Fraction(1, j) for j in range(1, n + 1)), Fraction(0))


def test_expected_order_statistics_of_exponentials() -> None:
    for n in range(1, 12):
        for i in range(1, n + 1):  # E X_(i) = sum_j<i C(n, j) B(j + 1, n - j), term by term
            terms = [
                Fraction(math.comb(n, j) * math.factorial(j) * math.factorial(n - j - 1))
                / math.factorial(n)
                for j in range(i)
            ]
            assert terms == [Fraction(1, n - j) for j in range(i)]
            assert sum(terms) == harmonic(n) - harmonic(n - i)
        # The same maximum by inclusion and exclusion.
        assert harmonic(n) == sum(
            Fraction((-1) ** (j + 1) * math.comb(n, j), j) for j in range(1, n + 1)
        )
        assert math.log(n + 1) <= harmonic(n) <= 1 + math.log(n)
        assert harmonic(n) > math.log(n) + 0.5


def test_drawn_stragglers_follow_the_lemma() -> None:
    rng = np.random.default_rng(6)
    constant, rate, n, draws = 1.0, 0.5, 10, 40_000
    times = np.sort(constant + rng.exponential(1 / rate, size=(draws, n)), axis=1)
    error = 5 * times.std(axis=0) / math.sqrt(draws)
    expected = np.array(
        [constant + (harmonic(n) - harmonic(n - i)) / rate for i in range(1, n + 1)]
    )
    assert (np.abs(times.mean(axis=0) - expected.astype(float)) < error).all()
    slowest = times[:, -1].mean()
    for slip in (math.log(n), harmonic(n - 1), harmonic(n + 1)):  # each is noticed
        assert abs(slowest - constant - float(slip) / rate) > error[-1]
    # Rounds with a barrier against workers that never wait.
    assert slowest / times.mean() == pytest.approx(
        (constant + float(harmonic(n)) / rate) / (constant + 1 / rate), rel=0.01
    )
    # Slowest against fastest: n H_n without a constant, not log n.
    ratio = (times[:, -1] - constant).mean() / (times[:, 0] - constant).mean()
    assert ratio == pytest.approx(n * float(harmonic(n)), rel=0.05)
    assert ratio > 5 * math.log(n)


# ---- limits ------------------------------------------------------------------------------------


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
    return LinearModel(X, targets, block=32, **options)


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
        schedule = plan_steps(np.arange(320), 21, n_workers)
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

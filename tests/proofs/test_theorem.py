"""Results 3 and 4 of proofs/analysis.md, with numbers: the theorem, and stragglers."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

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

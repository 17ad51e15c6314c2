"""What the theory promises for a problem, and how many iterations it really takes.

Theorem 3.4 of Mania et al. (2017) as the lecture states it hides its constants; the ones used here
are written out and proved in `proofs/analysis.md` (3.4, 3.5).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, inf, log

import numpy as np

from serialeq.errors import SerialeqError

from .noise import conflict_probability, measure_noise, simulate
from .ridge import SparseRidge
from .timeline import make_timeline, random_draws


@dataclass(frozen=True)
class Constants:
    """The constants of a problem.

    Attributes
    ----------
    m, smoothness : float
        Strong convexity of f, and the Lipschitz constant L of its gradient.
    exact : bool
        False: m is that of the penalty alone, and L comes from power iteration.
    gradient : float
        M: no sample's gradient is longer within |w - w*| <= |w_0 - w*|.
    distance : float
        a₀ = |w_0 - w*|².
    conflict : float
        p: the probability that two independent draws conflict.
    mean_degree : float
        Δ̄, the mean conflict degree.
    omega : int
        Ω, the size of the largest support.
    rho : float
        ρ, the largest fraction of samples that meet one sample.
    tau_bound : float
        n / 2Δ̄, the lecture's bound.
    """

    m: float
    smoothness: float
    exact: bool
    gradient: float
    distance: float
    conflict: float
    mean_degree: float
    omega: int
    rho: float
    tau_bound: float


def constants(ridge: SparseRidge, start: np.ndarray | None = None) -> Constants:
    """Return the constants of a problem and a starting point (zero)."""
    first = np.zeros(ridge.n_variables) if start is None else start
    m, smoothness = ridge.curvatures()
    distance = float(((first - ridge.optimum) ** 2).sum())
    at_optimum = float(ridge.gradient_sizes(ridge.optimum).max(initial=0.0))
    graph = ridge.hypergraph.statistics()
    return Constants(
        m=m,
        smoothness=smoothness,
        exact=ridge.is_small,
        gradient=at_optimum + ridge.sample_curvature() * distance**0.5,
        distance=distance,
        conflict=conflict_probability(ridge.hypergraph),
        mean_degree=graph.mean_degree,
        omega=graph.omega,
        rho=graph.rho,
        tau_bound=graph.tau_bound,
    )


@dataclass(frozen=True)
class Promise:
    """E|x_T − x*|² ≤ ε after so many iterations with this step and at most this delay.

    Attributes
    ----------
    epsilon, step : float
    iterations : int
    tau : int
        The largest delay allowed: 0 for serial SGD.
    """

    epsilon: float
    step: float
    iterations: int
    tau: int


def serial_promise(c: Constants, epsilon: float) -> Promise:
    """Return what SGD promises with the lecture's step εm / 2M²."""
    _check(c, epsilon)
    iterations = 2 * c.gradient**2 / (epsilon * c.m**2) * log(2 * c.distance / epsilon)
    return Promise(epsilon, epsilon * c.m / (2 * c.gradient**2), ceil(iterations), 0)


def hogwild_promise(c: Constants, epsilon: float) -> Promise:
    """Return what Hogwild! promises with the lecture's step εm / 2M² (`proofs/analysis.md`, 3.5).

    τ <= min(1 / 16p, M² / 9εm²), T >= 2M² / εm² log(4a₀ / ε).
    """
    _check(c, epsilon)
    difficulty = c.gradient**2 / (epsilon * c.m**2)
    tau = min(1 / (16 * c.conflict), difficulty / 9)
    iterations = ceil(2 * difficulty * log(4 * c.distance / epsilon))
    return Promise(epsilon, epsilon * c.m / (2 * c.gradient**2), iterations, int(tau))


def late_promise(c: Constants, epsilon: float) -> Promise:
    """Return what Hogwild! promises at the lecture's delay (`proofs/analysis.md`, 3.4).

    With a quarter of the step: τ <= min(1 / 2p, M² / εm²), T >= 8M² / εm² log(2a₀ / ε).
    """
    _check(c, epsilon)
    difficulty = c.gradient**2 / (epsilon * c.m**2)
    tau = min(1 / (2 * c.conflict), difficulty)
    iterations = ceil(8 * difficulty * log(2 * c.distance / epsilon))
    return Promise(epsilon, epsilon * c.m / (8 * c.gradient**2), iterations, int(tau))


def _check(c: Constants, epsilon: float) -> None:
    if not 0 < epsilon <= c.distance:
        raise SerialeqError(
            f"epsilon: expected more than 0 and at most a₀ = {c.distance:.4g}, got {epsilon!r}"
        )


def worst_case_speedup(serial: Promise, parallel: Promise, n_workers: int) -> float:
    """Return the lecture's measure: the ratio of the bounds, times workers that share the work."""
    return n_workers * serial.iterations / parallel.iterations


@dataclass(frozen=True, eq=False)
class Progress:
    """How runs with a promise's step and delay went.

    Attributes
    ----------
    distances : array, shape (K + 1,)
        |x_k − x*|², the mean of all runs.
    iterations : float
        The first k with a mean of at most ε; infinite if there is none.
    largest_gradient : float
        The longest gradient of all runs: the promise holds if it is at most M.
    """

    distances: np.ndarray
    iterations: float
    largest_gradient: float


def measure(
    ridge: SparseRidge, promise: Promise, *, kind: str = "stale", n_runs: int = 8, seed: int = 0
) -> Progress:
    """Simulate runs with a promise's step and delay, as long as the promise says."""
    total = np.zeros(promise.iterations + 1)
    largest = 0.0
    for run in range(n_runs):
        draws = random_draws(ridge.n_samples, promise.iterations, seed * n_runs + run)
        timeline = make_timeline(ridge.hypergraph, draws, promise.tau, kind, seed + run)
        noise = measure_noise(simulate(ridge, timeline, promise.step), ridge.optimum)
        total += noise.distances
        largest = max(largest, noise.largest_gradient)
    mean = total / n_runs
    reached = np.flatnonzero(mean <= promise.epsilon)
    return Progress(mean, float(reached[0]) if reached.size else inf, largest)

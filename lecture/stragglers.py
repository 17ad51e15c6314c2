"""Stragglers: the order statistics of task times X = constant + Exp(λ) (lecture, "Stragglers").

λ is a rate: the exponential part is 1/λ on average. The lecture's clusters have constant 1 and
λ = 0.5.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_CHUNK = 1 << 22  # drawn at once


@dataclass(frozen=True)
class TaskTime:
    """Distribution of a task's time, in units of the constant part.

    Attributes
    ----------
    constant : float
        The least time.
    rate : float
        λ.
    """

    constant: float = 1.0
    rate: float = 0.5

    @property
    def mean(self) -> float:
        """Mean time of a task."""
        return self.constant + 1.0 / self.rate

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """Return random times, float64."""
        return self.constant + rng.exponential(1.0 / self.rate, shape)

    def order_statistics(self, n: int) -> np.ndarray:
        """Return E X₍ᵢ₎ for i = 1 … n, the fastest first (lecture's lemma; Rényi 1953).

        ``E X₍ᵢ₎ = constant + (1/λ) Σ_{j=n−i+1}^{n} 1/j``: the gaps between the order statistics
        of exponentials are independent exponentials of rate jλ with j tasks still running.
        """
        return self.constant + np.cumsum(1.0 / np.arange(n, 0, -1)) / self.rate

    def slowest_density(self, t: np.ndarray, n: int) -> np.ndarray:
        """Return the density of the slowest of `n` at the times `t`."""
        tail = np.exp(-self.rate * np.clip(t - self.constant, 0.0, None))
        return np.where(t < self.constant, 0.0, n * self.rate * tail * (1.0 - tail) ** (n - 1))


def simulate_order_statistics(
    time: TaskTime, n: int, ranks: np.ndarray, rounds: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return means and their standard errors of X₍ᵢ₎ over many rounds of `n` tasks.

    Parameters
    ----------
    time : TaskTime
    n : int
    ranks : array of int
        The i, from 1.
    rounds, seed : int
    """
    rng = generator(seed, n)
    total, squares = np.zeros(ranks.size), np.zeros(ranks.size)
    step = max(1, _CHUNK // n)
    for begin in range(0, rounds, step):
        times = time.draw(rng, (min(step, rounds - begin), n))
        times.partition(np.unique(ranks - 1), axis=1)
        chosen = times[:, ranks - 1]
        total += chosen.sum(axis=0)
        squares += (chosen**2).sum(axis=0)
    mean = total / rounds
    return mean, np.sqrt(np.maximum(squares / rounds - mean**2, 0.0) / rounds)


def generator(seed: int, *purpose: int) -> np.random.Generator:
    """Return the generator of one purpose; what others draw does not change what it gives."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, *purpose])))

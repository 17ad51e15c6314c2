"""The steps of a linear model: how large, and how far the first one can go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from serialeq.errors import SerialeqError
from serialeq.native.jit import jit

from .lattice import Lattice
from .losses import CLASSIFICATION, slope
from .parameters import LinearParameters
from .rates import SCHEDULES, fill_rates


@dataclass(frozen=True)
class Steps:
    """A schedule of steps for a loss.

    Attributes
    ----------
    schedule : {"optimal", "constant", "invscaling", "pegasos"}
        Step of update t = 1, 2, …: 1 / (α (t₀ + t − 1)) with Bottou's t₀, at least 2; η₀;
        η₀ / t^power; 1 / (α (t + 1)).
    eta0, power_t, alpha : float
    loss : str
        See `serialeq.problems.linear.losses`.
    epsilon : float
        The loss's parameter.
    average_from : int
        The update, counted from 1, from which on the mean of the weights is kept; 0: not at all.
    """

    schedule: str
    eta0: float
    power_t: float
    alpha: float
    loss: str
    epsilon: float
    average_from: int

    @classmethod
    def of(cls, p: LinearParameters) -> Self:
        """Return those of a model's parameters."""
        return cls(
            p.learning_rate, float(p.eta0), float(p.power_t), p.strength, p.loss,
            float(p.epsilon), int(p.average),
        )  # fmt: skip

    @property
    def optimal_start(self) -> float:
        """Bottou's t₀: the first step moves weights by their expected size."""
        if self.alpha == 0.0:
            return 1.0
        size = np.sqrt(1.0 / np.sqrt(self.alpha))
        steepest = _slope_of(CLASSIFICATION.index(self.loss), self.epsilon, -size, 1.0)
        first = size / max(1.0, steepest)
        return max(float(1.0 / (first * self.alpha)), 2.0)  # steps below 1 / alpha

    def first_factor(self, largest_target: float, largest_importance: float) -> float:
        """Return how large the factor of a sample can be with all weights zero."""
        steepest = {
            "squared_error": largest_target,
            "squared_epsilon_insensitive": 2 * largest_target,
            "huber": self.epsilon,
        }.get(self.loss, 1.0)
        return self._first() * max(steepest, 1.0) * largest_importance

    def _first(self) -> float:
        if self.schedule == "optimal":
            return 1.0 / (self.alpha * self.optimal_start)
        return 0.5 / self.alpha if self.schedule == "pegasos" else self.eta0

    def fill(
        self, rates: np.ndarray, folds: np.ndarray, per_fold: int, n_updates: int,
        n_samples: int, batch: int, lattice: Lattice | None,
    ) -> tuple[float, float]:  # fmt: skip
        """Set ``rates`` and ``folds`` (`LinearContext`) of an epoch.

        Parameters
        ----------
        rates, folds : arrays
        per_fold : int
            Updates between places where the scale may be folded into the weights.
        n_updates : int
            Updates made before.
        n_samples : int
        batch : int
            Samples per update.
        lattice : Lattice or None

        Returns
        -------
        scale, passed : float
            The scale of the weights after the epoch, and the sum of the scales since the last fold.

        Raises
        ------
        SerialeqError
            If a step is 1 / α or more, or if the weights vanish.
        """
        unit, tick = (lattice.unit, lattice.tick) if lattice else (1.0, 1.0)
        scale, passed = fill_rates(
            rates, folds, SCHEDULES.index(self.schedule), self.eta0, self.power_t, self.alpha,
            self.optimal_start, float(n_updates), per_fold, lattice is not None,
            float(batch), n_samples, unit, tick, float(self.average_from),
        )  # fmt: skip
        if scale < 0:
            raise SerialeqError(
                f"alpha, eta0: expected steps below 1/alpha = {1 / self.alpha:.4g}, "
                f"got {-scale:.4g}"
            )
        if scale < np.finfo(np.float64).tiny:
            raise SerialeqError(
                "alpha, eta0: the weights shrink to nothing within an epoch; lower alpha or eta0"
            )
        return scale, passed


@jit
def _slope_of(loss: int, epsilon: float, p: float, y: float) -> float:
    return slope(loss, epsilon, p, y)

"""The state of a linear model: weights, the sums their means are made of, intercepts, bounds."""

from __future__ import annotations

import numpy as np

from serialeq.errors import DivergenceError, SerialeqError
from serialeq.native.simd import PAGE, aligned_zeros

from .context import BOUND, TROUBLE, WORST
from .lattice import Lattice
from .layout import Layout
from .rates import settle


class State:
    """Weights where a layout wants them, a copy of the intercept for each slice.

    Attributes
    ----------
    weights, sums, intercept, bounds : arrays
        ``weights``, ``sums`` (both 2-d here), ``intercept`` and ``state`` of
        `serialeq.problems.linear.context.LinearContext`.
    layout : Layout or None
        Where they lie; None: a row for each column of the data.
    owed : (float, float)
        What the next epoch begins with, or `settle`: the scale to fold into the weights, and A.
    """

    def __init__(
        self, n_features: int, n_outputs: int, averaged: bool, lattice: Lattice | None
    ) -> None:
        self._n_features, self._n_outputs = n_features, n_outputs
        self._averaged, self._lattice = averaged, lattice
        self._room = -(-n_outputs // 16) * 16  # half a row of the intercept
        self._clear()

    def _clear(self) -> None:
        self.layout: Layout | None = None
        self.weights = np.zeros((self._n_features, self._n_outputs))
        self.sums = np.zeros(self.weights.shape if self._averaged else (0, 0))
        self.intercept = np.zeros((1, 2 * self._room))
        self.bounds = np.zeros((1, 16))
        self.owed = 1.0, 0.0
        self._fresh = True  # all zeros

    def move(self, layout: Layout) -> None:
        """Move everything to where a layout wants it."""
        n_outputs = self._n_outputs
        rows = int(layout.first[-1]), n_outputs if n_outputs == 1 else -(-n_outputs // 8) * 8
        fresh, self._fresh = self._fresh, False
        weights, sums = self._canonical(self.weights), self._canonical(self.sums)
        self.weights = aligned_zeros(rows, alignment=PAGE)
        if not fresh:
            self.weights[layout.place, :n_outputs] = weights
        if self._averaged:
            self.sums = aligned_zeros(rows, alignment=PAGE)
            self.sums[layout.place, :n_outputs] = sums
        self.intercept, intercept = aligned_zeros((layout.n_slices, 2 * self._room)), self.intercept
        self.bounds, bounds = aligned_zeros((layout.n_slices, 16)), self.bounds
        self.intercept[:], self.bounds[:] = intercept[0], bounds[0]
        self.layout = layout

    def _canonical(self, array: np.ndarray) -> np.ndarray:
        """Return weights or sums with a row for each column of the data."""
        if self.layout is None or not array.size:
            return array
        return array[self.layout.place, : self._n_outputs]

    def settle(self) -> None:
        """Do what is owed."""
        self.check()
        if self.layout is not None:
            weights, sums = self.weights.reshape(-1), self.sums.reshape(-1)
            self.bounds[:, BOUND] = settle(weights, sums, *self.owed, self._lattice is not None)
        self.owed = 1.0, 0.0

    def check(self) -> None:
        """Raise SerialeqError if the last epoch left the lattice."""
        if self._lattice is None or not self.bounds[0, TROUBLE]:
            return
        at = int(self.bounds[0, TROUBLE]) - 1
        if not np.isfinite(self.bounds[0, WORST]):
            raise DivergenceError(
                f"training diverged in update {at} of the epoch; lower the step (eta0)"
            )
        raise SerialeqError(
            f"lattice: at update {at} of the epoch a weight could exceed "
            f"{self._lattice.largest_weight:.4g}, beyond which sums are not exact; lower the "
            "step (eta0) or raise alpha, normalise rows and targets, give fewer bits "
            "(lattice_bits), or use arithmetic='float64'"
        )

    def restart_sums(self) -> None:
        """Let the means begin anew."""
        self.sums[:] = 0.0
        self.intercept[:, self._room :] = 0.0

    @property
    def _tick(self) -> float:
        """What the weights are integers times, 1 if there is no lattice."""
        if self._lattice is None:
            return 1.0
        exponent = self._lattice.feature_bits + self._lattice.factor_bits
        return 2.0**-exponent / self._lattice.scale

    def arrays(self) -> dict[str, np.ndarray]:
        """Return ``coef``, ``intercept`` and, if averaged, ``coef_sum`` and ``intercept_sum``."""
        self.settle()
        weights = self._canonical(self.weights)
        if not (np.isfinite(weights).all() and np.isfinite(self.intercept[0]).all()):
            raise DivergenceError("training diverged; lower the step (eta0)")
        arrays = {
            "coef": np.ascontiguousarray(weights.T) * self._tick,
            "intercept": self.intercept[0, : self._n_outputs].copy(),
        }
        if self._averaged:
            sums = np.ascontiguousarray(self._canonical(self.sums).T)
            arrays["coef_sum"] = sums * -self._tick
            arrays["intercept_sum"] = self.intercept[0, self._room :][: self._n_outputs].copy()
        return arrays

    def load(self, arrays: dict[str, np.ndarray]) -> None:
        """Set everything to what `arrays` returned before; without sums, these start anew."""
        shapes = arrays["coef"].shape, arrays["intercept"].shape
        expected = (self._n_outputs, self._n_features), (self._n_outputs,)
        if shapes != expected:
            raise SerialeqError(f"coef, intercept: expected shapes {expected}, got {shapes}")
        self._clear()
        weights = np.ascontiguousarray(arrays["coef"].T) / self._tick
        if self._lattice is not None:
            weights = np.rint(weights) + 0.0  # no -0.0
        self.weights, self._fresh = weights, False
        self.intercept[0, : self._n_outputs] = arrays["intercept"]
        if self._averaged and "coef_sum" in arrays:
            self.sums = np.ascontiguousarray(arrays["coef_sum"].T) / -self._tick
            self.intercept[0, self._room :][: self._n_outputs] = arrays["intercept_sum"]
        self.bounds[:, BOUND] = np.abs(weights).max(initial=0.0)

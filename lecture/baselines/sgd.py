"""Plain SGD on a sparse ridge regression: what every baseline is compared with."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from lecture.ridge import SparseRidge
from serialeq.native.kernel import kernel
from serialeq.native.team import WorkerTeam
from serialeq.problem import Problem


class SgdContext(NamedTuple):
    """What the kernel works on: n samples, d variables."""

    samples: np.ndarray
    indptr: np.ndarray
    variables: np.ndarray
    values: np.ndarray
    targets: np.ndarray
    shares: np.ndarray
    w: np.ndarray
    """(d,) float64."""
    step: np.ndarray
    """(1,) float64."""
    l2: float


@kernel
def sgd_kernel(c: Any, start: int, stop: int) -> None:
    """Move the variables of each sample against the gradient of its function."""
    w, step = c.w, c.step[0]
    for k in range(start, stop):
        e = np.intp(c.samples[k])
        error = -c.targets[e]
        for j in range(c.indptr[e], c.indptr[e + 1]):
            error += c.values[j] * w[np.intp(c.variables[j])]
        for j in range(c.indptr[e], c.indptr[e + 1]):
            v = np.intp(c.variables[j])
            w[v] -= step * (error * c.values[j] + c.l2 * c.shares[v] * w[v])


class RidgeProblem(Problem):
    """What the baselines on a ridge regression have in common: the objective and the step.

    Parameters
    ----------
    ridge : SparseRidge
    step : float
        Step of the first epoch.
    decay : float
        The step of epoch t is ``step * decay**t``.
    """

    def __init__(self, ridge: SparseRidge, step: float, decay: float = 1.0) -> None:
        self.ridge = ridge
        self.hypergraph = ridge.hypergraph
        self.step, self.decay = step, decay
        self.steps = np.array([step])

    def begin_epoch(self, epoch: int, n_samples: int) -> None:
        """Set the step."""
        step = self.step
        for _ in range(epoch):  # a product, as pow differs between machines
            step *= self.decay
        self.steps[0] = step

    def loss(self, team: WorkerTeam | None = None) -> float:
        """Return the objective at the trained weights."""
        return self.ridge.objective(self.trained()["w"])


class RidgeSgd(RidgeProblem):
    """SGD, sample after sample."""

    kernel = sgd_kernel

    def __init__(self, ridge: SparseRidge, step: float, decay: float = 1.0) -> None:
        super().__init__(ridge, step, decay)
        self._w = np.zeros(ridge.n_variables)

    def context(self, samples: np.ndarray, times: np.ndarray) -> SgdContext:
        """Return the kernel's context: rows stay where they are."""
        return SgdContext(samples, *self.ridge.arrays, self._w, self.steps, self.ridge.l2)

    def variables(self) -> dict[str, np.ndarray]:
        """Every weight is a variable."""
        return {"w": np.arange(self._w.size)}

    def trained(self) -> dict[str, np.ndarray]:
        """Return ``w``, shape (d,)."""
        return {"w": self._w}

"""Model averaging (Zinkevich, Weimer, Smola and Li 2010): train apart, average at the end.

Sample e belongs to replica ``e mod P``, and a replica is a variable: samples of different replicas
never conflict. So it needs no simulation: every engine runs it, and all but hogwild with the same
bits.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from lecture.ridge import SparseRidge
from serialeq.hypergraph import Hypergraph
from serialeq.native.kernel import kernel

from .sgd import RidgeProblem


class AveragingContext(NamedTuple):
    """What the kernel works on: n samples, d variables, P replicas."""

    samples: np.ndarray
    indptr: np.ndarray
    variables: np.ndarray
    values: np.ndarray
    targets: np.ndarray
    shares: np.ndarray
    replicas: np.ndarray
    """(P, d) float64."""
    step: np.ndarray
    l2: float


@kernel
def averaging_kernel(c: Any, start: int, stop: int) -> None:
    """Do a step of SGD on the replica of each sample."""
    for k in range(start, stop):
        e = np.intp(c.samples[k])
        w = c.replicas[e % c.replicas.shape[0]]
        error = -c.targets[e]
        for j in range(c.indptr[e], c.indptr[e + 1]):
            error += c.values[j] * w[np.intp(c.variables[j])]
        for j in range(c.indptr[e], c.indptr[e + 1]):
            v = np.intp(c.variables[j])
            w[v] -= c.step[0] * (error * c.values[j] + c.l2 * c.shares[v] * w[v])


class ModelAveraging(RidgeProblem):
    """Replicas that never talk, or after every epoch.

    Parameters
    ----------
    ridge : SparseRidge
    step : float
    decay : float
    n_replicas : int
    every_epoch : bool
        Every epoch starts from the mean. False: the mean is taken once, at the end.
    """

    kernel = averaging_kernel

    def __init__(
        self,
        ridge: SparseRidge,
        step: float,
        decay: float = 1.0,
        *,
        n_replicas: int = 8,
        every_epoch: bool = False,
    ) -> None:
        super().__init__(ridge, step, decay)
        owners = (np.arange(ridge.n_samples) % n_replicas).astype(np.uint32)
        self.hypergraph = Hypergraph(owners, 1, n_replicas)
        self.every_epoch = every_epoch
        self._replicas = np.zeros((n_replicas, ridge.n_variables))

    def context(self, samples: np.ndarray, times: np.ndarray) -> AveragingContext:
        """Return the kernel's context."""
        return AveragingContext(
            samples, *self.ridge.arrays, self._replicas, self.steps, self.ridge.l2
        )

    def variables(self) -> dict[str, np.ndarray]:
        """Every replica is a variable."""
        return {"replicas": np.arange(self._replicas.shape[0])}

    def begin_epoch(self, epoch: int, n_samples: int) -> None:
        """Set the step; perhaps start from the mean."""
        super().begin_epoch(epoch, n_samples)
        if self.every_epoch and epoch > 0:
            self._replicas[:] = self._mean()

    def _mean(self) -> np.ndarray:
        total = np.zeros(self._replicas.shape[1])
        for replica in self._replicas:
            total += replica
        return total / self._replicas.shape[0]

    def trained(self) -> dict[str, np.ndarray]:
        """Return ``w``, shape (d,), the mean of the ``replicas``, and these, shape (P, d)."""
        return {"w": self._mean(), "replicas": self._replicas}

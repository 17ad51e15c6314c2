"""Variance reduction in its sparse form (Johnson and Zhang 2013; Reddi et al. 2015).

Each epoch starts with a snapshot u of the weights and the full gradient μ there. The update

    w_v <- w_v - γ [ ∇f_e(w)_v - ∇f_e(u)_v + D_v μ_v ]        for v in the support of e

adds μ on the support only, D_v = n / d_v times where a sample does touch v, which is right in the
mean (Mania et al. 2017; Leblond, Pedregosa and Lacoste-Julien 2017). So supports stay sparse.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from lecture.ridge import SparseRidge, full_gradient
from serialeq.native.kernel import kernel

from .sgd import RidgeProblem


class SvrgContext(NamedTuple):
    """What the kernel works on: n samples, d variables."""

    samples: np.ndarray
    indptr: np.ndarray
    variables: np.ndarray
    values: np.ndarray
    targets: np.ndarray
    shares: np.ndarray
    """(d,) float64: D."""
    w: np.ndarray
    """(d,) float64."""
    snapshot: np.ndarray
    """(d,) float64: u."""
    margins: np.ndarray
    """(n,) float64: ``x_e.u``."""
    gradient: np.ndarray
    """(d,) float64: μ."""
    step: np.ndarray
    """(1,) float64."""
    l2: float


@kernel
def svrg_kernel(c: Any, start: int, stop: int) -> None:
    """Apply the samples at packed positions ``start <= k < stop``."""
    w, step = c.w, c.step[0]
    for k in range(start, stop):
        e = np.intp(c.samples[k])
        change = -c.margins[e]
        for j in range(c.indptr[e], c.indptr[e + 1]):
            change += c.values[j] * w[np.intp(c.variables[j])]
        for j in range(c.indptr[e], c.indptr[e + 1]):
            v = np.intp(c.variables[j])
            common = c.l2 * (w[v] - c.snapshot[v]) + c.gradient[v]
            w[v] -= step * (change * c.values[j] + c.shares[v] * common)


class RidgeSvrg(RidgeProblem):
    """SVRG; the snapshot is taken where an epoch begins."""

    kernel = svrg_kernel

    def __init__(self, ridge: SparseRidge, step: float, decay: float = 1.0) -> None:
        super().__init__(ridge, step, decay)
        self._w, self._snapshot, self._gradient = np.zeros((3, ridge.n_variables))
        self._margins = np.zeros(ridge.n_samples)

    def context(self, samples: np.ndarray, times: np.ndarray) -> SvrgContext:
        """Return the kernel's context: rows stay where they are."""
        return SvrgContext(
            samples, *self.ridge.arrays, self._w, self._snapshot, self._margins, self._gradient,
            self.steps, self.ridge.l2,
        )  # fmt: skip

    def variables(self) -> dict[str, np.ndarray]:
        """Every weight is a variable; the snapshot is read-only."""
        return {"w": np.arange(self._w.size)}

    def begin_epoch(self, epoch: int, n_samples: int) -> None:
        """Take the snapshot and the full gradient."""
        super().begin_epoch(epoch, n_samples)
        self._snapshot[:] = self._w
        ridge = self.ridge
        full_gradient(*ridge.arrays, ridge.l2, self._snapshot, self._margins, self._gradient)

    def trained(self) -> dict[str, np.ndarray]:
        """Return ``w``, shape (d,)."""
        return {"w": self._w}

"""Stochastic coordinate descent on a ridge regression (Liu et al. 2014).

A *sample* is a coordinate v. Its update moves w_v by ``θ / L_v`` times the derivative, and the
residuals ``r = X w - y`` of the rows that contain v with it. The support of v is w_v and those
residuals: Liu et al. let them race, the dataflow engine keeps the serial bits.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp

from lecture.ridge import SparseRidge
from serialeq.hypergraph import Hypergraph
from serialeq.native.kernel import kernel

from .sgd import RidgeProblem


class CoordinateContext(NamedTuple):
    """What the kernel works on: n rows, d coordinates."""

    samples: np.ndarray
    indptr: np.ndarray
    """(d + 1,) int64: where each column starts."""
    rows: np.ndarray
    values: np.ndarray
    curvatures: np.ndarray
    """(d,) float64: L_v, the second derivative along v."""
    w: np.ndarray
    """(d,) float64."""
    residuals: np.ndarray
    """(n,) float64."""
    step: np.ndarray
    """(1,) float64: θ."""
    l2: float


@kernel
def coordinate_kernel(c: Any, start: int, stop: int) -> None:
    """Minimise (θ = 1) along the coordinates at packed positions ``start <= k < stop``."""
    w, residuals = c.w, c.residuals
    for k in range(start, stop):
        v = np.intp(c.samples[k])
        slope = 0.0
        for j in range(c.indptr[v], c.indptr[v + 1]):
            slope += c.values[j] * residuals[np.intp(c.rows[j])]
        slope = slope / residuals.size + c.l2 * w[v]
        move = -(c.step[0] * slope / c.curvatures[v])
        w[v] += move
        for j in range(c.indptr[v], c.indptr[v + 1]):
            residuals[np.intp(c.rows[j])] += move * c.values[j]


class CoordinateDescent(RidgeProblem):
    """Coordinate descent; `step` is θ, 1 for exact minimisation along each coordinate."""

    kernel = coordinate_kernel

    def __init__(self, ridge: SparseRidge, step: float = 1.0, decay: float = 1.0) -> None:
        super().__init__(ridge, step, decay)
        columns = sp.csc_array(ridge.X)
        self._indptr = columns.indptr.astype(np.int64)
        self._rows, self._values = columns.indices.astype(np.uint32), columns.data
        d, n = ridge.n_variables, ridge.n_samples
        squares = np.bincount(ridge.hypergraph.indices, ridge.X.data**2, minlength=d)
        self._curvatures = squares / n + ridge.l2
        self._w, self._residuals = np.zeros(d), -ridge.y
        supports = np.insert(self._rows.astype(np.int64) + d, self._indptr[:-1], np.arange(d))
        self.hypergraph = Hypergraph(supports, self._indptr + np.arange(d + 1), d + n)

    def context(self, samples: np.ndarray, times: np.ndarray) -> CoordinateContext:
        """Return the kernel's context: columns stay where they are."""
        return CoordinateContext(
            samples, self._indptr, self._rows, self._values, self._curvatures, self._w,
            self._residuals, self.steps, self.ridge.l2,
        )  # fmt: skip

    def variables(self) -> dict[str, np.ndarray]:
        """First the weights, then the residuals."""
        d = self._w.size
        return {"w": np.arange(d), "residuals": d + np.arange(self._residuals.size)}

    def trained(self) -> dict[str, np.ndarray]:
        """Return ``w``, shape (d,), and the ``residuals`` that were kept, shape (n,)."""
        return {"w": self._w, "residuals": self._residuals}

    def drift(self) -> float:
        """Return by how much the residuals kept differ from those of w, at most: lost adds."""
        true = self.ridge.X @ self._w - self.ridge.y
        return float(np.abs(true - self._residuals).max(initial=0.0))

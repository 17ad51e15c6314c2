"""Sparse ridge regression: the strongly convex problem that the lecture is measured on.

    f(w) = 1/n sum_e f_e(w)        f_e(w) = (x_e.w - y_e)^2 / 2 + l2/2 sum_{v in e} (n / d_v) w_v^2

with d_v the number of samples that touch v. Every sample carries its share of the penalty, so its
gradient is zero outside its support, and the mean of the penalties is ``l2/2 |w|^2``.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse as sp

from serialeq.errors import DataError
from serialeq.hypergraph import Hypergraph
from serialeq.native.jit import jit

_DENSE = 1500
"""Variables up to which the minimum and the spectrum are computed by dense algebra."""


class SparseRidge:
    """Data and objective.

    Parameters
    ----------
    X : sparse or dense matrix, shape (n, d)
    y : array of float, shape (n,)
    l2 : float
        Positive: then f is strongly convex in every variable that a sample touches.

    Attributes
    ----------
    X : scipy CSR array of float64
    y : array of float64, shape (n,)
    shares : array of float64, shape (d,)
        n / d_v; 0 for variables that no sample touches.
    hypergraph : Hypergraph
    """

    def __init__(self, X: Any, y: Any, l2: float) -> None:
        self.X = sp.csr_array(X, dtype=np.float64, copy=True)
        self.X.sum_duplicates()
        self.y = np.ascontiguousarray(y, dtype=np.float64)
        if self.y.shape != self.X.shape[:1]:
            raise DataError(f"y: expected shape {self.X.shape[:1]}, got {self.y.shape}")
        if not l2 > 0:
            raise DataError(f"l2: expected a positive number, got {l2!r}")
        self.l2 = float(l2)
        self.indptr = self.X.indptr.astype(np.int64)
        self.hypergraph = Hypergraph.from_matrix(self.X)
        self.n_samples, self.n_variables = self.X.shape
        degrees = self.hypergraph.degrees
        self.shares = np.where(degrees > 0, self.n_samples / np.maximum(degrees, 1), 0.0)

    @property
    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """``(indptr, variables, values, targets, shares)`` as compiled code takes them."""
        return self.indptr, self.hypergraph.indices, self.X.data, self.y, self.shares

    @property
    def is_small(self) -> bool:
        """Whether the minimum and the curvatures come from dense algebra."""
        return bool(self.n_variables <= _DENSE)

    def objective(self, w: np.ndarray) -> float:
        """Return f(w), added up in the order of the data."""
        return float(_objective(*self.arrays, self.l2, w))

    def gradient(self, w: np.ndarray) -> np.ndarray:
        """Return the gradient of f, shape (d,), added up in the order of the data."""
        gradient = np.empty(self.n_variables)
        full_gradient(*self.arrays, self.l2, w, np.empty(self.n_samples), gradient)
        return gradient

    def gradient_sizes(self, w: np.ndarray) -> np.ndarray:
        """Return ``|grad f_e(w)|`` of every sample, shape (n,)."""
        return _gradient_sizes(*self.arrays, self.l2, w)

    @cached_property
    def optimum(self) -> np.ndarray:
        """The minimum, shape (d,): to rounding, by dense algebra or conjugate gradients."""
        right = self.X.T @ self.y / self.n_samples
        if self.is_small:
            return np.linalg.solve(self.hessian(), right)
        product = sp.linalg.LinearOperator(
            (self.n_variables, self.n_variables),
            matvec=lambda u: self.X.T @ (self.X @ u) / self.n_samples + self.l2 * u,
        )
        solution, trouble = sp.linalg.cg(product, right, rtol=1e-13, atol=0.0, maxiter=10_000)
        if trouble:
            raise DataError(f"X: no minimum found within {trouble} steps; raise l2")
        return solution

    def hessian(self) -> np.ndarray:
        """Return the Hessian of f, dense."""
        product = (self.X.T @ self.X).toarray() / self.n_samples
        return product + self.l2 * np.eye(self.n_variables)

    def curvatures(self) -> tuple[float, float]:
        """Return (m, L): the smallest and largest eigenvalue of the Hessian.

        With many variables an estimate: the penalty alone for m, power iteration for L.
        """
        if self.is_small:
            values = np.linalg.eigvalsh(self.hessian())
            return float(values[0]), float(values[-1])
        u = np.full(self.n_variables, self.n_variables**-0.5)
        size = 0.0
        for _ in range(200):
            u = self.X.T @ (self.X @ u) / self.n_samples + self.l2 * u
            size = float(np.linalg.norm(u))
            u /= size
        return self.l2, size

    def sample_curvature(self) -> float:
        """Return the largest curvature of a single sample's function (bounds all f_e)."""
        squares = np.add.reduceat(np.append(self.X.data**2, 0.0), self.indptr[:-1])
        squares[np.diff(self.indptr) == 0] = 0.0
        return float(squares.max(initial=0.0) + self.l2 * self.shares.max(initial=0.0))


def random_ridge(
    n_samples: int, n_variables: int, support: int, *, l2: float = 0.1, seed: int = 0
) -> SparseRidge:
    """Return a regression with `support` random variables in each sample, and some noise.

    Every variable is in as many samples as any other, up to one. Features are ±1 over the root of
    `support`; targets are those of a normal w, plus a tenth of their size in noise.

    Raises
    ------
    DataError
        If `n_variables` is no multiple of `support`.
    """
    if n_variables % support:
        raise DataError(f"n_variables: expected a multiple of {support}, got {n_variables}")
    rng = np.random.default_rng([seed, 1])
    n_decks = -(-n_samples * support // n_variables)
    decks = [rng.permutation(n_variables) for _ in range(n_decks)]
    variables = np.concatenate(decks)[: n_samples * support]
    values = rng.choice([-1.0, 1.0], variables.size) / np.sqrt(support)
    rows = np.repeat(np.arange(n_samples), support)
    X = sp.csr_array((values, (rows, variables)), (n_samples, n_variables))
    y = X @ rng.normal(size=n_variables)
    y += 0.1 * y.std() * rng.normal(size=n_samples)
    return SparseRidge(X, y, l2)


def shared_ridge(n_samples: int, n_variables: int, *, l2: float = 1e-3) -> SparseRidge:
    """Return the regression whose every sample is one of few variables: ``(w_v - y)^2 / 2``.

    Each variable is shared by n / d samples, so n / 2Δ̄ is about d / 2. All targets are 1:
    serial SGD goes straight to the minimum, and whatever goes astray was led by stale reads.
    """
    variables = np.arange(n_samples) % n_variables
    X = sp.csr_array((np.ones(n_samples), (np.arange(n_samples), variables)))
    return SparseRidge(X, np.ones(n_samples), l2)


@jit
def _objective(
    indptr: Any, variables: Any, values: Any, targets: Any, shares: Any, l2: float, w: Any
) -> float:
    total = 0.0
    for e in range(targets.size):
        error = -targets[e]
        for j in range(indptr[e], indptr[e + 1]):
            error += values[j] * w[np.intp(variables[j])]
        total += 0.5 * error * error
    total /= targets.size
    for v in range(w.size):
        if shares[v] > 0.0:
            total += 0.5 * l2 * w[v] * w[v]
    return total


@jit
def full_gradient(
    indptr: Any, variables: Any, values: Any, targets: Any, shares: Any, l2: float, w: Any,
    margins: Any, gradient: Any,
) -> None:  # fmt: skip
    """Set `gradient` to that of f, and ``margins[e]`` to ``x_e.w``."""
    for v in range(w.size):
        gradient[v] = 0.0
    for e in range(targets.size):
        margin = 0.0
        for j in range(indptr[e], indptr[e + 1]):
            margin += values[j] * w[np.intp(variables[j])]
        margins[e] = margin
        for j in range(indptr[e], indptr[e + 1]):
            gradient[np.intp(variables[j])] += values[j] * (margin - targets[e])
    for v in range(w.size):
        gradient[v] /= targets.size
        if shares[v] > 0.0:
            gradient[v] += l2 * w[v]


@jit
def _gradient_sizes(
    indptr: Any, variables: Any, values: Any, targets: Any, shares: Any, l2: float, w: Any
) -> Any:
    sizes = np.empty(targets.size)
    for e in range(targets.size):
        error = -targets[e]
        for j in range(indptr[e], indptr[e + 1]):
            error += values[j] * w[np.intp(variables[j])]
        total = 0.0
        for j in range(indptr[e], indptr[e + 1]):
            v = np.intp(variables[j])
            g = error * values[j] + l2 * shares[v] * w[v]
            total += g * g
        sizes[e] = np.sqrt(total)
    return sizes

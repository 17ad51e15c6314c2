"""Samples and the variables they touch.

A sample is a hyperedge: the set of variables (coordinates of the model) that its update reads
and writes. Two samples *conflict* when their supports meet. Everything that can be said about
parallelism before training is a statistic of this hypergraph.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse as sp

from .errors import DataError
from .native.incidence import conflict_degrees, count_degrees
from .native.random import stream_key

_EXACT_WORK = 500_000_000
_SAMPLED_EDGES = 2_000
_MAX_CONFLICT_GRAPH = 20_000


@dataclass(frozen=True)
class ConflictStatistics:
    """How much the samples of a hypergraph get into each other's way.

    The symbols are those of Niu et al. 2011 (section 2); Δ̄ and τ are those of Mania et al. 2017.
    """

    n_samples: int
    n_variables: int
    mean_degree: float
    """Mean conflict degree Δ̄: with how many other samples a sample conflicts."""
    max_degree: int
    """Largest conflict degree Δ."""
    omega: int
    """Ω: size of the largest support."""
    rho: float
    """ρ: largest fraction of all samples that meet one sample's support (itself included)."""
    hottest_variable: int
    hottest_degree: int
    """In how many samples the hottest variable is: no schedule that orders conflicting
    samples can be shorter than this many updates."""
    exact: bool
    """False: the conflict degrees were computed for a random subset of the samples only."""

    @property
    def conflict_probability(self) -> float:
        """Pr(two random samples conflict) = Δ̄ / n (Mania et al. 2017).

        Exactly: Δ̄ / (n − 1) for two different ones; where a sample may be drawn twice, up to
        (Δ̄ + 1) / n (``proofs/analysis.md``, 2.2).
        """
        return self.mean_degree / self.n_samples

    @property
    def tau_bound(self) -> float:
        """Delay τ ≤ n / 2Δ̄ up to which Hogwild!'s noise term stays below γ²M².

        After Mania et al. 2017 ("Perturbed Iterate Analysis for Asynchronous Stochastic
        Optimization", theorem 3.4). The right constants, and a second bound that sparsity does
        not lift, are in ``proofs/analysis.md`` (2.4, 3.4, 3.5).
        """
        return self.n_samples / (2 * self.mean_degree) if self.mean_degree else float("inf")


class Hypergraph:
    """Sample–variable incidence in compressed sparse row form.

    Parameters
    ----------
    indices : array of int, shape (nnz,)
        Variables of sample 0, then of sample 1, and so on.
    indptr : array of int, shape (n_samples + 1,), or int
        Where each sample starts in `indices`; an int ``r`` says that every sample touches
        exactly ``r`` variables (an r-uniform hypergraph), which saves the array.
    n_variables : int
        Number of variables.

    Raises
    ------
    DataError
        If a variable is no integer or out of range, or `indptr` does not describe `indices`.
    """

    def __init__(self, indices: Any, indptr: Any, n_variables: int, *, check: bool = True) -> None:
        flat = np.ascontiguousarray(indices).reshape(-1)
        if check and flat.size and flat.dtype.kind not in "iu":
            raise DataError(f"indices: expected integers, got {flat.dtype}")
        if check and flat.size and (flat.min() < 0 or flat.max() >= n_variables):
            raise DataError(
                f"indices: expected variables in 0..{n_variables - 1}, "
                f"got values from {flat.min()} to {flat.max()}"
            )
        self.indices: np.ndarray = flat.astype(np.uint32, copy=False)
        self.n_variables = int(n_variables)
        if isinstance(indptr, (int, np.integer)):
            self.arity = int(indptr)
            if self.arity < 1 or flat.size % self.arity:
                raise DataError(f"indptr: {flat.size} indices are no whole number of {indptr}-sets")
            self.indptr = np.zeros(0, dtype=np.int64)
            self.n_samples = flat.size // self.arity
        else:
            self.arity = 0
            self.indptr = np.ascontiguousarray(indptr, dtype=np.int64)
            steps = np.diff(self.indptr)
            if self.indptr.size < 1 or self.indptr[0] != 0 or self.indptr[-1] != flat.size:
                raise DataError(f"indptr: expected to run from 0 to {flat.size}")
            if (steps < 0).any():
                raise DataError("indptr: expected a non-decreasing sequence")
            self.n_samples = self.indptr.size - 1

    @classmethod
    def from_matrix(cls, matrix: Any) -> Hypergraph:
        """Build from a scipy sparse matrix: row = sample, stored column = variable."""
        csr = sp.csr_array(matrix)
        return cls(csr.indices, csr.indptr, csr.shape[1])

    @property
    def csr(self) -> tuple[np.ndarray, int, np.ndarray]:
        """``(indptr, arity, indices)`` as compiled code takes it (`native.incidence`)."""
        return self.indptr, self.arity, self.indices

    def support(self, sample: int) -> np.ndarray:
        """Return the variables of one sample."""
        if self.arity:
            return self.indices[sample * self.arity : (sample + 1) * self.arity]
        return self.indices[self.indptr[sample] : self.indptr[sample + 1]]

    @cached_property
    def degrees(self) -> np.ndarray:
        """(n_variables,) int64: how many samples touch each variable."""
        return count_degrees(self.indices, self.n_variables)

    def matrix(self) -> sp.csr_array:
        """Return the incidence as a (n_samples, n_variables) sparse matrix of ones."""
        indptr = self.indptr
        if self.arity:
            indptr = np.arange(self.n_samples + 1, dtype=np.int64) * self.arity
        ones = np.ones(self.indices.size, dtype=np.int8)
        return sp.csr_array(
            (ones, self.indices.astype(np.int32), indptr), (self.n_samples, self.n_variables)
        )

    def conflict_graph(self) -> Any:
        """Return the conflict graph (an edge joins samples that share a variable), networkx.

        ValueError for more than 20,000 samples: it has up to n²/2 edges.
        """
        import networkx as nx

        if self.n_samples > _MAX_CONFLICT_GRAPH:
            raise ValueError(
                f"conflict_graph is for small hypergraphs: expected at most "
                f"{_MAX_CONFLICT_GRAPH} samples, got {self.n_samples}; see statistics()"
            )
        incidence = self.matrix().astype(np.int64)
        return nx.from_scipy_sparse_array(sp.triu(incidence @ incidence.T, k=1))

    def statistics(self, seed: int = 0) -> ConflictStatistics:
        """Return the conflict statistics, of a random subset where exact ones cost too much."""
        if self.n_samples == 0:
            raise DataError("statistics: expected at least one sample, got none")
        degrees = self.degrees
        conflicts, exact = self._conflict_degrees(seed)
        omega = self.arity or int(np.diff(self.indptr).max())
        hottest = int(np.argmax(degrees)) if degrees.size else 0
        return ConflictStatistics(
            n_samples=self.n_samples,
            n_variables=self.n_variables,
            mean_degree=float(conflicts.mean()),
            max_degree=int(conflicts.max()),
            omega=omega,
            rho=(int(conflicts.max()) + 1) / self.n_samples,
            hottest_variable=hottest,
            hottest_degree=int(degrees[hottest]) if degrees.size else 0,
            exact=exact,
        )

    def _conflict_degrees(self, seed: int) -> tuple[np.ndarray, bool]:
        """Return with how many others each sample conflicts, and False if only a subset's."""
        degrees = self.degrees
        if self.arity == 2:  # d_u + d_v - 1, less the samples that meet it in both
            pairs = np.sort(self.indices.reshape(-1, 2).astype(np.int64), axis=1)
            keys = pairs[:, 0] * self.n_variables + pairs[:, 1]
            _, group, copies = np.unique(keys, return_inverse=True, return_counts=True)
            if not (pairs[:, 0] == pairs[:, 1]).any():
                return degrees[pairs].sum(axis=1) - copies[group] - 1, True
        chosen = np.arange(self.n_samples)
        work = float((degrees.astype(np.float64) ** 2).sum())
        exact = work <= _EXACT_WORK or self.n_samples <= _SAMPLED_EDGES
        if not exact:
            rng = np.random.Generator(np.random.Philox(int(stream_key(seed, "statistics"))))
            chosen = np.sort(rng.integers(self.n_samples, size=_SAMPLED_EDGES))
        by_variable = self.matrix().tocsc()
        samples_of = (by_variable.indptr.astype(np.int64), by_variable.indices)
        return conflict_degrees(*self.csr, *samples_of, chosen), exact

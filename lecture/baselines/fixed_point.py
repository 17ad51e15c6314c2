"""Asynchronous fixed points (Bertsekas 1983; Chazan and Miranker 1969): PageRank.

A *sample* is a page v; its update sets ``x_v = (1 - a) / n + a sum_{u -> v} x_u / out_u`` from
whatever x holds. The map contracts by a in the maximum norm of x over x*, so it converges in any
order and with any bounded delay: stale reads cost time, never the result. Bits are another matter.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp

from serialeq.errors import DataError
from serialeq.hypergraph import Hypergraph
from serialeq.native.kernel import kernel
from serialeq.native.team import WorkerTeam
from serialeq.problem import Problem


class PageRankContext(NamedTuple):
    """What the kernel works on: n pages."""

    samples: np.ndarray
    indptr: np.ndarray
    """(n + 1,) int64: where the pages that link to each page start."""
    sources: np.ndarray
    weights: np.ndarray
    """(links,) float64: damping / out-degree of the source."""
    x: np.ndarray
    """(n,) float64."""
    base: float


@kernel
def page_rank_kernel(c: Any, start: int, stop: int) -> None:
    """Set the pages at packed positions ``start <= k < stop`` to what the others say."""
    for k in range(start, stop):
        v = np.intp(c.samples[k])
        total = c.base
        for j in range(c.indptr[v], c.indptr[v + 1]):
            total += c.weights[j] * c.x[np.intp(c.sources[j])]
        c.x[v] = total


class PageRank(Problem):
    """PageRank as an asynchronous fixed point.

    Parameters
    ----------
    links : sparse matrix, shape (n, n)
        A nonzero at (u, v) for a link from u to v, none to itself; every page has at least one.
    damping : float
    """

    kernel = page_rank_kernel

    def __init__(self, links: Any, damping: float = 0.85) -> None:
        out = sp.csr_array(links, dtype=np.float64, copy=True)
        out.sum_duplicates()
        if out.shape[0] != out.shape[1]:
            raise DataError(f"links: expected a square matrix, got shape {out.shape}")
        degrees = np.diff(out.indptr)
        if (degrees == 0).any() or out.diagonal().any():
            raise DataError("links: expected every page to link to another, and none to itself")
        sources = np.repeat(np.arange(out.shape[0]), degrees)
        weights = damping / degrees[sources]
        into = sp.csr_array((weights, (out.indices, sources)), out.shape)
        self._indptr, self._sources = into.indptr.astype(np.int64), into.indices.astype(np.uint32)
        self._weights = into.data
        n = out.shape[0]
        self._x = np.full(n, 1.0 / n)
        self._base = (1.0 - damping) / n
        supports = np.insert(self._sources, self._indptr[:-1], np.arange(n))
        self.hypergraph = Hypergraph(supports, self._indptr + np.arange(n + 1), n)
        self._into = into

    def context(self, samples: np.ndarray, times: np.ndarray) -> PageRankContext:
        """Return the kernel's context."""
        return PageRankContext(
            samples, self._indptr, self._sources, self._weights, self._x, self._base
        )

    def variables(self) -> dict[str, np.ndarray]:
        """Every page is a variable."""
        return {"x": np.arange(self._x.size)}

    def trained(self) -> dict[str, np.ndarray]:
        """Return ``x``, shape (n,)."""
        return {"x": self._x}

    def loss(self, team: WorkerTeam | None = None) -> float:
        """Return how far x is from the fixed point: the sum of what an update would change."""
        return float(np.abs(self._base + self._into @ self._x - self._x).sum())


def random_links(n_pages: int, per_page: int, seed: int = 0) -> sp.csr_array:
    """Return a web: every page links to the next and to some random ones."""
    rng = np.random.default_rng([seed, 4])
    sources = np.repeat(np.arange(n_pages), per_page)
    jumps = rng.integers(1, n_pages, (n_pages, per_page))
    jumps[:, 0] = 1
    targets = (sources + jumps.ravel()) % n_pages
    return sp.csr_array((np.ones(sources.size), (sources, targets)), (n_pages, n_pages))

"""A problem in which every change of the order of two conflicting samples changes the bits.

``values`` are floating-point sums and products, ``marks`` an integer hash of everything that
ever happened to a variable: its map is a bijection, so no difference is ever forgotten.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from serialeq.hypergraph import Hypergraph
from serialeq.native.kernel import kernel
from serialeq.native.team import WorkerTeam
from serialeq.problem import Problem

_ODD = 0x9E3779B97F4A7C15
_MASK = (1 << 64) - 1


class ChainContext(NamedTuple):
    """What the kernel works on: n samples, their supports as CSR, V variables."""

    samples: np.ndarray
    times: np.ndarray
    indptr: np.ndarray
    indices: np.ndarray
    keep: np.ndarray
    share: np.ndarray
    values: np.ndarray
    marks: np.ndarray
    timed: bool


@kernel
def chain_kernel(c: Any, start: int, stop: int) -> None:
    """Mix the variables of each sample."""
    values, marks, indices, times = c.values, c.marks, c.indices, c.times
    for k in range(start, stop):
        e = np.intp(c.samples[k])
        total = 0.0
        mark = np.uint64(e)
        if c.timed:
            mark += np.uint64(times[k]) << np.uint64(32)
        for j in range(c.indptr[e], c.indptr[e + 1]):
            v = np.intp(indices[j])
            total += values[v]
            mark = mark * np.uint64(_ODD) + marks[v]
        for j in range(c.indptr[e], c.indptr[e + 1]):
            v = np.intp(indices[j])
            values[v] = c.keep[e] * values[v] + c.share[e] * total
            marks[v] = marks[v] * np.uint64(_ODD) + (mark ^ (mark >> np.uint64(31)))


class Chain(Problem):
    """The test problem on any hypergraph, also with repeated variables in a support.

    If it is `timed`, updates depend on the sample's serial position as well, so repeats of a sample
    differ. The seed is that of the first values, and of what each sample does.
    """

    kernel = chain_kernel

    def __init__(self, hypergraph: Hypergraph, *, timed: bool = False, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.hypergraph = hypergraph
        self.timed = timed
        n = hypergraph.n_samples
        supports = [hypergraph.support(e) for e in range(n)]
        self.indptr = np.cumsum([0, *map(len, supports)])
        self.indices = np.concatenate([np.zeros(0, np.uint32), *supports])
        self.keep = rng.uniform(0.5, 0.9, n)
        self.share = rng.uniform(-0.1, 0.1, n)
        self.values = rng.uniform(-1, 1, hypergraph.n_variables)
        self.marks = rng.integers(0, 1 << 64, hypergraph.n_variables, np.uint64)

    def context(self, samples: np.ndarray, times: np.ndarray) -> ChainContext:
        """Return the kernel's context."""
        return ChainContext(
            samples,
            times,
            self.indptr,
            self.indices,
            self.keep,
            self.share,
            self.values,
            self.marks,
            self.timed,
        )

    def variables(self) -> dict[str, np.ndarray]:
        """Return that element i of both arrays is variable i."""
        owners = np.arange(self.hypergraph.n_variables)
        return {"values": owners, "marks": owners}

    def trained(self) -> dict[str, np.ndarray]:
        """Return ``values``, (V,) float64, and ``marks``, (V,) uint64."""
        return {"values": self.values, "marks": self.marks}

    def loss(self, team: WorkerTeam | None = None) -> float:
        """Return the sum of the absolute values, which nobody minimises."""
        return float(np.abs(self.values).sum())

    def oracle(self, samples: np.ndarray) -> dict[str, np.ndarray]:
        """Return what `trained` will be after the samples, in plain Python."""
        values, marks = self.values.tolist(), self.marks.tolist()
        for t, e in enumerate(samples.tolist()):
            support = self.indices[self.indptr[e] : self.indptr[e + 1]].tolist()
            total, mark = 0.0, e + (t << 32 if self.timed else 0)
            for v in support:
                total += values[v]
                mark = (mark * _ODD + marks[v]) & _MASK
            for v in support:
                values[v] = float(self.keep[e]) * values[v] + float(self.share[e]) * total
                marks[v] = (marks[v] * _ODD + (mark ^ (mark >> 31))) & _MASK
        return {"values": np.array(values), "marks": np.array(marks, dtype=np.uint64)}

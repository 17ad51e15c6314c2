"""Inconsistent reads and lost adds on real threads.

Every sample reads all words of a small memory, writes its own number over each, and adds one to a
counter beside each. In any serial order all words that a sample reads bear one number. A sample
that finds two has read a state that no serial run passes through (an *inconsistent read*), and
every count that is missing in the end is an add that another one overwrote, which assumption A1 of
`proofs/analysis.md` rules out and plain Hogwild! does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from serialeq.hypergraph import Hypergraph
from serialeq.native.kernel import kernel
from serialeq.native.simd import aligned_zeros
from serialeq.native.team import WorkerTeam
from serialeq.problem import Problem
from serialeq.training.fit import fit

_LINE = 8


class WitnessContext(NamedTuple):
    """What the kernel works on: n samples, D words, each on a cache line of its own."""

    samples: np.ndarray
    words: np.ndarray
    """(D, 8) int64: in column 0 the number of who wrote last, in column 1 the count."""
    torn: np.ndarray
    """(n,) int64: 1 for samples that read different numbers."""


@kernel
def witness_kernel(c: Any, start: int, stop: int) -> None:
    """Read, compare, write."""
    words = c.words
    for k in range(start, stop):
        e = np.int64(c.samples[k])
        found = words[0, 0]
        torn = 0
        for j in range(words.shape[0]):
            torn |= np.int64(words[j, 0] != found)
        c.torn[e] = torn
        for j in range(words.shape[0]):
            words[j, 0] = e
            words[j, 1] += 1


class Witness(Problem):
    """The memory and its samples.

    Parameters
    ----------
    n_samples, n_words : int
    """

    kernel = witness_kernel

    def __init__(self, n_samples: int, n_words: int = 16) -> None:
        self._words = aligned_zeros((n_words, _LINE), np.int64)
        self._torn = np.zeros(n_samples, dtype=np.int64)
        supports = np.empty((n_samples, n_words + 1), dtype=np.uint32)
        supports[:, :n_words] = np.arange(n_words)
        supports[:, n_words] = n_words + np.arange(n_samples)
        self.hypergraph = Hypergraph(supports, n_words + 1, n_words + n_samples, check=False)

    def context(self, samples: np.ndarray, times: np.ndarray) -> WitnessContext:
        """Return the kernel's context."""
        return WitnessContext(samples, self._words, self._torn)

    def variables(self) -> dict[str, np.ndarray]:
        """First the words, then what each sample notes down."""
        n_words = self._words.shape[0]
        return {"words": np.arange(n_words), "torn": n_words + np.arange(self._torn.size)}

    def trained(self) -> dict[str, np.ndarray]:
        """Return the words and the notes."""
        return {"words": self._words, "torn": self._torn}

    def loss(self, team: WorkerTeam | None = None) -> float:
        """Return the fraction of torn reads."""
        return float(self._torn.mean())


@dataclass(frozen=True)
class TornReads:
    """What a run showed.

    Attributes
    ----------
    engine : str
    n_workers : int
    torn : float
        Fraction of samples that read a state of no serial run.
    lost : float
        Fraction of adds that were overwritten.
    """

    engine: str
    n_workers: int
    torn: float
    lost: float


def torn_reads(engine: str, n_jobs: int, n_samples: int = 100_000, n_words: int = 16) -> TornReads:
    """Run an engine on the witness, on at most as many workers as there are cores."""
    problem = Witness(n_samples, n_words)
    n_jobs = 1 if engine == "serial" else n_jobs
    fitted = fit(problem, "given", engine=engine, n_jobs=n_jobs)
    counted = int(fitted.trained["words"][:, 1].sum())
    return TornReads(
        fitted.engine,
        fitted.n_workers,
        float(fitted.trained["torn"].mean()),
        1.0 - counted / (n_samples * n_words),
    )

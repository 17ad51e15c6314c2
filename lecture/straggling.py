"""Stragglers on real cores: samples that keep a core busy for as long as the simulation says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from serialeq.engines.engine import get_engine
from serialeq.hypergraph import Hypergraph
from serialeq.native.kernel import kernel
from serialeq.native.team import WorkerTeam
from serialeq.order import Order
from serialeq.planning.serial import plan_serial
from serialeq.problem import Problem, check_state

from .runs import Racer, Run, race

_MULTIPLICATIONS = 1500
"""Of a mean task, one after the other: some 2 µs."""


class StragglingContext(NamedTuple):
    """What the kernel works on: n samples with two of d variables each."""

    pairs: np.ndarray
    """(n, 2) uint32, in execution order."""
    rounds: np.ndarray
    """(n,) int64: multiplications of each."""
    values: np.ndarray
    """(d,) uint64."""


@kernel
def straggling_kernel(c: Any, start: int, stop: int) -> None:
    """Mix the two values of each sample, in so many rounds."""
    values = c.values
    for k in range(start, stop):
        u, v = np.intp(c.pairs[k, 0]), np.intp(c.pairs[k, 1])
        x = values[u] ^ (values[v] << np.uint64(1))
        for _ in range(c.rounds[k]):
            x = x * np.uint64(6364136223846793005) + np.uint64(1442695040888963407)
        values[u] = x
        values[v] += x


class Straggling(Problem):
    """A random number generator with two of d states in each step, and steps of random length.

    Parameters
    ----------
    hypergraph : Hypergraph
        Two variables in each sample.
    times : array of float, shape (n,)
        In units of the mean task.
    """

    kernel = straggling_kernel

    def __init__(self, hypergraph: Hypergraph, times: np.ndarray) -> None:
        self.hypergraph = hypergraph
        self._pairs = hypergraph.indices.reshape(-1, 2)
        self._rounds = np.rint(_MULTIPLICATIONS * times).astype(np.int64)
        self._values = np.arange(1, hypergraph.n_variables + 1, dtype=np.uint64)

    def context(self, samples: np.ndarray, times: np.ndarray) -> StragglingContext:
        """Return the kernel's context."""
        return StragglingContext(self._pairs[samples], self._rounds[samples], self._values)

    def variables(self) -> dict[str, np.ndarray]:
        """Every value is a variable."""
        return {"values": np.arange(self._values.size)}

    def trained(self) -> dict[str, np.ndarray]:
        """Return a copy of the values, shape (d,)."""
        return {"values": self._values.copy()}

    def load(self, arrays: dict[str, np.ndarray]) -> None:
        """Set the values."""
        check_state(arrays, self.trained())
        self._values[:] = arrays["values"]

    def loss(self, team: WorkerTeam | None = None) -> float:
        """There is nothing to learn."""
        return 0.0


def measure_engines(
    order: Order, times: np.ndarray, engines: Sequence[str], n_jobs: int, rounds: int
) -> dict[str, float]:
    """Return the measured time of an epoch over that of the serial run, by engine.

    Parameters
    ----------
    order : Order
    times : array of float, shape (n,)
        Of the samples, in units of the mean task.
    engines : sequence of str
    n_jobs, rounds : int
    """
    racers: dict[str, Racer] = {"serial": Run(Straggling(order.tasks, times), plan_serial(order))}
    for engine in engines:
        plan = get_engine(engine).plan
        assert plan is not None
        racers[engine] = Run(Straggling(order.tasks, times), plan(order, n_jobs))
    timings = race(racers, rounds)
    return {engine: timings.speed("serial", engine).paired for engine in engines}

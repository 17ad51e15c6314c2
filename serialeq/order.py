"""The serial order π of one epoch, cut into tasks.

A *task* is a run of consecutive samples; it names the *resources* that it touches. In a fine
order (given, shuffled) a task is one sample and its resources are its variables. In a blocked
order a task is all samples with one signature of variable blocks, and its resources are those
blocks. An order never depends on the number of workers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from .errors import DataError
from .hypergraph import Hypergraph
from .native.grouping import group_by_key, signature_keys
from .native.incidence import take_supports
from .native.jit import jit
from .native.random import mix, permutation, shuffle, stream_key
from .native.team import WorkerTeam

CHUNK = 1 << 15
"""Steps whose supports are looked up at once, to stay in the cache."""


@dataclass(frozen=True, eq=False)
class Order:
    """One epoch's serial order.

    Attributes
    ----------
    tasks : Hypergraph
        Which resources each task touches.
    sequence : array of int32, shape (n_steps,)
        Tasks in serial order; a task may repeat or be left out.
    name : str
        "given", "shuffled", "two-level" or "blocked".
    members : array of int32, shape (n_samples,), or None
        Samples grouped by task, each group in its serial order; None: task ``t`` is sample ``t``.
    bounds : array of int64, shape (n_tasks + 1,)
        Task ``t`` consists of ``members[bounds[t]:bounds[t + 1]]`` (empty if `members` is None).
    block_weights : array of int64, shape (n_resources,), or None
        Number of variables in each block; None in a fine order.
    """

    tasks: Hypergraph
    sequence: np.ndarray
    name: str
    members: np.ndarray | None = None
    bounds: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    block_weights: np.ndarray | None = None

    @cached_property
    def weights(self) -> np.ndarray:
        """(n_resources,) int64: how much there is to move when a resource changes hands.

        The worker that owns the heaviest resource of a task runs the task.
        """
        return self.tasks.degrees if self.block_weights is None else self.block_weights

    @property
    def is_fine(self) -> bool:
        """True if every task is a single sample."""
        return self.members is None

    @property
    def n_steps(self) -> int:
        """Number of tasks in the epoch."""
        return int(self.sequence.size)

    @cached_property
    def sizes(self) -> np.ndarray:
        """Number of samples of each step, shape (n_steps,); shape (0,) in a fine order (all 1)."""
        if self.is_fine:
            return np.zeros(0, dtype=np.int64)
        return np.diff(self.bounds)[self.sequence]

    @property
    def n_samples(self) -> int:
        """Length of the epoch in samples, repeats counted."""
        return self.n_steps if self.is_fine else int(self.sizes.sum())

    def supports(self) -> Iterator[tuple[int, tuple[np.ndarray, int, np.ndarray]]]:
        """Yield (first step, supports of `CHUNK` steps in compressed sparse row form)."""
        for begin in range(0, self.n_steps, CHUNK):
            yield begin, take_supports(*self.tasks.csr, self.sequence[begin : begin + CHUNK])

    def samples(self) -> np.ndarray:
        """Return π itself: the sample at each serial position."""
        if self.members is None:
            return self.sequence
        pieces = [self.members[self.bounds[t] : self.bounds[t + 1]] for t in self.sequence]
        return np.concatenate(pieces) if pieces else self.members[:0]


def given_order(hypergraph: Hypergraph, sequence: Any) -> Order:
    """Return the order that the caller dictates: samples as `check_samples` has them."""
    return Order(hypergraph, check_samples(hypergraph, sequence), "given")


def check_samples(hypergraph: Hypergraph, sequence: Any) -> np.ndarray:
    """Return numbers of samples as an int32 array; they may repeat.

    Raises
    ------
    DataError
        If they are not one-dimensional integers in ``0..n_samples-1``.
    """
    try:
        steps = np.asarray(sequence)
    except ValueError as error:
        raise DataError(f"order: expected a 1-d array of sample numbers: {error}") from error
    if steps.ndim != 1 or (steps.size and not np.issubdtype(steps.dtype, np.integer)):
        raise DataError(
            f"order: expected a 1-d array of sample numbers, got {steps.ndim}-d {steps.dtype}"
        )
    if steps.size and (steps.min() < 0 or steps.max() >= hypergraph.n_samples):
        raise DataError(
            f"order: expected samples in 0..{hypergraph.n_samples - 1}, "
            f"got values from {steps.min()} to {steps.max()}"
        )
    return np.require(steps, dtype=np.int32, requirements=["C", "W"])


def shuffled_order(hypergraph: Hypergraph, seed: int, epoch: int = 0) -> Order:
    """Return a uniformly random permutation of the samples for (seed, epoch)."""
    sequence = permutation(hypergraph.n_samples, stream_key(seed, "shuffled order", epoch))
    return Order(hypergraph, sequence, "shuffled")


def block_members(hypergraph: Hypergraph, seed: int) -> np.ndarray:
    """Return the samples in the order in which `two_level_order` cuts them into blocks."""
    return permutation(hypergraph.n_samples, stream_key(seed, "two-level order"))


def two_level_order(
    hypergraph: Hypergraph, block: int, seed: int, epoch: int = 0, members: np.ndarray | None = None
) -> Order:
    """Return a permutation whose blocks of `block` samples have the same members in every epoch.

    A random permutation, made once for the seed, is cut into blocks. Each epoch visits the blocks,
    and the samples inside each, in a new random order; what is left over comes last. So what
    was computed about the members of a block serves every epoch. (`members`: `block_members`, if
    they are at hand; checked as `check_samples` does.)
    """
    given = block_members(hypergraph, seed) if members is None else members
    members = check_samples(hypergraph, given)
    sequence = _two_levels(members, block, stream_key(seed, "two-level epoch", epoch))
    return Order(hypergraph, sequence, "two-level")


@jit
def _two_levels(members: Any, block: int, key: Any) -> Any:
    n_blocks = members.size // block
    blocks = permutation(n_blocks, key)
    sequence = members.copy()
    for b in range(n_blocks):
        start, source = b * block, blocks[b] * block
        sequence[start : start + block] = members[source : source + block]
        shuffle(sequence, start, start + block, mix(key, blocks[b]))
    shuffle(sequence, n_blocks * block, members.size, mix(key, n_blocks))
    return sequence


def blocked_order(
    hypergraph: Hypergraph,
    labels: Any,
    n_blocks: int,
    seed: int,
    colour: Callable[[Hypergraph], np.ndarray] | None = None,
    team: WorkerTeam | None = None,
) -> Order:
    """Return samples grouped by the blocks of variables that they touch, colour by colour.

    The samples of a task are shuffled by the seed. Tasks of one colour share no block. The order
    is the same in every epoch: what an epoch used last is near what the next one uses first.

    Parameters
    ----------
    labels : array of int, shape (n_variables,)
        Block of each variable. A function of data and configuration, never of the workers.
    colour : callable, optional
        ``colour(tasks)`` returns a colour for each task of the quotient hypergraph. By default
        networkx colours the quotient conflict graph greedily, largest degree first.
    team : WorkerTeam, optional
        Whose threads share the work; the result does not depend on them.

    Raises
    ------
    DataError
        If there is not one label in ``0..n_blocks-1`` for each variable.
    """
    labels = np.asarray(labels)
    if labels.shape != (hypergraph.n_variables,):
        raise DataError(
            f"labels: expected one for each of {hypergraph.n_variables} variables, "
            f"got shape {labels.shape}"
        )
    if labels.size and (labels.min() < 0 or labels.max() >= n_blocks):
        raise DataError(
            f"labels: expected blocks in 0..{n_blocks - 1}, "
            f"got values from {labels.min()} to {labels.max()}"
        )
    team = team or WorkerTeam(1)
    labels = np.ascontiguousarray(labels, dtype=np.uint32)
    keys, width = signature_keys(*hypergraph.csr, labels, n_blocks, team)
    weights = np.bincount(labels, minlength=n_blocks)
    return order_of_keys(keys, width, weights, seed, colour or greedy_colours, team)


def order_of_keys(
    keys: np.ndarray,
    width: int,
    weights: np.ndarray,
    seed: int,
    colour: Callable[[Hypergraph], np.ndarray],
    team: WorkerTeam,
) -> Order:
    """Return the `blocked_order` of samples with keys (`signature_keys`), given blocks' sizes."""
    base = weights.size + 1
    distinct, members, bounds = group_by_key(
        keys, base**width, stream_key(seed, "blocked order"), team
    )
    digits = (distinct[:, None] // base ** np.arange(width, dtype=np.int64)) % base
    used = digits > 0
    indptr = np.concatenate([[0], np.cumsum(used.sum(axis=1))])
    tasks = Hypergraph((digits - 1)[used], indptr, weights.size, check=False)
    sequence = np.argsort(colour(tasks), kind="stable").astype(np.int32)
    return Order(tasks, sequence, "blocked", members, bounds, weights.astype(np.int64))


def greedy_colours(tasks: Hypergraph) -> np.ndarray:
    """Colour the conflict graph of tasks greedily; tasks of one colour share no resource."""
    import networkx as nx

    colouring = nx.coloring.greedy_color(tasks.conflict_graph(), strategy="largest_first")
    return np.array([colouring[t] for t in range(tasks.n_samples)], dtype=np.int64)

"""What a problem has to provide."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from .errors import SerialeqError
from .hypergraph import Hypergraph
from .native.kernel import BoundKernel, Kernel
from .native.team import WorkerTeam
from .order import Order, shuffled_order
from .planning.prediction import DEFAULT_COSTS, CostModel, predict
from .planning.schedule import Schedule

STEPS_LOOKED_AT = 1 << 16
"""Steps of an epoch that are simulated to predict its speedup."""


class Problem(ABC):
    """Data, state, supports and the compiled update.

    Attributes
    ----------
    hypergraph : Hypergraph
        The support of each sample: every variable that its update reads and somebody writes,
        or that it writes.
    kernel : Kernel
        ``run(context, start, stop)``.
    timed : bool
        The update depends on the sample's position in the serial order.
    parallel_engine : str
        The engine that ``auto`` takes if it pays.
    costs : CostModel
        What an update and its waits cost, for predictions; decides about speed only.
    redrawn : bool
        Supports change with the epoch: `draw` sets them, and every epoch is planned anew.
    """

    hypergraph: Hypergraph
    kernel: Kernel
    timed: bool = False
    parallel_engine: str = "dataflow"
    redrawn: bool = False
    costs: CostModel = DEFAULT_COSTS

    @abstractmethod
    def context(self, samples: np.ndarray, times: np.ndarray) -> Any:
        """Return the kernel's context with the data of `samples` laid out in that order.

        `times` holds the serial position of each, or is empty unless `timed`. Arrays that are
        trained have to be the same ones in every call.
        """

    def draw(self, epoch: int) -> None:  # noqa: B027
        """Set the supports of an epoch (`hypergraph`), as a function of its number alone.

        Called before an epoch is planned, if `redrawn`. A new problem has those of epoch 0.
        """

    def begin_epoch(self, epoch: int, n_samples: int) -> None:  # noqa: B027
        """Set what changes with the epoch, in place (`n_samples`: the epoch's length).

        In the arrays of the context: its numbers are those of the time when it was made.
        """

    @abstractmethod
    def trained(self) -> dict[str, np.ndarray]:
        """Return the trained arrays in their canonical form, by name: what the digest covers."""

    def state(self) -> dict[str, np.ndarray]:
        """Return copies of all that the next epoch depends on, in canonical form: a checkpoint."""
        return {name: array.copy() for name, array in self.trained().items()}

    def load(self, arrays: dict[str, np.ndarray]) -> None:
        """Set the state to what `state` returned before, in place.

        By default into the arrays of `trained`, which have to be those of the context then.
        """
        own = self.trained()
        check_state(arrays, own)
        for name, array in own.items():
            array[...] = arrays[name]
        again = self.trained()
        if any(not np.may_share_memory(again[name], array) for name, array in own.items()):
            raise SerialeqError(
                f"load: {type(self).__name__} cannot go on from a state: its trained arrays are "
                "copies"
            )

    def data(self) -> dict[str, np.ndarray]:
        """Return what is trained on, in canonical form, by name: what the fingerprint covers.

        By default all that the context of the samples in their own order has, besides what is
        trained; it is asked for before the first epoch.
        """
        samples = np.arange(self.hypergraph.n_samples, dtype=np.int32)
        context = self.context(samples, samples if self.timed else samples[:0])._asdict()
        own = self.trained().values()
        return {
            name: np.asarray(value)
            for name, value in context.items()
            if not any(np.may_share_memory(np.asarray(value), array) for array in own)
        }

    @abstractmethod
    def loss(self, team: WorkerTeam | None = None) -> float:
        """Return the training loss, the same for any number of workers."""

    def variables(self) -> dict[str, np.ndarray]:
        """Return which rows of the context's arrays belong to which variable.

        For each field of the context that the kernel writes, by name: an array of int with the
        variable of each leading row (of each element, if the field is one-dimensional), −1 for
        rows that no update may touch. Fields that are not named are read-only. Asked for after
        `context`; only `serialeq.testing.check_supports` needs it.
        """
        raise SerialeqError(
            f"variables: {type(self).__name__} does not say to which variables the rows of its "
            "arrays belong"
        )

    def bind(self, samples: np.ndarray, times: np.ndarray) -> BoundKernel:
        """Return the kernel with the context of `samples`.

        Raises
        ------
        SerialeqError
            If `kernel` is no `Kernel`, or the context is nothing that a kernel can use.
        """
        if not isinstance(self.kernel, Kernel):
            raise SerialeqError(
                f"kernel: expected a function decorated with @serialeq.kernel, got "
                f"{type(self.kernel).__name__} as {type(self).__name__}.kernel"
            )
        return self.kernel.bind(self.context(samples, times))

    def runs_on(self, engine: str) -> bool:
        """Return whether the problem works with the engine of that name."""
        return engine not in ("lookahead", "minibatch")

    def predicted_speedup(self, order: Order, n_workers: int) -> float:
        """Return the speed of `parallel_engine` over serial, as far as can be told beforehand."""
        return predict(order, n_workers, self.costs, limit=STEPS_LOOKED_AT).speedup

    def facts(self, n_workers: int) -> dict[str, str]:
        """Return what else is to be known before training, in words, by label."""
        return {}

    def reshuffled_order(self, seed: int, epoch: int) -> Order:
        """Return the order of one epoch of a run that shuffles anew in every epoch."""
        return shuffled_order(self.hypergraph, seed, epoch)

    def blocked_order(self, seed: int, team: WorkerTeam | None = None) -> Order:
        """Return the problem's blocked order (see `serialeq.order.blocked_order`)."""
        raise SerialeqError(f"order: {type(self).__name__} has no blocked order; use 'shuffled'")


class SlicedProblem(Problem):
    """A problem whose sums are exact, so that workers may share every sample (lookahead)."""

    @abstractmethod
    def sliced(
        self, order: Order, team: WorkerTeam, simultaneous: bool
    ) -> tuple[Schedule, BoundKernel]:
        """Return schedule and kernel of blocks that all workers do together.

        `simultaneous`: mini-batches, every sample at the weights of the batch's start.
        """

    @abstractmethod
    def follow(self, order: Order) -> None:
        """Let the next epochs of `sliced` follow an order with the same blocks."""


def check_problem(problem: Any) -> None:
    """Raise SerialeqError unless something is a problem and has a hypergraph."""
    name = type(problem).__name__
    if not isinstance(problem, Problem):
        raise SerialeqError(f"problem: expected a serialeq.Problem, got {name}")
    graph = getattr(problem, "hypergraph", None)
    if not isinstance(graph, Hypergraph):
        raise SerialeqError(
            f"hypergraph: expected a serialeq.Hypergraph, got {type(graph).__name__} as "
            f"{name}.hypergraph"
        )


def check_state(given: dict[str, np.ndarray], own: dict[str, np.ndarray]) -> None:
    """Raise SerialeqError unless arrays have the names and shapes of the problem's own."""
    expected, got = ({name: a.shape for name, a in arrays.items()} for arrays in (own, given))
    if got != expected:
        raise SerialeqError(
            f"the present state does not fit the parameters: expected arrays {expected}, got {got}"
        )

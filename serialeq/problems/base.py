"""What a problem has to provide."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from serialeq.errors import SerialeqError
from serialeq.hypergraph import Hypergraph
from serialeq.kernels.kernel import Kernel
from serialeq.order import Order
from serialeq.team import WorkerTeam


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
    """

    hypergraph: Hypergraph
    kernel: Kernel
    timed: bool = False

    @abstractmethod
    def context(self, samples: np.ndarray, times: np.ndarray) -> Any:
        """Return the kernel's context with the data of `samples` laid out in that order.

        `times` holds the serial position of each, or is empty unless `timed`.
        """

    @abstractmethod
    def begin_epoch(self, epoch: int, n_samples: int) -> None:
        """Set what changes with the epoch, in place (`n_samples`: the epoch's length)."""

    @abstractmethod
    def trained(self) -> dict[str, np.ndarray]:
        """Return the trained arrays in their canonical form, by name: what the digest covers."""

    @abstractmethod
    def loss(self, team: WorkerTeam | None = None) -> float:
        """Return the training loss, the same for any number of workers."""

    def blocked_order(self, seed: int, team: WorkerTeam | None = None) -> Order:
        """Return the problem's blocked order (see `serialeq.order.blocked_order`)."""
        raise SerialeqError(f"order: {type(self).__name__} has no blocked order; use 'shuffled'")

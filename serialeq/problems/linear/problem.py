"""Linear models: ``min mean_i weight_i loss(x_i.w + b, y_i) + alpha/2 |w|^2``, one w per output.

The sparse SVM of Niu et al. 2011 (section 2) is the hinge loss with L2. Every update of a text
touches words that nearly all texts share, so the conflict graph is almost complete; what makes this
parallel are exact sums (`serialeq.problems.linear.kernel`).
"""

from __future__ import annotations

import numpy as np

from serialeq.native.sums import sequential_mean
from serialeq.native.team import WorkerTeam
from serialeq.order import Order, block_members, two_level_order

from .facts import facts_of
from .laid_out import PERIOD, LaidOutModel
from .objective import CHUNK, loss_worker


class LinearModel(LaidOutModel):
    """A linear model with one or several outputs.

    Its arguments are those of `serialeq.problems.linear.laid_out.LaidOutModel`.
    """

    def facts(self) -> dict[str, str]:
        """Return what the columns, the lattice and the blocks are like."""
        return facts_of(self)

    def begin_epoch(self, epoch: int, n_samples: int) -> None:
        """Find the steps of the epoch, and have it begin with what the last one left to do."""
        if self.lattice is None or epoch == 0 or n_samples == 0:
            self._state.settle()
        owed = self._state.owed()
        if epoch == 0 and self.n_updates:
            self.n_updates = 0
            self._state.restart_sums()
        batch = self._simultaneous or 1
        scale, passed = self.steps.fill(
            self._rates, self._folds, 1 if self._simultaneous else PERIOD, self.n_updates,
            n_samples, batch, self.lattice,
        )  # fmt: skip
        self._folds[:1] = owed  # none before there is a layout
        self._state.owe(scale, passed)
        self.n_updates += self._updates_per_epoch

    def trained(self) -> dict[str, np.ndarray]:
        """Return ``coef`` (C, d) and ``intercept`` (C,).

        If means are kept, also the sums they are made of: ``coef_sum`` and ``intercept_sum``.
        """
        return self._state.arrays()

    def published(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the weights to predict with, (C, d) and (C,): their means, if these are kept."""
        arrays = self.trained()
        n_counted = self.n_updates - self.average_from + 1
        if not self.average_from or n_counted < 1:
            return arrays["coef"], arrays["intercept"]
        if not self.fit_intercept:
            return arrays["coef_sum"] / n_counted, arrays["intercept"]
        return arrays["coef_sum"] / n_counted, arrays["intercept_sum"] / n_counted

    def state(self) -> dict[str, np.ndarray]:
        """Return what `trained` does, and the number of updates done."""
        return self.trained() | {"n_updates": np.array([self.n_updates])}

    def data(self) -> dict[str, np.ndarray]:
        """Return the rows, the targets and their weights."""
        return self.matrix.arrays() | {"targets": self.targets, "importance": self._importance}

    def load(self, arrays: dict[str, np.ndarray]) -> None:
        """Set the state to what `state` returned before.

        Without sums or number of updates, these start anew.
        """
        self._state.load(arrays)
        self.n_updates = int(arrays["n_updates"][0]) if "n_updates" in arrays else 0

    def reshuffled_order(self, seed: int, epoch: int) -> Order:
        """Return the two-level shuffle: blocks, and samples inside, in a new order each epoch."""
        if self._members is None or self._members[0] != seed:
            self._members = seed, block_members(self.hypergraph, seed)
        return two_level_order(self.hypergraph, self.block, seed, epoch, self._members[1])

    def loss(self, team: WorkerTeam | None = None) -> float:
        """Return the objective: mean weighted loss over outputs and samples, plus the penalty."""
        coef, intercept = self.published()
        coef = np.ascontiguousarray(coef.T)
        partial = np.zeros(-(-self.n_samples // CHUNK))
        team, rows = team or WorkerTeam(1), self.matrix
        team.run(
            loss_worker, team.n_threads, self._loss, self.epsilon, rows.indptr, rows.indices,
            rows.data, coef, intercept, self.targets, self._importance, partial, team.stop_flag,
        )  # fmt: skip
        penalty = 0.5 * self.alpha * _sum(coef.reshape(-1) ** 2)
        return _sum(partial) / self.n_samples + penalty


def _sum(values: np.ndarray) -> float:
    return float(sequential_mean(values)) * values.size if values.size else 0.0

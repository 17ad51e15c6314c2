"""Linear models: ``min mean_i weight_i loss(x_i.w + b, y_i) + alpha/2 |w|^2``, one w per output.

The sparse SVM of Niu et al. 2011 (section 2) is the hinge loss with L2. Every update of a text
touches words that nearly all texts share, so the conflict graph is almost complete; what makes this
parallel are exact sums (`serialeq.problems.linear.kernel`).
"""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from typing import Any

import numpy as np

from serialeq.errors import SerialeqError
from serialeq.native.atomics import unclaimed
from serialeq.native.kernel import BoundKernel
from serialeq.native.simd import PAGE, aligned_zeros
from serialeq.native.team import WorkerTeam
from serialeq.order import Order, block_members, two_level_order
from serialeq.planning.lockstep import plan_lockstep
from serialeq.planning.prediction import DEFAULT_COSTS
from serialeq.planning.schedule import Schedule
from serialeq.problem import SlicedProblem

from .context import LinearContext
from .cost import LinearCost
from .facts import facts_of
from .gram import sparse_gram
from .kernel import packed_kernel, row_kernel, sliced_kernel
from .lattice import Lattice, choose_lattice, expect_few_vanish, row_sizes
from .layout import Layout, Matrix, Supports, lay_out
from .losses import CLASSIFICATION
from .objective import ordered_sum, sum_of_losses
from .packed import LEAST_LIMIT, LEAST_ROWS, MOST_LIMIT
from .parameters import LinearParameters
from .rates import fill, first_factor
from .state import State

PERIOD = 64
_RARELY_MOVED = ("hinge", "squared_hinge", "perceptron", "epsilon_insensitive")
_NONE = np.zeros((0, 0))


class LinearModel(SlicedProblem):
    """A linear model with one or several outputs, for a scipy CSR or 2-d array `X`, shape (n, d).

    Targets (float64, shape (n, C)) are −1 and 1 for classification; `importance`, of the same
    shape, is the weight of each sample in each output. `like` is the lattice of an earlier fit,
    whose weights will be loaded. Threads of the team share the work of looking at the data.
    """

    kernel = row_kernel
    timed = True
    facts = facts_of

    def __init__(
        self,
        X: Any,
        targets: np.ndarray,
        parameters: LinearParameters | None = None,
        *,
        importance: np.ndarray | None = None,
        like: Lattice | None = None,
        team: WorkerTeam | None = None,
    ) -> None:
        self._parameters = p = copy(parameters or LinearParameters())
        p.check_parameters()
        self.matrix = matrix = Matrix.of(X)
        self.dense = matrix.dense
        self.n_samples, self.n_features = matrix.shape
        self.targets = np.ascontiguousarray(targets, dtype=np.float64)
        self.n_outputs = self.targets.shape[1]
        self.loss_name, self._loss = p.loss, CLASSIFICATION.index(p.loss)
        self.alpha, self.epsilon = p.strength, float(p.epsilon)
        self.fit_intercept, self.average_from = bool(p.fit_intercept), int(p.average)
        self.hypergraph = Supports(matrix, self.fit_intercept)
        self._importance = _NONE if importance is None else importance
        self.cost = LinearCost(
            self.n_samples, matrix.mean_entries, self.n_features, self.n_outputs, self.dense,
            p.loss in _RARELY_MOVED,
        )  # fmt: skip
        self.block = int(p.block_size or self.cost.best_block())
        self.batch = min(int(p.batch_size), max(self.n_samples, 1))
        self.lattice = self._choose_lattice(like, team or WorkerTeam(1))
        if self.lattice is not None:  # no conflict-free schedule helps where all samples conflict
            self.parallel_engine = "lookahead"
        self._width = 0 if self.n_outputs == 1 else -(-self.n_outputs // 8)
        lines = 3.0 * max(self._width, 1)  # a feature that another core has changed: its weights
        self.costs = replace(DEFAULT_COSTS, sample=self.cost.serial(), transfer=lines)
        self._state = State(self.n_features, self.n_outputs, self.average_from > 0, self.lattice)
        self._members: tuple[int, np.ndarray] | None = None
        self.n_updates = 0
        self._rates, self._folds, self._period, self._batch = _NONE, np.zeros((0, 2)), PERIOD, 1

    def _choose_lattice(self, like: Lattice | None, team: WorkerTeam) -> Lattice | None:
        bits = self._parameters.lattice_bits
        if self._parameters.arithmetic != "lattice":
            return None
        sizes = row_sizes(self.matrix.indptr, self.matrix.data, team)
        target = float(np.abs(self.targets).max(initial=0.0))
        factor = first_factor(self._parameters, target, float(self._importance.max(initial=1.0)))
        lattice = choose_lattice(sizes, factor, bits, like)
        if bits is None:
            expect_few_vanish(self.matrix.data, sizes.entry, lattice)
        return lattice

    def _lay_out(self, n_slices: int, rows: np.ndarray, team: WorkerTeam, *gram: Any) -> Layout:
        layout = lay_out(self.matrix, rows, n_slices, self.lattice, team, *gram)
        self._state.move(layout)
        self._laid_out = (
            self.targets[rows],
            self._importance[rows] if self._importance.size else self._importance,
        )
        return layout

    # ---- what engines run ----------------------------------------------------------------------

    def context(self, samples: np.ndarray, times: np.ndarray) -> LinearContext:
        """Return the row kernel's context.

        All rows are laid out once, in the first epoch's order if it has each of them once, else
        in that of the data; later orders find them there.
        """
        n, layout, positions = self.n_samples, self._state.layout, None
        if layout is not None and layout.n_slices == 1:
            positions = layout.positions(samples)
        if positions is None:
            rows = np.arange(n, dtype=np.int32)
            if np.array_equal(np.bincount(samples, minlength=n), np.ones(n)):
                rows = samples
            positions = self._lay_out(1, rows, WorkerTeam(1)).positions(samples)
            assert positions is not None
        return self._context(positions, times, np.zeros((0, 0, 0)), np.zeros(0, np.int32), 1)

    def variables(self) -> dict[str, np.ndarray]:
        """Return the column of each row of weights; the intercept is the last variable.

        In float64 arithmetic: on the lattice workers share every sample, and nothing is declared.
        """
        if self.lattice is not None:
            raise SerialeqError("variables: expected arithmetic='float64', got 'lattice'")
        assert self._state.layout is not None
        rows = np.full(self._state.weights.shape[0], -1)
        rows[self._state.layout.place] = np.arange(self.n_features)
        owners = {"weights": np.repeat(rows, self._state.weights.shape[1])}
        if self.average_from:
            owners["sums"] = owners["weights"]
        if self.fit_intercept:
            owners["intercept"] = np.array([self.n_features])
        return owners

    def runs_on(self, engine: str) -> bool:
        """On the lattice: serial, lookahead and minibatch; in float64 all the others."""
        if self.lattice is not None:
            return engine in ("serial", "lookahead", "minibatch")
        return super().runs_on(engine)

    def predicted_speedup(self, order: Order, n_workers: int) -> float:
        """Predict from the shape of the data (`serialeq.problems.linear.cost`)."""
        if self.lattice is None:
            return super().predicted_speedup(order, n_workers)
        return self.cost.serial() / self.cost.lookahead(self.block, n_workers)

    def sliced(
        self, order: Order, team: WorkerTeam, simultaneous: bool
    ) -> tuple[Schedule, BoundKernel]:
        """Return schedule and kernel of blocks that all workers do together.

        `simultaneous`: mini-batches of `batch` samples, instead of exact blocks of `block`.
        """
        if self.lattice is None:
            raise SerialeqError(
                "engine: lookahead and minibatch need arithmetic='lattice', got 'float64'"
            )
        block = self.batch if simultaneous else self.block
        rows = order.samples().astype(np.int32, copy=False)
        self.cost = replace(self.cost, n_samples=rows.size)  # repeats take memory, too
        n_blocks = -(-rows.size // block)
        n_steps = (2 if simultaneous else 1) * n_blocks + 1
        n_workers = self.cost.most_workers(n_steps, team.n_workers)
        stride = max(8 * self._width, 1)
        padded = -(-block // 8) * 8
        gram = np.zeros((0 if simultaneous else rows.size, padded), dtype=np.int32)
        layout = self._lay_out(n_workers, rows, team, block, gram)
        if not self.dense and not simultaneous and block > 1:
            team.run(
                sparse_gram, unclaimed(), layout.ptr, layout.columns, layout.values,
                int(layout.first[-1]), block, gram,
                n_threads=self.cost.most_threads(block, team.n_threads),
            )  # fmt: skip
        room = -(-(padded * stride + 1) // 16) * 16
        self._sequence = np.arange(rows.size, dtype=np.int32)
        context = self._context(
            self._sequence, np.zeros(0, np.int32), aligned_zeros((2, n_workers, room)),
            gram.reshape(-1), block, simultaneous,
        )  # fmt: skip
        kernel = packed_kernel if context.digits.size else sliced_kernel
        return plan_lockstep(rows, n_steps, n_workers), kernel.bind(context)

    def follow(self, order: Order) -> None:
        """Let the next epochs of the sliced kernel follow an order with the same blocks."""
        assert self._state.layout is not None
        positions = self._state.layout.positions(order.samples())
        if positions is None or self._sequence.size != positions.size:
            raise SerialeqError("order: expected one with the blocks that were laid out")
        self._sequence[:] = positions

    def _context(
        self,
        samples: np.ndarray,
        times: np.ndarray,
        partial: np.ndarray,
        gram: np.ndarray,
        block: int,
        simultaneous: bool = False,
    ) -> LinearContext:
        state, layout, lattice = self._state, self._state.layout, self.lattice
        targets, importance = self._laid_out
        assert layout is not None
        n_slices, room, n = layout.n_slices, partial.shape[-1], samples.size
        self._period, self._batch = (block, block) if simultaneous else (PERIOD, 1)
        self._rates = np.empty((-(-n // self._batch), 5 if self.average_from else 3))
        self._folds = np.ones((n // self._period + 1, 2))
        packed = (
            self.dense
            and self.n_outputs == 1
            and block >= LEAST_ROWS
            and lattice is not None
            and LEAST_LIMIT <= lattice.limit <= MOST_LIMIT
        )
        return LinearContext(
            samples=samples,
            times=times,
            ptr=layout.ptr,
            columns=layout.columns,
            values=layout.values,
            targets=targets,
            importance=importance,
            rates=self._rates,
            folds=self._folds,
            weights=state.weights.reshape(-1),
            sums=state.sums.reshape(-1),
            first_column=layout.first,
            row_width=layout.row_width,
            intercept=state.intercept,
            state=state.bounds,
            partial=partial,
            gram=gram,
            scratch=aligned_zeros((3 * n_slices, room)),
            digits=aligned_zeros((4 * state.weights.size if packed else 0,), np.int16, PAGE),
            pairs=aligned_zeros((n_slices, room), np.int32),
            rows=aligned_zeros((n_slices, room), np.int64),
            epsilon=self.epsilon,
            most=lattice.most if lattice else 1.0,
            limit=lattice.limit if lattice else np.inf,
            intercept_decay=1.0 if self.dense else 0.01,
            loss=self._loss,
            n_outputs=self.n_outputs,
            width=self._width,
            block=block,
            period=self._period,
            dense=self.dense,
            lattice=lattice is not None,
            weighted=bool(importance.size),
            with_intercept=self.fit_intercept,
            averaged=self.average_from > 0,
            simultaneous=simultaneous,
        )

    def begin_epoch(self, epoch: int, n_samples: int) -> None:
        """Find the steps of the epoch, and have it begin with what the last one left to do."""
        if self.lattice is None or epoch == 0 or n_samples == 0:
            self._state.settle()
        self._state.check()
        owed = self._state.owed
        if epoch == 0 and self.n_updates:
            self.n_updates = 0
            self._state.restart_sums()
        self._state.owed = fill(
            self._parameters, self._rates, self._folds, self._period // self._batch,
            self.n_updates, n_samples, self._batch, self.lattice,
        )  # fmt: skip
        self._folds[:1] = owed  # none before there is a layout
        self.n_updates += self._rates.shape[0]

    # ---- the result ----------------------------------------------------------------------------

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
        means = arrays["coef_sum"] / n_counted, arrays["intercept_sum"] / n_counted
        return means if self.fit_intercept else (means[0], arrays["intercept"])

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
        losses = sum_of_losses(
            self.matrix, self._loss, self.epsilon, coef, intercept, self.targets,
            self._importance, team or WorkerTeam(1),
        )  # fmt: skip
        return losses / self.n_samples + 0.5 * self.alpha * ordered_sum(coef.reshape(-1) ** 2)

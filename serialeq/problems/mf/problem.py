"""Matrix completion: ``min Σ (L_u·R_v − M_uv)² + μ_u‖L_u‖² + μ_v‖R_v‖²`` over observed entries.

Word embeddings (GloVe) are the same with a weight before each square, and topics the same with
factors that are not negative.

Users and items are the variables, one row of factors each; an entry's support is its two rows.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from serialeq.hypergraph import Hypergraph
from serialeq.native.grouping import grid_keys
from serialeq.native.incidence import count_degrees
from serialeq.native.random import fill_uniform, stream_key
from serialeq.native.simd import aligned_zeros, lanes
from serialeq.native.sums import sequential_mean
from serialeq.native.team import WorkerTeam
from serialeq.order import Order, order_of_keys
from serialeq.planning.prediction import DEFAULT_COSTS, CostModel
from serialeq.problem import Problem, check_state

from .blocks import balanced_rows, grid_blocks
from .kernel import (
    CHUNK,
    FactorizationContext,
    factorization_kernel,
    gather_samples,
    pack_pairs,
    squared_error_worker,
)
from .parameters import FactorizationParameters


class Entries(NamedTuple):
    """Observed entries of a matrix, already checked (see `serialeq.problems.mf.ratings`).

    Row (int32), column (int32) and value of each of n entries, the numbers of users and items, and
    the weight of each squared error, (n,); None: 1.
    """

    users: np.ndarray
    items: np.ndarray
    values: np.ndarray
    shape: tuple[int, int]
    weights: np.ndarray | None = None


class Factorization(Problem):
    """Factorisation of a partly observed matrix.

    Parameters are already checked. Penalties with ``l2_per="rating"`` are those of Gemulla et al.
    2011 (DSGD): every entry of a row adds the row's penalty. The `seed` is that of the first
    factors; the `mean` to subtract is by default that of the values, or 0 with ``bias="none"``.
    """

    kernel = factorization_kernel

    def __init__(
        self,
        entries: Entries,
        parameters: FactorizationParameters | None = None,
        *,
        seed: int = 0,
        mean: float | None = None,
    ) -> None:
        p = parameters or FactorizationParameters()
        users, items, values, shape, weights = entries
        self.shape, self.seed = shape, seed
        self.n_factors = int(p.n_factors)
        self.step, self.schedule, self.decay = float(p.learning_rate), p.schedule, float(p.decay)
        self.bias, self.nonnegative = p.bias, bool(p.nonnegative)
        self.dtype = np.dtype(p.dtype)
        self.timed = p.schedule == "inverse"
        user_degrees = count_degrees(users, shape[0])
        item_degrees = count_degrees(items, shape[1])
        self._width = -(-self.n_factors // lanes(self.dtype))
        self._n_blocks = grid_blocks(shape, values.size, self._width * 64)
        user_rows, user_labels = balanced_rows(user_degrees, self._n_blocks)
        item_rows, item_labels = balanced_rows(item_degrees, self._n_blocks)
        self._row_of_user = user_rows
        self._row_of_item = item_rows + np.uint32(shape[0])
        self._labels = np.concatenate([user_labels, item_labels + np.uint32(self._n_blocks)])
        if mean is None:
            mean = 0.0 if p.bias == "none" else float(sequential_mean(values))
        self.mean = mean
        self._users, self._items, self._values = users, items, values
        self._weights = np.asarray([] if weights is None else weights, dtype=self.dtype)
        n_rows = sum(shape)
        self._penalty = np.empty(n_rows, dtype=self.dtype)
        for rows, degrees, mu in zip(
            (self._row_of_user, self._row_of_item), (user_degrees, item_degrees), p.penalties,
            strict=True,
        ):  # fmt: skip
            self._penalty[rows] = mu / np.maximum(degrees, 1) if p.l2_per == "row" else mu
        self._factors = aligned_zeros((n_rows, self._width * lanes(self.dtype)), self.dtype)
        self._biases = np.zeros(n_rows, dtype=self.dtype)
        self._curvature = np.ones(n_rows, dtype=self.dtype)
        self._step = np.array([self.step, 0.0, 0.0])
        self._initialise(float(p.init_scale))

    def _initialise(self, scale: float) -> None:
        low, high = -scale, scale
        if self.nonnegative:
            low = 0.0
        if self.bias == "none":  # so that products start near the mean
            mean = abs(float(sequential_mean(self._values)))
            low, high = 0.0, 2 * float(np.sqrt(mean / self.n_factors)) or scale
        for rows, purpose in ((self._row_of_user, "users"), (self._row_of_item, "items")):
            start = np.empty((rows.size, self.n_factors), dtype=self.dtype)
            fill_uniform(start, self.n_factors, low, high, stream_key(self.seed, purpose))
            self._factors[rows, : self.n_factors] = start

    @property
    def costs(self) -> CostModel:  # type: ignore[override]
        """An update moves two rows of so many cache lines; AdaGrad takes twice as long."""
        update = 2.0 + 1.6 * self._width
        return replace(
            DEFAULT_COSTS,
            sample=2.0 * update if self.schedule == "adagrad" else update,
            transfer=1.5 * self._width,
        )

    @property
    def hypergraph(self) -> Hypergraph:  # type: ignore[override]
        """User row and item row of each entry; made on demand, as only planning needs it."""
        pairs = pack_pairs(self._users, self._items, self._row_of_user, self._row_of_item)
        return Hypergraph(pairs, 2, sum(self.shape), check=False)

    def context(self, samples: np.ndarray, times: np.ndarray) -> FactorizationContext:
        """Return the kernel's context with the entries of `samples` in that order."""
        pairs = np.empty((samples.size, 2), dtype=np.uint32)
        values = np.empty(samples.size, dtype=self.dtype)
        weights = np.empty(samples.size if self._weights.size else 0, dtype=self.dtype)
        gather_samples(
            self._users, self._items, self._values, self._weights, self._row_of_user,
            self._row_of_item, self.dtype.type(self.mean), samples, pairs, values, weights,
        )  # fmt: skip
        return FactorizationContext(
            pairs=pairs,
            values=values,
            weights=weights,
            times=times,
            factors=self._factors,
            biases=self._biases,
            curvature=self._curvature,
            penalty=self._penalty,
            step=self._step,
            width=self._width,
            inverse_rank=1.0 / self.n_factors,
            with_biases=self.bias == "all",
            adaptive=self.schedule == "adagrad",
            timed=self.timed,
            nonnegative=self.nonnegative,
            weighted=self._weights.size > 0,
        )

    def variables(self) -> dict[str, np.ndarray]:
        """Every row of factors, biases and curvature belongs to the variable of its number."""
        rows = np.arange(sum(self.shape))
        return {"factors": rows, "biases": rows, "curvature": rows}

    def begin_epoch(self, epoch: int, n_samples: int) -> None:
        """Set the step."""
        step = self.step
        if self.schedule == "decay":
            for _ in range(epoch):  # a product, as pow differs between machines
                step *= self.decay
        elif self.schedule == "inverse":
            self._step[1:] = self.decay / max(n_samples, 1), epoch * n_samples
        self._step[0] = step

    def trained(self) -> dict[str, np.ndarray]:
        """Return mean (1,), factors (n, rank), and biases and AdaGrad's state where trained."""
        arrays = {"mean": np.array([self.mean])}
        for side, rows in (("user", self._row_of_user), ("item", self._row_of_item)):
            factors = np.take(self._factors, rows, axis=0)  # four times as fast as indexing
            arrays[f"{side}_factors"] = np.ascontiguousarray(factors[:, : self.n_factors])
            if self.bias == "all":
                arrays[f"{side}_biases"] = self._biases[rows]
            if self.schedule == "adagrad":
                arrays[f"{side}_curvature"] = self._curvature[rows]
        return arrays

    state = trained  # which are copies

    def load(self, arrays: dict[str, np.ndarray]) -> None:
        """Set the state to what `trained` returned before."""
        check_state(arrays, self.trained())
        k = self.n_factors
        for side, rows in (("user", self._row_of_user), ("item", self._row_of_item)):
            self._factors[rows, :k] = arrays[f"{side}_factors"]
            if self.bias == "all":
                self._biases[rows] = arrays[f"{side}_biases"]
            if self.schedule == "adagrad":
                self._curvature[rows] = arrays[f"{side}_curvature"]

    def data(self) -> dict[str, np.ndarray]:
        """Return the entries, their weights and the shape of the matrix."""
        return {
            "users": self._users,
            "items": self._items,
            "values": self._values,
            "weights": self._weights,
            "shape": np.array(self.shape),
        }

    def loss(self, team: WorkerTeam | None = None) -> float:
        """Return the training error: the root of the (weighted) mean squared error."""
        return self.rmse(self._users, self._items, self._values, team, self._weights)

    def rmse(
        self,
        users: np.ndarray,
        items: np.ndarray,
        values: np.ndarray,
        team: WorkerTeam | None = None,
        weights: np.ndarray | None = None,
    ) -> float:
        """Return the root of the mean squared error on any entries, which may have weights."""
        team = team or WorkerTeam(1)
        partial = np.zeros(-(-values.size // CHUNK))
        if weights is None:
            weights = np.zeros(0, dtype=self.dtype)
        team.run(
            squared_error_worker, team.n_threads, self._factors, self._biases, users, items,
            values, weights, self._row_of_user, self._row_of_item, self.dtype.type(self.mean),
            partial, team.stop_flag,
        )  # fmt: skip
        mean = sequential_mean(partial) * partial.size / values.size
        return float(np.sqrt(mean / sequential_mean(weights) if weights.size else mean))

    def blocked_order(self, seed: int, team: WorkerTeam | None = None) -> Order:
        """Group entries by user block × item block, coloured as a cyclic Latin square.

        Gemulla et al. 2011 (DSGD): blocks on a shifted diagonal share neither users nor items.
        """
        team = team or WorkerTeam(1)
        n = self._n_blocks
        user_digit = self._labels[self._row_of_user] + 1
        item_digit = (self._labels[self._row_of_item] + 1) * np.int64(2 * n + 1)
        keys = grid_keys(self._users, self._items, user_digit, item_digit, team)
        weights = np.bincount(self._labels, minlength=2 * n)
        return order_of_keys(keys, 2, weights, seed, self._latin_square, team)

    def _latin_square(self, tasks: Hypergraph) -> np.ndarray:
        grid = tasks.indices.reshape(-1, 2).astype(np.int64)
        return (grid[:, 1] - grid[:, 0]) % self._n_blocks

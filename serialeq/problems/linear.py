"""Linear models: ``min mean_i weight_i loss(x_i.w + b, y_i) + alpha/2 |w|^2``, one w per output.

The lecture's sparse SVM is the hinge loss with L2. Every update of a text touches words that
nearly all texts share, so the conflict graph is almost complete; what makes this parallel are
exact sums (`serialeq.kernels.linear`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse as sp

from serialeq.errors import DataError, DivergenceError, SerialeqError
from serialeq.hypergraph import Hypergraph
from serialeq.kernels.elementary import exp, log1p
from serialeq.kernels.factorization import sequential_mean
from serialeq.kernels.jit import jit
from serialeq.kernels.kernel import BoundKernel
from serialeq.kernels.linear import (
    BOUND,
    CHUNK,
    TROUBLE,
    WORST,
    LinearContext,
    loss_worker,
    row_kernel,
    sliced_kernel,
)
from serialeq.kernels.losses import CLASSIFICATION, slope
from serialeq.kernels.simd import aligned_zeros
from serialeq.kernels.slices import (
    cut_columns,
    dense_gram,
    run_meeting,
    slice_dense,
    slice_rows,
    sparse_gram,
)
from serialeq.order import Order, two_level_order
from serialeq.planning.blocks import plan_blocks
from serialeq.planning.schedule import Schedule
from serialeq.team import WorkerTeam

from .base import SlicedProblem
from .lattice import Lattice, choose_lattice, row_sizes, vanishing_share

SCHEDULES = ("optimal", "constant", "invscaling", "pegasos")
BLOCKS = (1, 2, 4, 8, 16, 32, 64)
_PERIOD = 64
_MOST_VANISHING = 0.25
_RARELY_MOVED = ("hinge", "squared_hinge", "perceptron", "epsilon_insensitive")
_RESPONSE, _EXCHANGE = 70.0, 8.0  # ns: a sample's own steps; its share of an exchange
_NO_FLOAT = np.zeros(0)


class _Supports(Hypergraph):
    """The incidence, made when somebody looks at it: sliced engines never do."""

    arity = 0
    _X: Any

    def __init__(self, X: Any, indptr: np.ndarray, fit_intercept: bool) -> None:
        self.n_samples, n_features = X.shape
        self.n_variables = n_features + fit_intercept
        self._X, self._indptr, self._n_features = X, indptr, n_features

    @cached_property
    def indptr(self) -> np.ndarray:  # type: ignore[override]
        if self.n_variables == self._n_features:
            return self._indptr
        return self._indptr + np.arange(self.n_samples + 1)

    @cached_property
    def indices(self) -> np.ndarray:  # type: ignore[override]
        if not isinstance(self._X, np.ndarray):
            indices = self._X.indices.astype(np.uint32)
        else:
            indices = np.tile(np.arange(self._n_features, dtype=np.uint32), self.n_samples)
        if self.n_variables == self._n_features:
            return indices
        return np.insert(indices, self._indptr[1:], self._n_features)


@dataclass(frozen=True, eq=False)
class _Layout:
    """The matrix in slices of columns, and the place of each column's weights."""

    n_slices: int
    in_data_order: bool
    place: np.ndarray
    first: np.ndarray
    ptr: np.ndarray
    columns: np.ndarray
    values: np.ndarray


class LinearModel(SlicedProblem):
    """A linear model with one or several outputs.

    Parameters
    ----------
    X : scipy CSR array with sorted, unique entries, or 2-d float64 array; shape (n, d)
    targets : array of float64, shape (n, C)
        −1 and 1 for classification.
    loss : str
        See `serialeq.kernels.losses`.
    alpha : float
        L2 penalty; 0 for none.
    epsilon : float
        Parameter of the Huber and ε-insensitive losses.
    fit_intercept : bool
    schedule : {"optimal", "constant", "invscaling", "pegasos"}
        Step of update t = 1, 2, …: 1 / (α (t₀ + t − 1)) with Bottou's t₀, at least 2; η₀;
        η₀ / t^power; 1 / (α (t + 1)).
    eta0, power_t : float
    importance : array of float64, shape (n, C), optional
        Weight of each sample in each output.
    arithmetic : {"lattice", "float64"}
        Rounded so that all sums are exact, or plain (features are kept as float32 there).
    lattice_bits : (int, int), optional
        Bits of features and of factors, instead of the ones chosen.
    like : Lattice, optional
        The lattice of an earlier fit, whose weights will be loaded.
    block : int, optional
        Samples per block of the lookahead engine and of the two-level order: a power of two up
        to 64.
    batch : int
        Samples per update of the minibatch engine.
    team : WorkerTeam, optional
        Whose threads share the work of looking at the data.
    """

    kernel = row_kernel
    timed = True

    def __init__(
        self,
        X: Any,
        targets: np.ndarray,
        *,
        loss: str = "hinge",
        alpha: float = 1e-4,
        epsilon: float = 0.1,
        fit_intercept: bool = True,
        schedule: str = "optimal",
        eta0: float = 0.01,
        power_t: float = 0.5,
        importance: np.ndarray | None = None,
        arithmetic: str = "lattice",
        lattice_bits: tuple[int, int] | None = None,
        like: Lattice | None = None,
        block: int | None = None,
        batch: int = 64,
        team: WorkerTeam | None = None,
    ) -> None:
        self.dense = not sp.issparse(X)
        if not self.dense and not X.has_canonical_format:  # sums depend on the order of entries
            X = X.copy()
            X.sum_duplicates()
        self.n_samples, self.n_features = X.shape
        self.targets = np.ascontiguousarray(targets, dtype=np.float64)
        self.n_outputs = self.targets.shape[1]
        self._X = X
        if self.dense:
            self._indptr = np.arange(self.n_samples + 1, dtype=np.int64) * self.n_features
        else:  # one type of each array, so that kernels are compiled once
            self._indptr = X.indptr.astype(np.int64, copy=False)
            self._indices = X.indices.astype(np.int32, copy=False)
        self.loss_name, self._loss = loss, CLASSIFICATION.index(loss)
        self.alpha, self.epsilon, self.fit_intercept = alpha, epsilon, fit_intercept
        self.schedule, self.eta0, self.power_t = schedule, eta0, power_t
        self._importance = np.zeros((0, 0)) if importance is None else importance
        if block is None:
            block = (32 if self.dense else 16) if self.n_outputs <= 8 else 8
        if block not in BLOCKS:
            raise SerialeqError(f"block: expected one of {BLOCKS}, got {block!r}")
        self.block, self.batch = block, min(batch, max(self.n_samples, 1))
        self.lattice: Lattice | None = None
        if arithmetic == "lattice":
            data = X.ravel() if self.dense else X.data
            sizes = row_sizes(self._indptr, data, team or WorkerTeam(1))
            self.lattice = choose_lattice(sizes, self._first_factor(), lattice_bits, like)
            vanishing = vanishing_share(data, self.lattice)
            if vanishing > _MOST_VANISHING and lattice_bits is None:
                raise DataError(
                    f"X: {100 * vanishing:.0f} % of the values vanish beside the largest one, "
                    f"{sizes.entry:.4g}, on the lattice of {self.lattice.feature_bits} bits; scale "
                    "the features (sklearn.preprocessing.StandardScaler, MaxAbsScaler), or use "
                    "arithmetic='float64'"
                )
        self._width = 0 if self.n_outputs == 1 else -(-self.n_outputs // 8)
        self._weights = np.zeros((self.n_features, self.n_outputs))  # canonical, until laid out
        self._layout: _Layout | None = None
        self._laid_out = np.zeros((0, 0))
        self._intercept = np.zeros((1, self.n_outputs))
        self._state = np.zeros((1, 16))
        self._scale = 1.0
        self.n_updates = 0
        self._rates, self._folds = np.zeros((0, 3)), np.zeros(0)
        self._updates_per_epoch, self._simultaneous = self.n_samples, 0

    # ---- layout ------------------------------------------------------------------------------

    def _slice(
        self, n_slices: int, rows: np.ndarray, team: WorkerTeam, in_data_order: bool = False
    ) -> _Layout:
        """Lay the rows out in slices of columns, and the weights with them."""
        scale = 1.0
        dtype: Any = np.float32
        if self.lattice is not None:
            scale = 2.0**self.lattice.feature_bits / self.lattice.scale
            dtype = np.int16
        lattice = self.lattice is not None
        if self.dense:
            width = -(-self.n_features // n_slices)
            padded = -(-width // 32) * 32
            first = np.arange(n_slices + 1) * padded
            column = np.arange(self.n_features)
            place = (column // width * padded + column % width).astype(np.uint32)
            values = np.zeros(first[-1] * rows.size, dtype=dtype)
            team.run(
                slice_dense, team.n_threads, self._X, rows, width, first, scale, lattice, values
            )
            ptr, columns = np.zeros((0, 0), dtype=np.int64), np.zeros(0, dtype=np.uint32)
        else:
            X = self._X
            cuts, first = cut_columns(self._indptr, self._indices, self.n_features, n_slices)
            shifts = np.repeat(first[:-1] - cuts[:-1], np.diff(cuts))
            place = np.arange(self.n_features) + shifts
            ptr = np.empty((n_slices, rows.size + 1), dtype=np.int64)
            n_entries = int(np.diff(self._indptr)[rows].sum())
            columns = np.empty(n_entries, dtype=np.uint32)
            values = np.empty(n_entries, dtype=dtype)
            run_meeting(
                team, slice_rows, self._indptr, self._indices, X.data, rows, cuts, first, scale,
                lattice, ptr, columns, values,
            )  # fmt: skip
        return _Layout(n_slices, in_data_order, place, first, ptr, columns, values)

    def _adopt(self, layout: _Layout) -> None:
        """Move weights and per-worker state to a layout."""
        weights = self._canonical()
        stride = max(8 * self._width, 1)
        self._layout = layout
        self._laid_out = aligned_zeros((int(layout.first[-1]), stride))
        self._laid_out[layout.place, : self.n_outputs] = weights
        intercept, state = self._intercept[0], self._state[0]
        self._intercept = aligned_zeros((layout.n_slices, -(-self.n_outputs // 16) * 32))
        self._intercept[:, : self.n_outputs] = intercept[: self.n_outputs]
        self._state = aligned_zeros((layout.n_slices, 16))
        self._state[:] = state

    def _canonical(self) -> np.ndarray:
        if self._layout is None:
            return self._weights
        return self._laid_out[self._layout.place, : self.n_outputs]

    # ---- what engines run ----------------------------------------------------------------------

    @cached_property
    def hypergraph(self) -> Hypergraph:  # type: ignore[override]
        """The columns of each row, and the intercept as the last variable."""
        return _Supports(self._X, self._indptr, self.fit_intercept)

    def context(self, samples: np.ndarray, times: np.ndarray) -> LinearContext:
        """Return the row kernel's context: rows stay where they are, `samples` says their order."""
        if self._layout is None or not self._layout.in_data_order:
            rows = np.arange(self.n_samples, dtype=np.int32)
            self._adopt(self._slice(1, rows, WorkerTeam(1), in_data_order=True))
        self._simultaneous = 0
        self._resize(samples.size, samples.size)
        none = np.zeros((0, 0))
        return self._context(
            samples, times, self.targets, self._importance, np.zeros((0, 0, 0)),
            np.zeros(0, np.int32), none, _PERIOD, 1,
        )  # fmt: skip

    def variables(self) -> dict[str, np.ndarray]:
        """Return the column of each row of weights; the intercept is the last variable.

        In float64 arithmetic: on the lattice workers share every sample, and nothing is declared.
        """
        if self.lattice is not None:
            raise SerialeqError("variables: expected arithmetic='float64', got 'lattice'")
        assert self._layout is not None
        owners = {"weights": np.full(self._laid_out.shape[0], -1)}
        owners["weights"][self._layout.place] = np.arange(self.n_features)
        if self.fit_intercept:
            owners["intercept"] = np.array([self.n_features])
        return owners

    def runs_on(self, engine: str) -> bool:
        """On the lattice: serial, lookahead and minibatch; in float64 all the others."""
        if self.lattice is not None:
            return engine in ("serial", "lookahead", "minibatch")
        return super().runs_on(engine)

    @property
    def parallel_engine(self) -> str:  # type: ignore[override]
        """Lookahead on the lattice; no conflict-free schedule helps where all samples conflict."""
        return "lookahead" if self.lattice is not None else "dataflow"

    def predicted_speedup(self, order: Order, n_workers: int) -> float:
        """Predict from the number of entries per row (nanoseconds, measured on text).

        What every worker does bounds it for any number of them: ``proofs/limits.md``, L2.1.
        """
        if self.lattice is None:
            return super().predicted_speedup(order, n_workers)
        entries = self._indptr[-1] / max(self.n_samples, 1) * max(1.5 * self._width, 1.0)
        alone = _RESPONSE * self.n_outputs
        shared = entries * (0.2 if self.dense else 1.0)
        serial = alone + entries * (0.3 if self.dense else 1.0)
        if self.loss_name in _RARELY_MOVED and not self.dense:  # texts are soon on the right side
            serial = 0.4 * alone + 0.75 * entries
        together = 1.1 * alone + shared / n_workers + _EXCHANGE * np.log2(2 * n_workers)
        return float(serial / together)

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
        n_workers = team.n_workers
        rows = order.samples().astype(np.int32, copy=False)
        self._base = rows
        layout = self._slice(n_workers, rows, team)
        self._adopt(layout)
        stride = max(8 * self._width, 1)
        padded = -(-block // 8) * 8
        gram = np.zeros((0, padded), dtype=np.int32)
        if not simultaneous and block > 1:
            gram = np.zeros((rows.size, padded), dtype=np.int32)
            if self.dense:
                team.run(dense_gram, team.n_threads, layout.values, layout.first, block, gram)
            else:
                team.run(
                    sparse_gram, team.n_threads, layout.ptr, layout.columns, layout.values,
                    int(layout.first[-1]), block, gram,
                )  # fmt: skip
        elif not simultaneous:
            gram = np.zeros((rows.size, padded), dtype=np.int32)
        n_blocks = -(-rows.size // block)
        self._simultaneous = block if simultaneous else 0
        self._resize(rows.size, n_blocks if simultaneous else rows.size)
        room = -(-(padded * stride + 1) // 16) * 16
        importance = self._importance[rows] if self._importance.size else self._importance
        self._sequence = np.arange(rows.size, dtype=np.int32)
        context = self._context(
            self._sequence, np.zeros(0, np.int32), self.targets[rows], importance,
            aligned_zeros((2, n_workers, room)), gram.reshape(-1),
            aligned_zeros((2 * n_workers, room)),
            block if simultaneous else _PERIOD, block, simultaneous,
        )  # fmt: skip
        return plan_blocks(rows, n_blocks, n_workers), sliced_kernel.bind(context)

    def follow(self, order: Order) -> None:
        """Let the next epochs of the sliced kernel follow an order with the same blocks."""
        where = np.empty(self.n_samples, dtype=np.int32)
        where[self._base] = np.arange(self._base.size, dtype=np.int32)
        self._sequence[:] = where[order.samples()]

    def _context(
        self,
        samples: np.ndarray,
        times: np.ndarray,
        targets: np.ndarray,
        importance: np.ndarray,
        partial: np.ndarray,
        gram: np.ndarray,
        scratch: np.ndarray,
        period: int,
        block: int,
        simultaneous: bool = False,
    ) -> LinearContext:
        layout, lattice = self._layout, self.lattice
        assert layout is not None
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
            weights=self._laid_out,
            first_column=layout.first,
            intercept=self._intercept,
            state=self._state,
            partial=partial,
            gram=gram,
            scratch=scratch,
            epsilon=self.epsilon,
            most=lattice.most if lattice else 1.0,
            limit=lattice.limit if lattice else np.inf,
            intercept_decay=1.0 if self.dense else 0.01,
            loss=self._loss,
            n_outputs=self.n_outputs,
            width=self._width,
            block=block,
            period=period,
            dense=self.dense,
            lattice=lattice is not None,
            weighted=bool(importance.size),
            with_intercept=self.fit_intercept,
            simultaneous=simultaneous,
        )

    # ---- epochs --------------------------------------------------------------------------------

    def _resize(self, n_samples: int, n_updates: int) -> None:
        self._rates = np.empty((max(n_updates, 1), 3))
        period = self._simultaneous or _PERIOD
        self._folds = np.ones(n_samples // period + 1)
        self._updates_per_epoch = n_updates

    def begin_epoch(self, epoch: int, n_samples: int) -> None:
        """Fold the scale into the weights and find the steps of the epoch."""
        self._settle()
        if epoch == 0 and self.n_updates:
            self.n_updates = 0
        start = self.n_updates
        per_fold = 1 if self._simultaneous else _PERIOD
        self._scale = float(
            _fill_rates(
                self._rates, self._folds, SCHEDULES.index(self.schedule), self.eta0, self.power_t,
                self.alpha, self.optimal_start(), float(start), per_fold, self.lattice is not None,
                float(max(self._simultaneous, 1)), n_samples,
                self.lattice.unit if self.lattice else 1.0,
                self.lattice.tick if self.lattice else 1.0,
            )
        )  # fmt: skip
        if self._scale < 0:
            raise SerialeqError(
                f"alpha, eta0: expected steps below 1/alpha = {1 / self.alpha:.4g}, "
                f"got {-self._scale:.4g}"
            )
        if self._scale < np.finfo(np.float64).tiny:
            raise SerialeqError(
                "alpha, eta0: the weights shrink to nothing within an epoch; lower alpha or eta0"
            )
        self.n_updates = start + self._updates_per_epoch

    def _first_factor(self) -> float:
        """Return how large the factor of a sample can be with all weights zero."""
        largest = float(np.abs(self.targets).max(initial=0.0))
        slope = {
            "squared_error": largest,
            "squared_epsilon_insensitive": 2 * largest,
            "huber": self.epsilon,
        }.get(self.loss_name, 1.0)
        return self._first_step() * max(slope, 1.0) * float(self._importance.max(initial=1.0))

    def _first_step(self) -> float:
        if self.schedule == "optimal":
            return 1.0 / (self.alpha * self.optimal_start())
        return 0.5 / self.alpha if self.schedule == "pegasos" else self.eta0

    def optimal_start(self) -> float:
        """Return Bottou's t₀: the first step moves weights by their expected size."""
        if self.alpha == 0.0:
            return 1.0
        size = np.sqrt(1.0 / np.sqrt(self.alpha))
        first = size / max(1.0, _slope_of(self._loss, self.epsilon, -size, 1.0))
        return max(float(1.0 / (first * self.alpha)), 2.0)  # steps below 1 / alpha

    def _settle(self) -> None:
        """Fold the scale into the weights; look whether the epoch left the lattice."""
        self._check()
        if self._scale != 1.0 and self._layout is not None:
            self._laid_out *= self._scale
            if self.lattice is not None:
                np.rint(self._laid_out, out=self._laid_out)
                self._laid_out += 0.0  # no negative zeros: adding zero would change them
        self._scale = 1.0
        if self.lattice is not None and self._layout is not None:
            self._state[:, BOUND] = np.abs(self._laid_out).max(initial=0.0)

    def _check(self) -> None:
        if self.lattice is not None and self._state[0, TROUBLE]:
            at = int(self._state[0, TROUBLE]) - 1
            if not np.isfinite(self._state[0, WORST]):
                raise DivergenceError(
                    f"training diverged in update {at} of the epoch; lower the step (eta0)"
                )
            raise SerialeqError(
                f"lattice: at update {at} of the epoch a weight could exceed "
                f"{self.lattice.largest_weight:.4g}, beyond which sums are not exact; lower the "
                "step (eta0) or raise alpha, normalise rows and targets, give fewer bits "
                "(lattice_bits), or use arithmetic='float64'"
            )

    def trained(self) -> dict[str, np.ndarray]:
        """Return ``coef`` (C, d) and ``intercept`` (C,)."""
        self._settle()
        weights = self._canonical()
        if not (np.isfinite(weights).all() and np.isfinite(self._intercept[0]).all()):
            raise DivergenceError("training diverged; lower the step (eta0)")
        if self.lattice is not None:
            exponent = self.lattice.feature_bits + self.lattice.factor_bits
            weights = weights * (2.0**-exponent / self.lattice.scale)
        return {
            "coef": np.ascontiguousarray(weights.T),
            "intercept": self._intercept[0, : self.n_outputs].copy(),
        }

    def load(self, arrays: dict[str, np.ndarray], n_updates: int = 0) -> None:
        """Set the state to what `trained` returned before."""
        shapes = arrays["coef"].shape, arrays["intercept"].shape
        expected = (self.n_outputs, self.n_features), (self.n_outputs,)
        if shapes != expected:
            raise SerialeqError(f"coef, intercept: expected shapes {expected}, got {shapes}")
        weights = np.ascontiguousarray(arrays["coef"].T)
        if self.lattice is not None:
            exponent = self.lattice.feature_bits + self.lattice.factor_bits
            weights = np.rint(weights * (2.0**exponent * self.lattice.scale)) + 0.0  # no -0.0
        self._weights, self._layout = weights, None
        self._intercept = arrays["intercept"].reshape(1, -1).copy()
        self._state[:, BOUND] = np.abs(weights).max(initial=0.0)
        self.n_updates = n_updates

    def reshuffled_order(self, seed: int, epoch: int) -> Order:
        """Return the two-level shuffle: blocks, and samples inside, in a new order each epoch."""
        return two_level_order(self.hypergraph, self.block, seed, epoch)

    def loss(self, team: WorkerTeam | None = None) -> float:
        """Return the objective: mean weighted loss over outputs and samples, plus the penalty."""
        trained = self.trained()
        coef = np.ascontiguousarray(trained["coef"].T)
        data = self._X.reshape(-1) if self.dense else self._X.data
        indices = np.zeros(0, dtype=np.int32) if self.dense else self._indices
        partial = np.zeros(-(-self.n_samples // CHUNK))
        team = team or WorkerTeam(1)
        team.run(
            loss_worker, team.n_threads, self._loss, self.epsilon, self._indptr, indices, data,
            coef, trained["intercept"], self.targets, self._importance, partial, team.stop_flag,
        )  # fmt: skip
        penalty = 0.5 * self.alpha * _sum(coef.reshape(-1) ** 2)
        return _sum(partial) / self.n_samples + penalty


@jit
def _fill_rates(
    rates: Any, folds: Any, schedule: int, eta0: float, power: float, alpha: float, t0: float,
    done: float, per_fold: int, lattice: bool, samples_per_update: float, n_samples: int,
    unit: float, tick: float,
) -> Any:  # fmt: skip
    """Set scale, eta / scale after and eta of every update; return the scale at the end.

    Minus the step, where a step would turn the weights round.
    """
    scale = 1.0
    n = rates.shape[0]
    for i in range(n):
        t = done + i + 1.0
        if schedule == 0:
            eta = 1.0 / (alpha * (t0 + t - 1.0))
        elif schedule == 1:
            eta = eta0
        elif schedule == 2:
            eta = eta0 / _power(t, power)
        else:
            eta = 1.0 / (alpha * (t + 1.0))
        if lattice and i % per_fold == 0:
            folds[i // per_fold] = 1.0
            if scale < 0.5:
                folds[i // per_fold] = scale
                scale = 1.0
        rates[i, 0] = scale * unit
        if not eta * alpha < 1.0:
            return -eta
        scale *= 1.0 - eta * alpha
        share = samples_per_update
        if samples_per_update > 1.0:
            share = min(samples_per_update, n_samples - i * samples_per_update)
        rates[i, 1] = eta / scale / share / tick
        rates[i, 2] = eta / share
    return scale


@jit
def _power(base: float, exponent: float) -> float:
    """Return base ** exponent for base > 0 from our own elementary functions."""
    if exponent == 0.5:
        return np.sqrt(base)
    if exponent == 1.0:
        return base
    return exp(exponent * log1p(base - 1.0))


@jit
def _slope_of(loss: int, epsilon: float, p: float, y: float) -> float:
    return slope(loss, epsilon, p, y)


def _sum(values: np.ndarray) -> float:
    return float(sequential_mean(values)) * values.size if values.size else 0.0

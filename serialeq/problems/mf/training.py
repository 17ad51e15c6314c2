"""Matrix factorisation from checked ratings to a trained, hashed model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from numbers import Integral, Real
from typing import Any

import numpy as np

from serialeq.digest import digest_arrays
from serialeq.engines.auto import check_engine
from serialeq.errors import DataError, SerialeqError
from serialeq.native.team import WorkerTeam, available_cores, count_workers
from serialeq.training.callbacks import Callback
from serialeq.training.session import OrderSource, Session, check_order
from serialeq.training.trainer import EpochRecord, train

from .problem import Factorization, check_options
from .ratings import check_entries, entries_of

Entries = tuple[np.ndarray, np.ndarray, np.ndarray, tuple[int, int]]


@dataclass(frozen=True)
class FactorizationParameters:
    """Hyper-parameters; `serialeq.MatrixFactorization` explains each."""

    n_factors: int = 32
    n_epochs: int = 20
    learning_rate: float = 0.05
    schedule: str = "decay"
    decay: float = 0.85
    l2: Any = 0.05
    l2_per: str = "rating"
    bias: str = "all"
    nonnegative: bool = False
    init_scale: float = 0.05
    dtype: str = "float32"
    order: Any = "blocked"
    engine: str = "auto"
    n_jobs: int | None = None
    seed: int = 0

    def check(self) -> None:
        """Raise SerialeqError for the first parameter that is wrong."""
        check_options(self.schedule, self.bias)
        check_engine(self.engine)
        if isinstance(self.order, str):
            check_order(self.order)
        count_workers(self.n_jobs)
        check_number("n_factors", self.n_factors, 1, integer=True)
        check_number("seed", self.seed, 0, integer=True)
        check_number("n_epochs", self.n_epochs, 0, integer=True)
        for name in ("learning_rate", "decay", "init_scale"):
            check_number(name, getattr(self, name), 0)
        pair = self.l2 if isinstance(self.l2, (tuple, list)) else (self.l2, self.l2)
        if len(pair) != 2:
            raise SerialeqError(f"l2: expected a number or a pair of numbers, got {self.l2!r}")
        for l2 in pair:
            check_number("l2", l2, 0)
        if self.l2_per not in ("rating", "row"):
            raise SerialeqError(f"l2_per: expected 'rating' or 'row', got {self.l2_per!r}")
        if str(self.dtype) not in ("float32", "float64"):
            raise SerialeqError(f"dtype: expected 'float32' or 'float64', got {self.dtype!r}")

    def told(self) -> dict[str, Any]:
        """Return the parameters that make the model: not engine and workers."""
        told = {k: v for k, v in asdict(self).items() if k not in ("engine", "n_jobs")}
        return told if isinstance(self.order, str) else told | {"order": "given"}

    def entries(self, X: Any, shape: tuple[int, int] | None = None) -> Entries:
        """Return users, items, values and shape of ratings in any accepted form, checked."""
        users, items, values, own_shape = entries_of(X)
        if shape is not None and own_shape is not None and tuple(own_shape) != shape:
            raise DataError(f"ratings: expected shape {shape}, as in fit, got {tuple(own_shape)}")
        return check_entries(users, items, values, shape or own_shape, np.dtype(self.dtype))

    def problem(
        self, entries: Entries, mean: float | None = None, weights: np.ndarray | None = None
    ) -> Factorization:
        """Return the problem for checked entries, at its starting point."""
        l2 = self.l2 if isinstance(self.l2, (tuple, list)) else (self.l2, self.l2)
        return Factorization(
            *entries,
            weights=weights,
            n_factors=int(self.n_factors),
            l2=(float(l2[0]), float(l2[1])),
            l2_per_row=self.l2_per == "row",
            step=float(self.learning_rate),
            schedule=self.schedule,
            decay=float(self.decay),
            bias=self.bias,
            mean=mean,
            nonnegative=bool(self.nonnegative),
            init_scale=float(self.init_scale),
            dtype=np.dtype(self.dtype),
            seed=int(self.seed),
        )


@dataclass(frozen=True, eq=False)
class FactorizationModel:
    """A trained factorisation.

    Attributes
    ----------
    trained : dict of arrays
        What the digest covers: ``user_factors`` (n_users, rank), ``item_factors``, and
        ``*_biases``, ``*_curvature`` (n,) where they are trained.
    mean : float
    engine, engine_reason : str
    n_workers : int
    history : list of dict
        Per epoch: epoch, seconds, loss, validation_loss.
    """

    trained: dict[str, np.ndarray]
    mean: float
    engine: str = ""
    engine_reason: str = ""
    n_workers: int = 1
    history: list[dict[str, Any]] = field(default_factory=list)

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of users and items."""
        return self.trained["user_factors"].shape[0], self.trained["item_factors"].shape[0]

    @property
    def digest(self) -> str:
        """The sha256 of the trained arrays."""
        return digest_arrays(self.trained)

    def biases(self, side: str) -> np.ndarray:
        """Return the biases of "user" or "item": zeros if none were trained."""
        factors = self.trained[f"{side}_factors"]
        return self.trained.get(f"{side}_biases", np.zeros(factors.shape[0], factors.dtype))

    def predict(self, users: Any, items: Any) -> np.ndarray:
        """Return the predicted ratings, shape (n,), for arrays of users and items."""
        x, y = self.trained["user_factors"], self.trained["item_factors"]
        users, items = np.atleast_1d(users), np.atleast_1d(items)
        if users.size == 0 and items.size == 0:
            return np.zeros(0, dtype=x.dtype)
        blank = np.zeros(users.shape, dtype=x.dtype)
        users, items, _, _ = check_entries(users, items, blank, self.shape, x.dtype)
        products = np.zeros(users.size, dtype=x.dtype)
        for k in range(x.shape[1]):  # one order of summation on every machine
            products += x[users, k] * y[items, k]
        products += self.biases("user")[users] + self.biases("item")[items]
        return products + x.dtype.type(self.mean)

    def recommend(self, user: int, n: int = 10, exclude: Any = ()) -> tuple[np.ndarray, np.ndarray]:
        """Return the `n` items with the highest predictions for a user, and the predictions."""
        check_number("n", n, 1, integer=True)
        items = np.setdiff1d(np.arange(self.shape[1]), np.asarray(exclude, dtype=np.int64))
        scores = self.predict(np.full(items.size, user), items)
        best = np.argsort(-scores, kind="stable")[:n]
        return items[best], scores[best]


def fit_factorization(
    parameters: FactorizationParameters,
    entries: Entries,
    *,
    n_epochs: int,
    validation: Entries | None = None,
    on_epoch: Callable[[EpochRecord], None] | None = None,
    start: FactorizationModel | None = None,
    weights: np.ndarray | None = None,
    callbacks: Sequence[Callback] = (),
) -> FactorizationModel:
    """Train for some epochs, from the start or from a model; entries may have weights.

    Raises
    ------
    SerialeqError
        For an unknown order or engine, and, as DivergenceError, if training leaves the finite
        numbers.
    """
    problem = parameters.problem(entries, start.mean if start else None, weights)
    history = list(start.history) if start else []
    if start is not None:
        problem.load(start.trained)
    held_out = validation[:3] if validation is not None else None
    description = {"problem": "MatrixFactorization", "parameters": parameters.told()}
    if held_out is not None:
        names = ("users", "items", "values")
        description["held_out"] = digest_arrays(dict(zip(names, held_out, strict=True)))
    asked_for = count_workers(parameters.n_jobs)
    n_workers = min(asked_for, available_cores())
    with WorkerTeam(n_workers) as team:
        orders = OrderSource(problem, parameters.order, parameters.seed, team)
        session = Session(problem, orders, parameters.engine, team)
        records = train(
            session,
            n_epochs,
            first_epoch=len(history),
            validate=(lambda: problem.rmse(*held_out)) if held_out is not None else None,
            on_epoch=on_epoch,
            callbacks=callbacks,
            description=description,
        )
    history += [asdict(record) for record in records]
    engine = session.engine.name if session.engine else parameters.engine
    reason = session.engine_reason
    if n_workers < asked_for:
        reason += f"; {asked_for} workers asked for, {n_workers} cores"
    return FactorizationModel(problem.trained(), problem.mean, engine, reason, n_workers, history)


def check_number(name: str, value: Any, least: float, *, integer: bool = False) -> None:
    """Raise SerialeqError unless a parameter is a finite number, and at least `least`."""
    kind: Any
    kind, wanted = (Integral, "an integer") if integer else (Real, "a finite number")
    if isinstance(value, bool) or not isinstance(value, kind) or not np.isfinite(float(value)):
        raise SerialeqError(f"{name}: expected {wanted}, got {value!r}")
    if value < least:
        raise SerialeqError(f"{name}: expected at least {least}, got {value!r}")

"""What the linear estimators share: parameters, the training loop, the state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Self

import numpy as np
import scipy.sparse as sp
from sklearn.base import BaseEstimator
from sklearn.model_selection import train_test_split
from sklearn.utils.extmath import safe_sparse_dot
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from serialeq.digest import digest_arrays
from serialeq.engines.auto import check_engine
from serialeq.errors import SerialeqError
from serialeq.native.team import WorkerTeam, available_cores, count_workers
from serialeq.training.callbacks import Callback, EarlyStopping
from serialeq.training.parameters import draw_seed, expect_number, expect_one_of, told_parameters
from serialeq.training.saving import Described, tell_model
from serialeq.training.session import OrderSource, Session
from serialeq.training.trainer import train

from .cost import BLOCKS
from .problem import LinearModel
from .rates import SCHEDULES
from .saving import describe_linear, restore_linear

ORDERS = ("reshuffled", "shuffled", "given")


class LinearEstimator(BaseEstimator):
    """What classifier and regressor share: parameters, the training loop, the state."""

    _losses: tuple[str, ...]
    history_: list[dict[str, Any]]

    def __init__(self, **parameters: Any) -> None:
        raise NotImplementedError

    # ---- parameters ----------------------------------------------------------------------------

    def _check_parameters(self) -> None:
        p: Any = self
        expect_one_of("loss", p.loss, self._losses)
        expect_one_of("penalty", p.penalty, ("l2", None))
        expect_one_of("learning_rate", p.learning_rate, SCHEDULES)
        expect_one_of("arithmetic", p.arithmetic, ("lattice", "float64"))
        check_engine(p.engine)
        if isinstance(p.order, str):
            expect_one_of("order", p.order, ORDERS)
        count_workers(p.n_jobs)
        expect_number("alpha", p.alpha, 0.0)
        expect_number("epsilon", p.epsilon, 0.0)
        expect_number("eta0", p.eta0, 0.0, above=p.learning_rate in ("constant", "invscaling"))
        expect_number("power_t", p.power_t, -np.inf)
        expect_number("max_iter", p.max_iter, 1, integer=True)
        expect_number("n_iter_no_change", p.n_iter_no_change, 1, integer=True)
        expect_number("batch_size", p.batch_size, 1, integer=True)
        if not isinstance(p.average, (bool, np.bool_)):
            expect_number("average", p.average, 0, integer=True)
        if p.tol is not None:
            expect_number("tol", p.tol, -np.inf)
        if not 0.0 < p.validation_fraction < 1.0:
            raise SerialeqError(
                f"validation_fraction: expected above 0 and below 1, got {p.validation_fraction!r}"
            )
        if p.block_size is not None:
            expect_one_of("block_size", p.block_size, BLOCKS)
        if p.learning_rate in ("optimal", "pegasos") and (p.alpha == 0 or p.penalty is None):
            raise SerialeqError(
                f"alpha: expected more than 0 and penalty='l2' with learning_rate="
                f"{p.learning_rate!r}, got alpha={p.alpha!r}, penalty={p.penalty!r}"
            )

    def _problem(
        self,
        X: Any,
        targets: np.ndarray,
        importance: np.ndarray | None,
        team: WorkerTeam,
        arithmetic: str | None = None,
    ) -> LinearModel:
        p: Any = self
        return LinearModel(
            X,
            targets,
            loss=p.loss,
            alpha=float(p.alpha) if p.penalty is not None else 0.0,
            epsilon=float(p.epsilon),
            fit_intercept=bool(p.fit_intercept),
            schedule=p.learning_rate,
            eta0=float(p.eta0),
            power_t=float(p.power_t),
            importance=importance,
            arithmetic=arithmetic or p.arithmetic,
            lattice_bits=p.lattice_bits,
            average_from=int(p.average),
            like=getattr(self, "lattice_", None) if self._continues else None,
            block=p.block_size,
            batch=int(p.batch_size),
            team=team,
        )

    # ---- training ------------------------------------------------------------------------------

    _continues = False

    def _train(
        self,
        X: Any,
        targets: np.ndarray,
        importance: np.ndarray | None,
        max_iter: int,
        stops: bool,
        callbacks: Sequence[Callback],
    ) -> Self:
        """Train from the start, or on from the state, for at most `max_iter` epochs."""
        p: Any = self
        asked_for = count_workers(p.n_jobs)
        n_workers = min(asked_for, available_cores())
        held_out: Any = None
        if stops and p.early_stopping:
            X, held_out, targets, importance = self._hold_out(X, targets, importance)
        seed = draw_seed(p.random_state)
        with WorkerTeam(n_workers) as team:
            problem = self._problem(X, targets, importance, team)
            held_problem = None
            if held_out is not None:
                X_held, targets_held, held_importance = held_out
                held_problem = self._problem(
                    X_held, targets_held, held_importance, team, arithmetic="float64"
                )
            history: list[dict[str, Any]] = []
            if self._continues:
                self._load(problem, whole=not stops)
                history = [] if stops else list(self.history_)
            session = Session(problem, OrderSource(problem, p.order, seed, team), p.engine, team)
            early: list[Callback] = []
            if stops and p.tol is not None:
                held = held_problem is not None
                early = [EarlyStopping(int(p.n_iter_no_change), float(p.tol), held_out=held)]
            description = {"problem": type(self).__name__, "parameters": told_parameters(self)}
            if held_problem is not None:
                description["held_out"] = digest_arrays(held_problem.data())
            records = train(
                session,
                max_iter,
                first_epoch=len(history),
                validate=None
                if held_problem is None
                else lambda: _loss_elsewhere(problem, held_problem, team),
                with_loss=False,
                callbacks=[*callbacks, *early],
                description=description,
            )
            history += [asdict(record) for record in records]
            trained = problem.trained()
        self.history_ = history
        self._keep(problem, trained, session, n_workers, asked_for)
        tell_model(callbacks, self)
        return self

    def _keep(
        self,
        problem: LinearModel,
        trained: dict[str, np.ndarray],
        session: Session,
        n_workers: int,
        asked_for: int,
    ) -> None:
        self._updates, self._average_from = problem.n_updates, problem.average_from
        self._trained = trained if problem.average_from else {}
        coef, intercept = problem.published()
        self.coef_, self.intercept_ = self._public(coef, intercept)
        self.digest_ = digest_arrays({"coef": coef, "intercept": intercept})
        self.n_iter_ = len(self.history_)
        self.t_ = 1.0 + problem.n_updates
        self.lattice_ = problem.lattice
        self.block_size_ = problem.block
        lookahead = session.engine is not None and session.engine.name == "lookahead"
        self.plan_bytes_ = (
            problem.cost.memory(problem.block, n_workers, n_workers) if lookahead else {}
        )
        self.n_workers_ = n_workers
        self.engine_ = session.engine.name if session.engine else session.asked_for
        self.engine_reason_ = session.engine_reason
        if n_workers < asked_for:
            self.engine_reason_ += f"; {asked_for} workers asked for, {n_workers} cores"

    def _describe(self) -> Described:
        return describe_linear(self)

    @classmethod
    def _restore(cls, arrays: Any, about: dict[str, Any], history: Any) -> Self:
        return restore_linear(cls, arrays, about, history)

    def _load(self, problem: LinearModel, whole: bool) -> None:
        """Begin with the weights of the last fit; `whole`: go on with updates and means as well."""
        coef, intercept = np.atleast_2d(self.coef_), np.atleast_1d(self.intercept_)
        arrays = {"coef": coef, "intercept": intercept}
        if not whole:
            problem.load(arrays)
            return
        if problem.average_from != self._average_from:
            raise SerialeqError(
                f"average: expected {self._average_from}, as in the last fit, to go on, "
                f"got {problem.average_from}"
            )
        problem.load((self._trained or arrays) | {"n_updates": np.array([self._updates])})

    def _public(self, coef: np.ndarray, intercept: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return coef, intercept

    def _hold_out(
        self, X: Any, targets: np.ndarray, importance: np.ndarray | None
    ) -> tuple[Any, Any, np.ndarray, np.ndarray | None]:
        p: Any = self
        rows = np.arange(targets.shape[0])
        try:
            kept, held = train_test_split(
                rows, test_size=p.validation_fraction, random_state=draw_seed(p.random_state)
            )
        except ValueError as error:
            raise SerialeqError(f"validation_fraction: {error}") from error
        weights = None if importance is None else importance[held]
        rest = None if importance is None else importance[kept]
        return X[kept], (X[held], targets[held], weights), targets[kept], rest

    def __sklearn_tags__(self) -> Any:
        tags: Any = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def _margins(self, X: Any) -> np.ndarray:
        check_is_fitted(self, "coef_")
        X = validate_data(self, X, accept_sparse="csr", dtype=np.float64, reset=False)
        coef = np.atleast_2d(self.coef_)
        return np.asarray(safe_sparse_dot(X, coef.T, dense_output=True) + self.intercept_)

    def _data(self, X: Any, y: Any, reset: bool, **options: Any) -> tuple[Any, Any]:
        X, y = validate_data(
            self, X, y, accept_sparse="csr", dtype=np.float64, order="C", reset=reset, **options
        )
        rows: Any = X
        return (sp.csr_array(rows) if sp.issparse(X) else X), y

    def _weights(self, sample_weight: Any, X: Any) -> np.ndarray | None:
        if sample_weight is None:
            return None
        return _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)


def _loss_elsewhere(problem: LinearModel, other: LinearModel, team: WorkerTeam) -> float:
    """Return the objective of a problem's weights on other data."""
    coef, intercept = problem.published()
    other.load({"coef": coef, "intercept": intercept})
    return other.loss(team)

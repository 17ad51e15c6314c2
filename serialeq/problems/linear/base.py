"""What the linear estimators share: how they train, go on, and hold rows out."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import KW_ONLY
from typing import Annotated, Any, ClassVar, NamedTuple, Self

import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.utils.extmath import safe_sparse_dot
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from serialeq.engines.engine import check_engine
from serialeq.errors import SerialeqError
from serialeq.native.team import WorkerTeam, available_cores, count_workers
from serialeq.training.callbacks import Callback, EarlyStopping, EpochFunction
from serialeq.training.estimator import Arrays, Estimator
from serialeq.training.parameters import Flag, Number, OneOf, Parameter, Whole
from serialeq.training.trainer import Fitted, HeldOut

from .lattice import Lattice
from .parameters import LinearParameters
from .problem import LinearModel

_STATE = "state_"


def _check_order(name: str, value: Any) -> None:
    if isinstance(value, str):
        OneOf("reshuffled", "shuffled", "given")(name, value)


class Rows(NamedTuple):
    """Rows as a problem takes them; the labels of a classifier, and what else a model keeps."""

    X: Any
    targets: np.ndarray
    importance: np.ndarray | None
    classes: dict[str, np.ndarray]
    facts: dict[str, Any]

    def part(self, index: np.ndarray) -> Rows:
        """Return some of the rows."""
        importance = None if self.importance is None else self.importance[index]
        return self._replace(X=self.X[index], targets=self.targets[index], importance=importance)


class LinearEstimator(Estimator, LinearParameters):
    """What classifier and regressor share.

    Attributes
    ----------
    coef_, intercept_ : arrays
    lattice_ : Lattice or None
    block_size_ : int
    plan_bytes_ : dict
        Memory of lookahead's plan, by what it is for; empty for other engines.
    n_iter_ : int
    t_ : float
        1 and the number of updates done.
    """

    kind = "linear"
    _sklearn: ClassVar[str]
    """The estimator of scikit-learn with the same coefficients."""

    _: KW_ONLY
    max_iter: Annotated[int, Parameter("Epochs at most.", Whole(1), option="epochs")] = 1000
    tol: Annotated[
        float | None,
        Parameter(
            "Stop when the objective (the loss held out, if early_stopping) has not fallen by tol "
            "for n_iter_no_change epochs. None: run max_iter epochs.",
            Number(),
        ),
    ] = 1e-3
    early_stopping: Annotated[
        bool, Parameter("Hold rows out, and look at their loss instead of the objective.", Flag())
    ] = False
    validation_fraction: Annotated[
        float,
        Parameter("The part that early_stopping holds out.", Number(0, above=True, below=1)),
    ] = 0.1
    n_iter_no_change: Annotated[
        int, Parameter("Epochs without progress before training stops.", Whole(1), "patience")
    ] = 5
    warm_start: Annotated[
        bool, Parameter("Let fit begin with the weights that there are.", Flag(), option=None)
    ] = False
    order: Annotated[
        Any,
        Parameter(
            "Serial order of an epoch: reshuffled, a two-level shuffle anew in each epoch; "
            "shuffled, one permutation; given; or an array of sample numbers. The result is that "
            "of the serial run in this order.",
            _check_order,
        ),
    ] = "reshuffled"
    engine: Annotated[
        str,
        Parameter(
            "auto, serial or lookahead (the same bits), or minibatch (another algorithm, the same "
            "bits on any number of workers). With float64 arithmetic: auto, serial, dataflow, "
            "groups, cyclades, locked (the same bits), or hogwild (not reproducible).",
            check_engine,
            makes_model=False,
        ),
    ] = "auto"

    # ---- training ------------------------------------------------------------------------------

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        callbacks: Sequence[Callback | EpochFunction] = (),
    ) -> Self:
        """Train from the start, or with warm_start from the weights that there are.

        Parameters
        ----------
        X : array or sparse matrix, shape (n, d)
        y : array, shape (n,)
            A classifier's labels, or (n, C) of 0 and 1 for several labels at once; a regressor's
            targets.
        sample_weight : array, shape (n,), optional
        callbacks : sequence of Callback or of functions
            Such as `serialeq.RunRecorder`; a function is called with each epoch's `EpochRecord`.
        """
        self._begin()
        warm = bool(self.warm_start and hasattr(self, "trained_"))
        rows, held = self._rows(X, y, sample_weight, warm=warm), None
        if self.early_stopping:
            rows, held = self._hold_out(rows)
            self._begin()  # a RandomState gives the order a seed of its own
        problem = self._model(rows, self, self.lattice_ if warm else None)
        if warm:
            problem.load(self.trained_)
        watching = list(callbacks)
        if self.tol is not None:
            patience, tol = int(self.n_iter_no_change), float(self.tol)
            watching.append(EarlyStopping(patience, tol, held_out=held is not None))
        held_out = None if held is None else self._held_out(problem, held)
        fitted = self._train(
            problem, self._epochs(), held_out=held_out, with_loss=False, callbacks=watching
        )
        self._keep(rows, problem, fitted)
        return self._end(callbacks)

    def _go_on(self, rows: Rows) -> Self:
        """Train an epoch on from the state that there is, with its updates and means."""
        first = not hasattr(self, "trained_")
        problem = self._model(rows, self, None if first else self.lattice_)
        if not first:
            if problem.average_from != self._average_from:
                raise SerialeqError(
                    f"average: expected {self._average_from}, as in the last fit, to go on, "
                    f"got {problem.average_from}"
                )
            state = {
                name.removeprefix(_STATE): array
                for name, array in self._others.items()
                if name.startswith(_STATE)
            }
            updates = np.array([self._facts["updates"]])
            problem.load((state or self.trained_) | {"n_updates": updates})
        done = 0 if first else len(self.history_)
        fitted = self._train(problem, range(done, done + 1), with_loss=False)
        self._keep(rows, problem, fitted)
        return self

    def _problem(self, X: Any, y: Any, sample_weight: Any = None) -> LinearModel:
        return self._model(self._rows(X, y, sample_weight), self)

    def _rows(self, X: Any, y: Any, sample_weight: Any, *, warm: bool = False) -> Rows:
        """Return the rows of `fit`, checked; `warm`: against those of the last fit."""
        raise NotImplementedError

    def _model(
        self, rows: Rows, parameters: LinearParameters, like: Lattice | None = None
    ) -> LinearModel:
        with WorkerTeam(min(count_workers(self.n_jobs), available_cores())) as team:
            return LinearModel(
                rows.X, rows.targets, parameters, importance=rows.importance, like=like, team=team
            )

    def _hold_out(self, rows: Rows) -> tuple[Rows, Rows]:
        try:
            kept, held = train_test_split(
                np.arange(rows.targets.shape[0]),
                test_size=self.validation_fraction,
                random_state=self.seed_,
            )
        except ValueError as error:
            raise SerialeqError(f"validation_fraction: {error}") from error
        return rows.part(kept), rows.part(held)

    def _held_out(self, problem: LinearModel, rows: Rows) -> HeldOut:
        """Return the objective of the problem's weights on other rows."""
        plain = copy(self)  # not `replace`: a subclass may have a constructor of its own
        plain.arithmetic = "float64"
        other = self._model(rows, plain)

        def loss(team: WorkerTeam) -> float:
            coef, intercept = problem.published()
            other.load({"coef": coef, "intercept": intercept})
            return other.loss(team)

        return HeldOut(loss, other.data())

    # ---- the model -----------------------------------------------------------------------------

    def _keep(self, rows: Rows, problem: LinearModel, fitted: Fitted) -> None:
        coef, intercept = problem.published()
        sums = fitted.trained if problem.average_from else {}
        state = {_STATE + name: array for name, array in sums.items()}
        facts = {
            "n_features": problem.n_features,
            "updates": problem.n_updates,
            "lattice": problem.lattice and problem.lattice.record(),
        }
        trained = {"coef": coef, "intercept": intercept}
        self._take(trained, state | rows.classes, rows.facts | facts)
        self.block_size_, n = problem.block, fitted.n_workers
        lookahead = fitted.engine == "lookahead"
        self.plan_bytes_ = problem.cost.memory(problem.block, n, n) if lookahead else {}

    def _take(self, trained: dict[str, np.ndarray], others: Arrays, facts: dict[str, Any]) -> None:
        super()._take(trained, others, facts)
        self.coef_, self.intercept_ = trained["coef"], trained["intercept"]
        n_outputs, self.n_features_in_ = self._n_outputs(), facts["n_features"]
        expected = (n_outputs, self.n_features_in_), (n_outputs,)
        if (self.coef_.shape, self.intercept_.shape) != expected:
            raise ValueError(f"expected coef of {n_outputs} rows, got shape {self.coef_.shape}")
        self.n_iter_, self.t_ = len(self.history_), 1.0 + facts["updates"]
        self._average_from = int(self.average)
        self.lattice_ = Lattice.recorded(facts["lattice"])

    def _n_outputs(self) -> int:
        return 1

    def record(self) -> dict[str, Any]:
        """Return the parameters that make the model, as JSON can tell them."""
        record = super().record()
        if self.engine != "minibatch":  # all other engines do the same as serial
            del record["batch_size"]
        return record

    def to_sklearn(self) -> Any:
        """Return scikit-learn's SGDClassifier or SGDRegressor with the same weights."""
        from sklearn import linear_model

        same = ("loss", "penalty", "alpha", "fit_intercept", "epsilon", "eta0", "power_t")
        given = {name: getattr(self, name) for name in same}
        rate = self.learning_rate  # of which scikit-learn has no pegasos
        given["learning_rate"] = "optimal" if rate == "pegasos" else rate
        made = getattr(linear_model, self._sklearn)(**given)
        for name in ("coef_", "intercept_", "n_features_in_", "t_", "n_iter_", "classes_"):
            if hasattr(self, name):
                setattr(made, name, getattr(self, name))
        return made

    # ---- data ----------------------------------------------------------------------------------

    def __sklearn_tags__(self) -> Any:
        tags: Any = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def _margins(self, X: Any) -> np.ndarray:
        check_is_fitted(self, "coef_")
        X = validate_data(self, X, accept_sparse="csr", dtype=np.float64, reset=False)
        coef = self.trained_["coef"]
        return np.asarray(safe_sparse_dot(X, coef.T, dense_output=True) + self.intercept_)

    def _data(self, X: Any, y: Any, reset: bool, **options: Any) -> tuple[Any, Any]:
        return validate_data(
            self, X, y, accept_sparse="csr", dtype=np.float64, order="C", reset=reset, **options
        )

    def _weights(self, sample_weight: Any, X: Any, n_outputs: int) -> np.ndarray | None:
        if sample_weight is None:
            return None
        weights: Any = _check_sample_weight(
            sample_weight, X, dtype=np.float64, ensure_non_negative=True
        )
        return np.repeat(weights[:, None], n_outputs, 1)

"""What all estimators share: declared parameters, one way to train, to be saved, to come back.

An estimator declares its parameters (`serialeq.training.parameters`), says which problem they and
the data make (`_problem`), and what its arrays mean (`_take`)::

    class Model(Estimator):
        kind = "model"
        rank: Annotated[int, Parameter("Rank.", Whole(1))] = 8

        def _problem(self, X, y):
            return MyProblem(X, y, self.rank, self.seed_)

        def _take(self, trained, others, facts):
            super()._take(trained, others, facts)
            self.coef_ = trained["coef"]

        def fit(self, X, y, *, callbacks=()):
            return self._fit(X, y, callbacks=callbacks)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, asdict
from numbers import Integral
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from sklearn.utils import check_random_state

from serialeq.digest import digest_arrays
from serialeq.engines.engine import check_engine, engine_for, promise_of
from serialeq.errors import DataError, SerialeqError
from serialeq.native.team import count_workers
from serialeq.problem import Problem

from .callbacks import Callback, Callbacks
from .parameters import Declared, Parameter, Whole
from .scikit import BaseEstimator
from .session import check_order
from .trainer import Execution, Fitted, train

Arrays = Mapping[str, np.ndarray]
Saved = tuple[dict[str, np.ndarray], dict[str, Any]]
"""All arrays of a model, and what else is to be known of it."""


def _check_jobs(name: str, value: Any) -> None:
    count_workers(value)


def _check_seed(name: str, value: Any) -> None:
    if isinstance(value, (Integral, float)):
        Whole(0, np.inf)(name, value)


ORDER = Parameter(
    "Serial order of an epoch: blocked, shuffled, reshuffled (anew in each epoch), given, or an "
    "array of sample numbers. The result is that of the serial run in this order.",
    check_order,
)
"""For kinds whose default is another one."""

_OF_ALL = ("kind", "estimator", "parameters", "promise", "digest", "trained",
           "input_digest")  # fmt: skip
"""What every model tells of itself; the rest are its own facts."""


class Estimator(Declared, BaseEstimator):
    """Base of all estimators; see the module.

    Attributes
    ----------
    trained_ : dict of arrays
        What the digest covers.
    digest_ : str
        sha256 over the trained arrays: who has the same 64 digits has the same model.
    engine_, engine_reason_ : str
        The engine used and why.
    n_workers_, seed_ : int
    history_ : list of dict
        Per epoch: ``epoch``, ``seconds``, ``loss``, ``validation_loss``.
    epoch_ : int
        After which epoch the model was taken: the last, or the best (`serialeq.BestEpoch`).
    """

    kind: ClassVar[str]
    """The one word for its kind of problem, as it is registered."""

    _: KW_ONLY
    order: Annotated[Any, ORDER] = "blocked"
    engine: Annotated[
        str,
        Parameter(
            "auto (serial or the parallel engine, whichever is predicted to be faster), serial, "
            "dataflow, groups, cyclades, locked (all with the same bits), or hogwild (not "
            "reproducible).",
            check_engine,
            makes_model=False,
        ),
    ] = "auto"
    n_jobs: Annotated[
        int | None,
        Parameter(
            "Workers; None or -1: all cores, and never more than there are. The result does not "
            "depend on it.",
            _check_jobs,
            makes_model=False,
        ),
    ] = None
    random_state: Annotated[
        int | np.random.RandomState | None,
        Parameter(
            "Seed of the first state, of the order and of what is held out: an integer, a "
            "RandomState, or None, which takes a fresh one.",
            _check_seed,
            option="seed",
        ),
    ] = 0

    # ---- what a kind says ----------------------------------------------------------------------

    def _problem(self, *data: Any, **options: Any) -> Problem:
        """Return the problem of checked parameters, ``seed_`` and `data`, at its start."""
        raise SerialeqError(f"problem: {type(self).__name__} does not say what it trains")

    def _take(self, trained: dict[str, np.ndarray], others: Arrays, facts: dict[str, Any]) -> None:
        """Become what a training gave, or a file held: arrays that the digest covers, others."""
        self.trained_, self._others, self._facts = trained, dict(others), facts
        self.digest_ = digest_arrays(trained)

    def problem(self, *data: Any) -> Problem:
        """Return the problem that `fit` would train on `data`, at its starting point."""
        self._begin()
        return self._problem(*data)

    # ---- training ------------------------------------------------------------------------------

    def _fit(self, *data: Any, callbacks: Callbacks = (), **options: Any) -> Self:
        """Train on `data` from the start: `fit` where nothing but the trained arrays is kept."""
        self._begin()
        problem = self._problem(*data)
        fitted = self._train(problem, self._epochs(), callbacks=callbacks, **options)
        self._take(fitted.trained, {}, {})
        return self._end(callbacks)

    def _epochs(self) -> int:
        """Return how many epochs `fit` runs at most."""
        name = "n_epochs" if "n_epochs" in self.declarations() else "max_iter"
        return int(getattr(self, name))

    def _begin(self, fresh: bool = True) -> None:
        """Check the parameters; draw a seed if the state is random (`fresh`, or there is none)."""
        self.check_parameters()
        if isinstance(self.random_state, Integral):
            self.seed_: int = int(self.random_state)
        elif fresh or not hasattr(self, "seed_"):
            self.seed_ = int(check_random_state(self.random_state).randint(1 << 31))

    def _train(self, problem: Problem, n_epochs: int | range, **options: Any) -> Fitted:
        """Train, with options of `train`; a range of epochs goes on with the present history."""
        execution = Execution(self.order, self.engine, self.n_jobs, self.seed_)
        fitted = train(problem, execution, n_epochs, description=self.description(), **options)
        before = self.history_ if isinstance(n_epochs, range) and n_epochs.start else []
        self.history_: list[dict[str, Any]] = before + [asdict(r) for r in fitted.history]
        self.n_workers_, self.epoch_ = fitted.n_workers, fitted.epoch
        self.engine_, self.engine_reason_ = fitted.engine, fitted.engine_reason
        return fitted

    def _end(self, callbacks: Callbacks = ()) -> Self:
        """Tell callbacks what the estimator has become."""
        if callbacks:
            arrays, about = self.saved()
            for callback in callbacks:
                Callback.of(callback).on_fit_end(arrays, about)
        return self

    def final_losses(self) -> tuple[float | None, float | None]:
        """Return training loss and held-out loss of the epoch that the model is of."""
        if not self.epoch_:
            return None, None
        record = self.history_[self.epoch_ - 1]
        return record["loss"], record["validation_loss"]

    # ---- saving --------------------------------------------------------------------------------

    def description(self) -> dict[str, Any]:
        """Return what is trained, for a run's manifest."""
        name = type(self).__name__
        return {"problem": self.kind, "estimator": name, "parameters": self.record()}

    def record(self) -> dict[str, Any]:
        """Return the parameters that make the model, as JSON can tell them."""
        return {
            name: _plain(name, getattr(self, "seed_" if name == "random_state" else name, None))
            for name, declared in self.declarations().items()
            if declared.parameter.makes_model
        }

    @classmethod
    def recorded(cls, record: Mapping[str, Any], promise: str) -> Self:
        """Return an estimator with the parameters of `record`, and an engine with that promise."""
        given = {name: _restored(value) for name, value in record.items()}
        return cls.from_record(given | {"engine": engine_for(promise)})

    def saved(self, inputs: Arrays | None = None) -> Saved:
        """Return all arrays, and what else is to be known of the model: for `restored`.

        `inputs`: what belongs to them that the estimator has not seen, such as words.
        """
        others = {name: plain_labels(array) for name, array in self._others.items()}
        others |= inputs or {}
        about = {
            "kind": self.kind,
            "estimator": type(self).__name__,
            "parameters": self.record(),
            "promise": promise_of(getattr(self, "engine_", self.engine)),
            "digest": self.digest_,
            "trained": sorted(self.trained_),
            "input_digest": digest_arrays(others),
        }
        return self.trained_ | others, about | self._facts

    @classmethod
    def restored(
        cls,
        arrays: Arrays,
        about: dict[str, Any],
        history: Sequence[dict[str, Any]] = (),
        epoch: int | None = None,
    ) -> Self:
        """Return the fitted estimator that `saved` told of; `partial_fit` goes on in its bits."""
        estimator = cls.recorded(about["parameters"], about["promise"])
        estimator._begin()
        estimator.history_ = list(history)
        estimator.epoch_ = len(history) if epoch is None else epoch
        trained = {name: arrays[name] for name in about["trained"]}
        others = {name: array for name, array in arrays.items() if name not in trained}
        estimator._take(trained, others, {k: v for k, v in about.items() if k not in _OF_ALL})
        return estimator


def _plain(name: str, value: Any) -> Any:
    if name == "order":
        return value if isinstance(value, str) else "given"
    if isinstance(value, dict):  # of which JSON would make all keys strings
        return [[np.asarray(key).item(), float(number)] for key, number in value.items()]
    if isinstance(value, (list, tuple)):
        return [_plain("", entry) for entry in value]
    return value.item() if isinstance(value, np.generic) else value


def _restored(value: Any) -> Any:
    if isinstance(value, list):
        pairs = all(isinstance(entry, list) and len(entry) == 2 for entry in value)
        return dict(map(tuple, value)) if pairs else tuple(value)
    return value


def plain_labels(labels: np.ndarray) -> np.ndarray:
    """Return labels as an array that can be a file; DataError if they are no numbers or texts."""
    if not labels.dtype.hasobject:
        return labels
    if not all(isinstance(label, str) for label in labels.flat):
        raise DataError("labels: expected numbers or texts, to write a model to files")
    return labels.astype(str)

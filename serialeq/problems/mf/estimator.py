"""`MatrixFactorization`: the estimator for matrix completion."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from serialeq.training.callbacks import Callback
from serialeq.training.saving import Described, describe, tell_model
from serialeq.training.trainer import EpochRecord

from .training import (
    FactorizationModel,
    FactorizationParameters,
    fit_factorization,
)


class MatrixFactorization(BaseEstimator):
    """Matrix completion by stochastic gradient descent, reproducible on any number of workers.

    Predicts ``mean + user_bias + item_bias + <user_factors, item_factors>`` and minimises the
    squared error plus L2 penalties (Gemulla et al. 2011; Recht and Ré 2013).

    Parameters
    ----------
    n_factors : int, default=32
        Rank.
    n_epochs : int, default=20
    learning_rate : float, default=0.05
        Step size.
    schedule : {"decay", "constant", "inverse", "adagrad"}, default="decay"
        How the step shrinks: ``rate * decay**epoch``; not; ``rate / (1 + decay * t)`` per update
        with t in epochs; or AdaGrad per row, as in LIBMF.
    decay : float, default=0.85
    l2 : float or (float, float), default=0.05
        Penalty of users and items.
    l2_per : {"rating", "row"}, default="rating"
        Whether each rating adds its rows' penalties (rows weigh as much as they have ratings),
        or each row is penalised once.
    bias : {"all", "global", "none"}, default="all"
        Subtract the mean rating and trained user and item biases; the mean only; or nothing.
    nonnegative : bool, default=False
        Keep the factors non-negative.
    init_scale : float, default=0.05
        Factors start uniform in (-init_scale, init_scale); in (0, init_scale) if `nonnegative`;
        in (0, 2 sqrt(mean / n_factors)) with ``bias="none"``, where products have to start near
        the mean.
    dtype : {"float32", "float64"}, default="float32"
    order : {"blocked", "shuffled", "reshuffled", "given"} or array of int, default="blocked"
        The serial order of an epoch. The result is that of the serial run in this order.
    engine : str, default="auto"
        "serial", "dataflow", "groups", "cyclades", "locked" (all with the same bits), "hogwild"
        (not reproducible), or "auto": the faster of serial and dataflow, as predicted.
    n_jobs : int, default=None
        Workers; None or -1: all cores, and never more than there are. The result does not depend
        on it.
    random_state : int, RandomState or None, default=0
        Seed of the initial factors and of the order; None takes a fresh one.

    Attributes
    ----------
    user_factors_, item_factors_ : arrays, shape (n_users, n_factors), (n_items, n_factors)
    user_biases_, item_biases_ : arrays, shape (n_users,), (n_items,)
    mean_ : float
    digest_ : str
        sha256 over the trained arrays: who has the same 64 digits has the same model.
    engine_, engine_reason_ : str
        The engine used and why.
    n_workers_ : int
    seed_ : int
    model_ : FactorizationModel
        The same, as the command line writes and reads it.
    history_ : list of dict
        Per epoch: ``epoch``, ``seconds``, ``loss`` (training RMSE), ``validation_loss``.
    """

    def __init__(
        self,
        n_factors: int = 32,
        n_epochs: int = 20,
        learning_rate: float = 0.05,
        *,
        schedule: str = "decay",
        decay: float = 0.85,
        l2: Any = 0.05,
        l2_per: str = "rating",
        bias: str = "all",
        nonnegative: bool = False,
        init_scale: float = 0.05,
        dtype: str = "float32",
        order: Any = "blocked",
        engine: str = "auto",
        n_jobs: int | None = None,
        random_state: Any = 0,
    ) -> None:
        self.n_factors = n_factors
        self.n_epochs = n_epochs
        self.learning_rate = learning_rate
        self.schedule = schedule
        self.decay = decay
        self.l2 = l2
        self.l2_per = l2_per
        self.bias = bias
        self.nonnegative = nonnegative
        self.init_scale = init_scale
        self.dtype = dtype
        self.order = order
        self.engine = engine
        self.n_jobs = n_jobs
        self.random_state = random_state

    def fit(
        self,
        X: Any,
        y: Any = None,
        *,
        validation: Any = None,
        on_epoch: Callable[[EpochRecord], None] | None = None,
        callbacks: Sequence[Callback] = (),
    ) -> MatrixFactorization:
        """Train from the start.

        Parameters
        ----------
        X : sparse matrix (n_users, n_items), (users, items, ratings), or Ratings
            Stored entries are the observed ratings.
        y : ignored
        validation : like X, optional
            Held-out ratings; their RMSE goes into ``history_``.
        on_epoch : callable, optional
            Called with each epoch's `EpochRecord`.
        callbacks : sequence of Callback
            Such as `serialeq.RunRecorder`.
        """
        parameters = self._parameters(fresh=True)
        entries = parameters.entries(X)
        held_out = None if validation is None else parameters.entries(validation, entries[3])
        model = fit_factorization(
            parameters,
            entries,
            n_epochs=self.n_epochs,
            validation=held_out,
            on_epoch=on_epoch,
            callbacks=callbacks,
        )
        self._take(model)
        tell_model(callbacks, self)
        return self

    def partial_fit(self, X: Any, y: Any = None) -> MatrixFactorization:
        """Run one epoch over `X`, going on from the present factors if there are any.

        The first call fixes the numbers of users and items and the mean.
        """
        start: FactorizationModel | None = getattr(self, "model_", None)
        parameters = self._parameters(fresh=start is None)
        entries = parameters.entries(X, start.shape if start else None)
        return self._take(fit_factorization(parameters, entries, n_epochs=1, start=start))

    def predict(self, users: Any, items: Any) -> np.ndarray:
        """Return the predicted ratings, shape (n,), for arrays of users and items."""
        check_is_fitted(self, "model_")
        return self.model_.predict(users, items)

    def recommend(
        self, user: int, n: int = 10, *, exclude: Any = ()
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the `n` items with the highest predictions for a user, and the predictions.

        Parameters
        ----------
        user : int
        n : int
        exclude : array of int
            Items to leave out, such as those that the user has rated.
        """
        check_is_fitted(self, "model_")
        return self.model_.recommend(user, n, exclude)

    def score(self, X: Any, y: Any = None) -> float:
        """Return minus the RMSE on the ratings `X`: higher is better."""
        check_is_fitted(self, "model_")
        users, items, values, _ = self._parameters().entries(X, self.model_.shape)
        errors = self.predict(users, items).astype(np.float64) - values
        return -float(np.sqrt(np.mean(errors**2)))

    def _parameters(self, fresh: bool = False) -> FactorizationParameters:
        """Return the checked parameters; with a new seed if `fresh` and the state is random."""
        given = self.get_params(deep=False)
        state = given.pop("random_state")
        if isinstance(state, Integral):
            self.seed_ = int(state)
        elif fresh:
            self.seed_ = int(check_random_state(state).randint(1 << 31))
        parameters = FactorizationParameters(**given, seed=self.seed_)
        parameters.check()
        return parameters

    def _describe(self) -> Described:
        n_users, n_items = self.model_.shape
        ids = {"user_ids": np.arange(n_users), "item_ids": np.arange(n_items)}
        told = self._parameters().told()
        return describe("ratings", self, told, self.model_.trained, ids)

    @classmethod
    def _restore(cls, arrays: Any, about: dict[str, Any], history: Any) -> MatrixFactorization:
        given = dict(about["parameters"])
        seed = given.pop("seed")
        estimator = cls(**given, random_state=seed)
        estimator.seed_ = seed
        trained = {name: arrays[name] for name in about["trained"]}
        return estimator._take(
            FactorizationModel(trained, float(trained["mean"][0]), history=list(history))
        )

    def _take(self, model: FactorizationModel) -> MatrixFactorization:
        self.model_ = model
        self.user_factors_ = model.trained["user_factors"]
        self.item_factors_ = model.trained["item_factors"]
        self.user_biases_, self.item_biases_ = model.biases("user"), model.biases("item")
        self.mean_ = model.mean
        self.digest_ = model.digest
        self.engine_, self.engine_reason_ = model.engine, model.engine_reason
        self.n_workers_ = model.n_workers
        self.history_ = model.history
        return self

"""`MatrixFactorization`: the estimator for matrix completion."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from serialeq.errors import DataError
from serialeq.training.callbacks import Callback, EpochFunction
from serialeq.training.estimator import Estimator
from serialeq.training.trainer import HeldOut

from . import prediction
from .parameters import FactorizationParameters
from .problem import Entries, Factorization
from .ratings import check_entries, entries_of


class MatrixFactorization(Estimator, FactorizationParameters):
    """Matrix completion by stochastic gradient descent, reproducible on any number of workers.

    Predicts ``mean + user_bias + item_bias + <user_factors, item_factors>`` and minimises the
    squared error plus L2 penalties (Gemulla et al. 2011).

    Attributes
    ----------
    user_factors_, item_factors_ : arrays, shape (n_users, n_factors), (n_items, n_factors)
    user_biases_, item_biases_ : arrays, shape (n_users,), (n_items,)
    mean_ : float
    digest_, engine_, engine_reason_, n_workers_, seed_, history_
        As in `serialeq.training.estimator.Estimator`; ``loss`` is the training RMSE.
    """

    kind = "mf"

    def fit(
        self,
        X: Any,
        y: Any = None,
        *,
        validation: Any = None,
        callbacks: Sequence[Callback | EpochFunction] = (),
    ) -> Self:
        """Train from the start.

        Parameters
        ----------
        X : sparse matrix (n_users, n_items), (users, items, ratings), or Ratings
            Stored entries are the observed ratings.
        y : ignored
        validation : like X, optional
            Held-out ratings; their RMSE goes into ``history_``.
        callbacks : as in `serialeq.fit`
        """
        self._begin()
        problem = self._problem(X)
        held_out = None
        if validation is not None:
            users, items, values, *_ = self._entries(validation, problem.shape)
            held_out = HeldOut(
                lambda team: problem.rmse(users, items, values, team),
                {"users": users, "items": items, "values": values},
            )
        fitted = self._train(problem, self._epochs(), held_out=held_out, callbacks=callbacks)
        self._take(fitted.trained, self._numbers(problem), {})
        return self._end(callbacks)

    def partial_fit(self, X: Any, y: Any = None) -> Self:
        """Run one epoch over `X`, going on from the present factors if there are any.

        The first call fixes the numbers of users and items and the mean.
        """
        first = not hasattr(self, "trained_")
        self._begin(fresh=first)
        done = 0 if first else len(self.history_)
        if first:
            problem = self._problem(X)
        else:
            problem = self._problem(X, shape=prediction.shape_of(self.trained_), mean=self.mean_)
            problem.load(self.trained_)
        fitted = self._train(problem, range(done, done + 1))
        self._take(fitted.trained, self._numbers(problem) if first else self._others, {})
        return self

    def _problem(
        self, X: Any, y: Any = None, *, shape: tuple[int, int] | None = None, mean: Any = None
    ) -> Factorization:
        return Factorization(self._entries(X, shape), self, seed=self.seed_, mean=mean)

    def _entries(self, X: Any, shape: tuple[int, int] | None = None) -> Entries:
        """Return ratings in any accepted form, checked."""
        users, items, values, own_shape = entries_of(X)
        if shape is not None and own_shape is not None and tuple(own_shape) != shape:
            raise DataError(f"ratings: expected shape {shape}, as in fit, got {tuple(own_shape)}")
        return Entries(
            *check_entries(users, items, values, shape or own_shape, np.dtype(self.dtype))
        )

    def _numbers(self, problem: Factorization) -> dict[str, np.ndarray]:
        n_users, n_items = problem.shape
        return {"user_ids": np.arange(n_users), "item_ids": np.arange(n_items)}

    def _take(self, trained: dict[str, np.ndarray], others: Any, facts: dict[str, Any]) -> None:
        super()._take(trained, others, facts)
        self.user_factors_, self.item_factors_ = trained["user_factors"], trained["item_factors"]
        self.user_biases_ = prediction.biases_of(trained, "user")
        self.item_biases_ = prediction.biases_of(trained, "item")
        self.mean_ = float(trained["mean"][0])

    def predict(self, users: Any, items: Any) -> np.ndarray:
        """Return the predicted ratings, shape (n,), for arrays of users and items."""
        check_is_fitted(self, "trained_")
        return prediction.predict(self.trained_, users, items)

    def recommend(
        self, user: int, n: int = 10, *, exclude: Any = ()
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the `n` items with the highest predictions for a user, and the predictions.

        Numbers of items to `exclude` are left out, such as those that the user has rated.
        """
        check_is_fitted(self, "trained_")
        return prediction.recommend(self.trained_, user, n, exclude)

    def score(self, X: Any, y: Any = None) -> float:
        """Return minus the RMSE on the ratings `X`: higher is better."""
        check_is_fitted(self, "trained_")
        users, items, values, *_ = self._entries(X, prediction.shape_of(self.trained_))
        errors = self.predict(users, items).astype(np.float64) - values
        return -float(np.sqrt(np.mean(errors**2)))

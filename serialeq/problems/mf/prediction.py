"""What trained factors say: ratings, and the best items for a user."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from serialeq.training.parameters import Whole

from .ratings import check_entries

Arrays = Mapping[str, np.ndarray]


def shape_of(trained: Arrays) -> tuple[int, int]:
    """Return the numbers of users and items."""
    return trained["user_factors"].shape[0], trained["item_factors"].shape[0]


def biases_of(trained: Arrays, side: str) -> np.ndarray:
    """Return the biases of "user" or "item": zeros if none were trained."""
    factors = trained[f"{side}_factors"]
    return trained.get(f"{side}_biases", np.zeros(factors.shape[0], factors.dtype))


def predict(trained: Arrays, users: Any, items: Any) -> np.ndarray:
    """Return the predicted ratings, shape (n,), for arrays of users and items."""
    x, y = trained["user_factors"], trained["item_factors"]
    users, items = np.atleast_1d(users), np.atleast_1d(items)
    if users.size == 0 and items.size == 0:
        return np.zeros(0, dtype=x.dtype)
    blank = np.zeros(users.shape, dtype=x.dtype)
    users, items, _, _ = check_entries(users, items, blank, shape_of(trained), x.dtype)
    products = np.zeros(users.size, dtype=x.dtype)
    for k in range(x.shape[1]):  # one order of summation on every machine
        products += x[users, k] * y[items, k]
    products += biases_of(trained, "user")[users] + biases_of(trained, "item")[items]
    return products + x.dtype.type(float(trained["mean"][0]))


def recommend(
    trained: Arrays, user: int, n: int = 10, exclude: Any = ()
) -> tuple[np.ndarray, np.ndarray]:
    """Return the `n` items with the highest predictions for a user, and the predictions."""
    Whole(1)("n", n)
    items = np.setdiff1d(np.arange(shape_of(trained)[1]), np.asarray(exclude, dtype=np.int64))
    scores = predict(trained, np.full(items.size, user), items)
    best = np.argsort(-scores, kind="stable")[:n]
    return items[best], scores[best]

"""Synthetic ratings with the shape of Netflix's, the same bits on every machine.

Integer arithmetic, ``+ − × ÷`` and square roots only: what the mathematical library returns for
an exponential or a logarithm differs between versions.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from serialeq.native.jit import inline, jit
from serialeq.native.random import mix, permutation, stream_key

_MEAN, _LOWEST, _HIGHEST = 3.6, 1.0, 5.0
_USER_BIAS, _ITEM_BIAS, _TASTE, _NOISE = 0.4, 0.45, 0.55, 0.7  # standard deviations
_TRIES = 8


def synthetic_entries(
    n_ratings: int, n_users: int, n_items: int, rank: int, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return users (int32), items (int32) and values (float32), user after user.

    At most ``n_users * n_items`` ratings, all of different pairs.
    """

    def key(purpose: str) -> np.uint64:
        return stream_key(seed, f"synthetic {purpose}")

    activity = _counts(_long_tail(n_users, 0.02, 0.2), n_ratings, n_items)
    activity = activity[permutation(n_users, key("activity"))]
    item_numbers = permutation(n_items, key("popularity"))
    users = np.empty(n_ratings, dtype=np.int32)
    items = np.empty(n_ratings, dtype=np.int32)
    _draw_pairs(activity, _long_tail(n_items, 0.01, 0.05), key("pairs"), users, items)
    items = item_numbers[items]
    values = np.empty(n_ratings, dtype=np.float32)
    user_rows = _normal_rows(n_users, rank + 1, key("users"))
    item_rows = _normal_rows(n_items, rank + 1, key("items"))
    _rate(users, items, user_rows, item_rows, key("noise"), values)
    return users, items, values


def _long_tail(n: int, head: float, floor: float) -> np.ndarray:
    """Return bounds, shape (n + 1,), that cut [0, 1] into `n` falling shares.

    Share ``j`` is proportional to ``(n − j) / (j + head · n) + floor``.
    """
    j = np.arange(n)
    bounds = np.zeros(n + 1)
    np.cumsum((n - j) / (j + head * n) + floor, out=bounds[1:])
    return bounds / bounds[n]


def _counts(bounds: np.ndarray, total: int, limit: int) -> np.ndarray:
    """Deal `total` by shares; what is above `limit` goes to the first ones that have room."""
    wanted = np.diff((bounds * total).astype(np.int64))
    counts = np.minimum(wanted, limit)
    room = np.cumsum(limit - counts)
    return counts + np.diff(np.minimum(room, total - counts.sum()), prepend=0)


@jit
def _draw_pairs(counts: Any, bounds: Any, key: Any, users: Any, items: Any) -> None:
    """Draw ``counts[u]`` different items for each user, by the shares between `bounds`."""
    taken_by = np.full(bounds.size - 1, -1, dtype=np.int32)
    at = draws = 0
    for user in range(counts.size):
        for _ in range(counts[user]):
            item = 0
            for _ in range(_TRIES):
                x = np.float64(mix(key, draws) >> np.uint64(11)) * 2.0**-53
                draws += 1
                item = np.searchsorted(bounds, x, side="right") - 1
                if taken_by[item] != user:
                    break
            while taken_by[item] == user:  # has almost everything that is popular
                item = (item + 1) % taken_by.size
            taken_by[item] = user
            users[at], items[at] = user, item
            at += 1


@inline
def _normal(key: Any, counter: Any) -> Any:
    """Return a nearly normal number with mean 0 and variance 1: the sum of four uniform ones."""
    bits = mix(key, counter)
    mask = np.uint64(0xFFFF)
    low = (bits & mask) + (bits >> np.uint64(16) & mask)
    high = (bits >> np.uint64(32) & mask) + (bits >> np.uint64(48))
    return (np.float64(low + high) * 2.0**-16 - 2.0) * np.sqrt(3.0)


@jit
def _normal_rows(n: int, width: int, key: Any) -> Any:
    return np.array([_normal(key, k) for k in range(n * width)]).reshape(n, width)


@jit
def _rate(users: Any, items: Any, user_rows: Any, item_rows: Any, key: Any, values: Any) -> None:
    """Round biases (column 0), tastes (the other columns, of falling weight) and noise."""
    places = np.arange(1.0, user_rows.shape[1])
    weights = _TASTE * np.sqrt(1.0 / (places * np.cumsum(1.0 / places)[-1]))
    for i in range(users.size):
        user, item = user_rows[users[i]], item_rows[items[i]]
        value = _MEAN + _USER_BIAS * user[0] + _ITEM_BIAS * item[0]
        for f in range(weights.size):
            value += weights[f] * user[f + 1] * item[f + 1]
        value += _NOISE * _normal(key, i)
        values[i] = int(min(max(value, _LOWEST), _HIGHEST) + 0.5)

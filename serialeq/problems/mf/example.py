"""A small problem, for golden digests, tests and races."""

from __future__ import annotations

from typing import Any

from .parameters import FactorizationParameters
from .problem import Entries, Factorization
from .ratings import generate_ratings


def example(n: int = 1, **parameters: Any) -> Factorization:
    """Return a factorisation of 3,000 generated ratings, or n times as many."""
    made = generate_ratings(3_000 * n, n_users=120 * n, n_items=80 * n, rank=4, seed=1)
    entries = Entries(made.users, made.items, made.values, made.shape)
    return Factorization(entries, FactorizationParameters(**{"n_factors": 8} | parameters))

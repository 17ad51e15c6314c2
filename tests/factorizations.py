"""Factorisations for tests: the options are the names of its parameters, weights and seed."""

from typing import Any

from serialeq.problems.mf.parameters import FactorizationParameters
from serialeq.problems.mf.problem import Entries, Factorization


def factorization(
    users: Any,
    items: Any,
    values: Any,
    shape: tuple[int, int],
    *,
    weights: Any = None,
    seed: int = 0,
    made: type[Factorization] = Factorization,
    **parameters: Any,
) -> Factorization:
    entries = Entries(users, items, values, shape, weights)
    return made(entries, FactorizationParameters(**parameters), seed=seed)

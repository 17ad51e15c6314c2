"""Golden digests: one small run of every kind of problem, the same 64 digits everywhere."""

from __future__ import annotations

from serialeq.errors import SerialeqError
from serialeq.problem import Problem
from serialeq.problems.registry import imported, kinds
from serialeq.training.fit import fit


def example(word: str, n: int = 1) -> Problem:
    """Return the small problem of a registered kind, or one n times as large.

    SerialeqError: if there is no such kind.
    """
    if word not in kinds():
        raise SerialeqError(f"kind: expected one of {', '.join(kinds())}, got {word!r}")
    made: Problem = imported(kinds()[word].example)(n)
    return made


def golden_digest(word: str, engine: str = "serial", n_jobs: int | None = 1) -> str:
    """Return the digest of three epochs of a kind's example; `Kind.golden` is what it should be.

    In the blocked order if the problem has one, else reshuffled.
    """
    problem = example(word)
    order = "blocked" if type(problem).blocked_order is not Problem.blocked_order else "reshuffled"
    return fit(
        problem, order, n_epochs=3, engine=engine, n_jobs=n_jobs, seed=5, with_loss=False
    ).digest

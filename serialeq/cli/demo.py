"""``serialeq demo``: the promise, shown in a minute."""

from __future__ import annotations

from collections.abc import Iterable

from serialeq.native.team import available_cores
from serialeq.problems.mf.problem import Factorization
from serialeq.problems.mf.ratings import generate_ratings
from serialeq.reading.splits import split_indices
from serialeq.training.compare import Contestant, Result, compare


def contestants(jobs: int) -> list[Contestant]:
    """Return the demo's rows: each order's engines, and three runs of Hogwild!."""
    rows = []
    for order in ("shuffled", "blocked"):
        rows.append(Contestant("serial", order, 1))
        rows += [Contestant(engine, order, jobs) for engine in ("groups", "cyclades", "locked")]
        rows += [Contestant("dataflow", order, n) for n in sorted({1, jobs, 2 * jobs})]
        rows += [Contestant("hogwild", order, jobs)] * 3
    return rows


def run_demo(
    n_ratings: int, n_factors: int, n_epochs: int, jobs: int | None, seed: int
) -> Iterable[Result]:
    """Yield the result of each row, on generated ratings with a tenth held out."""
    ratings = generate_ratings(n_ratings, seed=seed)
    train, test = (ratings.subset(index) for index in split_indices(len(ratings), 0.1, seed))

    def make() -> Factorization:
        return Factorization(
            train.users, train.items, train.values, ratings.shape, n_factors=n_factors, seed=seed
        )

    def held_out(problem: Factorization) -> float:
        return problem.rmse(test.users, test.items, test.values)

    rows = contestants(jobs or available_cores())
    yield from compare(make, held_out, rows, n_epochs, seed)

"""The page on twins: the same kernel with the serial bits, and under Hogwild!."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.timing import Timings
from serialeq.problem import Problem
from serialeq.problems.mf.parameters import FactorizationParameters
from serialeq.problems.mf.problem import Entries, Factorization
from serialeq.problems.mf.ratings import generate_ratings
from serialeq.training.fit import fit

from .baselines.coordinate import CoordinateDescent
from .baselines.sgd import RidgeSgd
from .baselines.svrg import RidgeSvrg
from .page import Section, Table
from .ridge import SparseRidge, random_ridge
from .settings import Settings
from .twins import digests, race

WORKERS = range(1, 9)

Makers = dict[str, Callable[[], Problem]]


def make_problems(ridge: SparseRidge, n_ratings: int, seed: int) -> Makers:
    """Return what makes each problem of the section."""
    ratings = generate_ratings(n_ratings, n_ratings // 20, n_ratings // 60, seed=seed)

    entries = Entries(ratings.users, ratings.items, ratings.values, ratings.shape)

    def factorization() -> Problem:
        return Factorization(entries, FactorizationParameters(n_factors=16), seed=seed)

    return {
        "SGD": lambda: RidgeSgd(ridge, 0.5),
        "coordinate descent": lambda: CoordinateDescent(ridge),
        "SVRG, sparse": lambda: RidgeSvrg(ridge, 0.3),
        "matrix factorisation (not convex)": factorization,
    }


def twin_sections(settings: Settings) -> list[Section]:
    """Return the section on twins."""
    few, many = (20_000, 160_000) if settings.quick else (100_000, 800_000)
    problems = [
        make_problems(random_ridge(n, n, 8, l2=0.1 / n, seed=settings.seed), 2 * n, settings.seed)
        for n in (few, many)
    ]
    return [
        Section(
            "twins",
            "Serial equivalence: every method, its Hogwild! twin, and the bits",
            [
                "<p>The same compiled kernel under three engines, on generated data: a regression "
                "of n samples with 8 of n variables each, and 2n ratings. <em>Dataflow</em> "
                "keeps the order of conflicting samples; <em>hogwild</em> keeps "
                "nothing. Digests are of models trained for 2 epochs on 1 to 8 workers, each with "
                f"a thread of its own, on however many cores there are (n = {few:,}); on one "
                f"worker Hogwild! is serial. Speeds are for n = {many:,}.</p>",
                digest_table(problems[0], settings.seed),
                speed_table(problems[1], settings),
                "<p>Speedups are medians of ratios of epochs that took turns; planning happens "
                "once for an order. SVRG's epoch includes its full gradient, one pass that runs "
                "serially under every engine.</p>",
                drift_table(settings),
                "<p>Coordinate descent keeps the residuals of its weights. Where racing workers "
                "overwrite an add, the residuals kept belong to no weights, for good; the rest is "
                "rounding.</p>",
            ],
        )
    ]


def digest_table(problems: Makers, seed: int) -> Table:
    """Return how many different models each engine gives on 1 to 8 workers."""
    rows = []
    for name, make in problems.items():
        found = digests(make, WORKERS, seed=seed)
        serial = found["serial", 1]
        for engine in ("dataflow", "hogwild"):
            models = [found[engine, n] for n in WORKERS]
            rows.append(
                [name, engine, len(set(models)), sum(m == serial for m in models), serial[:12]]
            )
    return Table(
        f"Models on {WORKERS[0]} to {WORKERS[-1]} workers",
        ("problem", "engine", "different models", "with the serial bits", "serial digest"),
        rows,
    )


def speed_table(problems: Makers, settings: Settings) -> Table:
    """Return seconds, speedups and losses, measured."""
    rows = []
    for name, make in problems.items():
        trainings = race(make, settings.n_jobs, n_epochs=7, seed=settings.seed)
        timings = Timings({engine: training.epochs for engine, training in trainings.items()})
        for engine, training in trainings.items():
            rows.append(
                [
                    name, engine, 1e3 * timings.median(engine), 1e3 * training.planning,
                    timings.speed(engine, "serial").paired, training.losses[-1],
                ]
            )  # fmt: skip
    return Table(
        f"An epoch on {settings.n_jobs} workers, measured",
        ("problem", "engine", "ms per epoch", "ms planning", "speedup", "objective after 7 epochs"),
        rows,
    )


def drift_table(settings: Settings) -> Table:
    """Return by how much the residuals of coordinate descent drift, measured."""
    ridge = random_ridge(20_000, 2_000, 8, l2=1e-5, seed=settings.seed)
    rows = []
    for engine in ("serial", "dataflow", "hogwild"):
        problem = CoordinateDescent(ridge)
        fit(
            problem, "reshuffled", n_epochs=20, engine=engine, n_jobs=settings.n_jobs,
            seed=settings.seed, with_loss=False,
        )  # fmt: skip
        rows.append([engine, problem.drift()])
    return Table(
        f"Coordinate descent, {ridge.n_samples:,} rows and {ridge.n_variables:,} columns, 20 "
        "epochs, measured",
        ("engine", "largest |residual kept − residual of the weights|"),
        rows,
    )

"""The page on bounds: what the theorem promises, what runs need, and two notions of speedup."""

from __future__ import annotations

from .baselines.sgd import RidgeSgd
from .bounds import (
    Constants,
    Promise,
    constants,
    hogwild_promise,
    late_promise,
    measure,
    serial_promise,
    worst_case_speedup,
)
from .formulas import SPEEDUPS, THEOREM
from .page import Section, Table
from .ridge import SparseRidge, random_ridge
from .settings import Settings
from .twins import race


def bound_sections(settings: Settings) -> list[Section]:
    """Return the section on bounds."""
    ridge = random_ridge(400, 100, 2, l2=0.05, seed=settings.seed)
    c = constants(ridge)
    accuracies = (0.5, 0.2) if settings.quick else (0.5, 0.2, 0.1)
    return [
        Section(
            "bounds",
            "Bounds: promised and measured iterations, two speedups",
            [
                "<p>Theorem 3.4 with its constants written out (proofs/analysis.md, part 3): "
                "Hogwild! is within ε of the minimum, in the mean of the squared distance, with</p>"
                + THEOREM
                + "<p>for p the probability of a conflict. Here for a "
                "generated regression of 400 samples with 2 of 100 variables each. All constants "
                "are computed; M holds in the ball around the minimum that the run starts on. Runs "
                "use the promised step and the largest delay allowed, every read stale.</p>",
                constants_table(c),
                promise_table(ridge, c, accuracies, 4 if settings.quick else 16, settings.seed),
                "<p>Promises hold with room to spare, as M bounds the worst gradient anywhere. The "
                "lecture's open problem: a ratio of such bounds is no speedup. Below, the ratio "
                "(times the workers) beside measured seconds until the objective's excess is 1 % "
                "of what it was, on a generated regression of 8 variables in each sample.</p>"
                + SPEEDUPS,
                speedup_table(c, settings),
            ],
        )
    ]


def constants_table(c: Constants) -> Table:
    """Return the constants of a problem."""
    return Table(
        "Constants",
        ("m", "L", "M", "a₀", "Δ̄", "Ω", "ρ", "p", "n/2Δ̄"),
        [
            [
                c.m, c.smoothness, c.gradient, c.distance, c.mean_degree, c.omega, c.rho,
                c.conflict, c.tau_bound,
            ]
        ],
    )  # fmt: skip


def promise_table(
    ridge: SparseRidge, c: Constants, accuracies: tuple[float, ...], n_runs: int, seed: int
) -> Table:
    """Return promised and measured iterations; accuracies are in units of a₀."""
    rows = []
    for accuracy in accuracies:
        epsilon = accuracy * c.distance
        for name, promise in _promises(c, epsilon):
            progress = measure(ridge, promise, n_runs=n_runs, seed=seed)
            needed = progress.iterations
            rows.append(
                [
                    name, accuracy, promise.step, promise.tau, promise.iterations, needed,
                    promise.iterations / needed, progress.largest_gradient / c.gradient,
                ]
            )  # fmt: skip
    return Table(
        f"Iterations until E|x − x*|² ≤ ε, means of {n_runs} simulated runs",
        ("", "ε / a₀", "γ", "τ", "promised T", "needed", "promised / needed", "largest |g| / M"),
        rows,
    )


def _promises(c: Constants, epsilon: float) -> list[tuple[str, Promise]]:
    return [
        ("serial", serial_promise(c, epsilon)),
        ("Hogwild!, the slide's step", hogwild_promise(c, epsilon)),
        ("Hogwild!, a quarter of it", late_promise(c, epsilon)),
    ]


def speedup_table(c: Constants, settings: Settings) -> Table:
    """Return the ratio of bounds beside measured time to an accuracy."""
    n = 30_000 if settings.quick else 200_000
    ridge = random_ridge(n, n // 2, 8, l2=0.1 / n, seed=settings.seed)
    trainings = race(
        lambda: RidgeSgd(ridge, 0.7, 0.85), settings.n_jobs, n_epochs=25, seed=settings.seed
    )
    least = ridge.objective(ridge.optimum)
    goal = least + 0.01 * (ridge.objective(0.0 * ridge.optimum) - least)
    epsilon = 0.2 * c.distance
    promised = worst_case_speedup(
        serial_promise(c, epsilon), hogwild_promise(c, epsilon), settings.n_jobs
    )
    serial = trainings["serial"].seconds_to(goal)
    rows = []
    for engine, training in trainings.items():
        seconds = training.seconds_to(goal)
        worst = {"serial": 1.0, "dataflow": float(settings.n_jobs), "hogwild": promised}[engine]
        reached = serial / seconds if serial is not None and seconds is not None else None
        workers = 1 if engine == "serial" else settings.n_jobs
        rows.append([engine, workers, worst, reached, seconds, training.losses[-1] - least])
    return Table(
        f"Two speedups, {n:,} samples",
        ("engine", "workers", "worst case", "time to ε", "seconds to ε", "excess after 25 epochs"),
        rows,
    )

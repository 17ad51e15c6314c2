"""The page's first part: stragglers, and how waiting for them can be avoided."""

from __future__ import annotations

import numpy as np

from .charts import Curve, Panel, chart
from .formulas import ORDER_STATISTIC
from .page import Figure, Section, Table
from .settings import Settings
from .stragglers import TaskTime, generator, simulate_order_statistics

TIME = TaskTime()
"""The lecture's simulation: X = 1 + Exp(0.5)."""

SIZES = (10, 100, 1000, 10_000)
CLUSTER = 148
"""Workers of the lecture's CIFAR-10 slide."""

_ROUNDS = 10_000  # then the slowest of 10,000 has a standard error of 0.12 %
_QUICK_ROUNDS = 2_500
_LEAST_DRAWS = 1 << 22  # few workers need more rounds: their slowest varies more


def order_statistics(settings: Settings) -> list[Section]:
    """Return the section about order statistics."""
    rows = compare_order_statistics(settings.quick, settings.seed)
    worst = max(abs(row[4] / row[3] - 1.0) for row in rows)
    return [
        Section(
            "order-statistics",
            "Stragglers: order statistics of task times",
            [
                "<p>A node needs X = 1 + Exp(λ) for its part, λ = 0.5 (times in units of the "
                "constant part). The i-th fastest of n is expected at</p>" + ORDER_STATISTIC,
                _sorted_times(rows),
                _slowest_over_fastest(rows),
                f"<p>{len(rows)} expected times were compared; the largest deviation of Monte "
                f"Carlo from the closed form is {100 * worst:.2f} %.</p>",
                extremes_table(rows),
            ],
        ),
        Section(
            "cluster",
            f"A cluster of {CLUSTER} workers",
            [
                "<p>The lecture measured CIFAR-10 on 148 small EC2 instances. Here are the same "
                "workers with times 1 + Exp(0.5): a worker finishes early, an iteration with a "
                "barrier ends with the slowest. Who waits for all but the k slowest loses their "
                "work, and gains most of the time.</p>",
                _cluster(settings.seed),
                dropped_table(),
            ],
        ),
    ]


def compare_order_statistics(quick: bool, seed: int) -> list[list[float]]:
    """Return rows of n, i, standard error, closed form and Monte Carlo of E X₍ᵢ₎."""
    rows: list[list[float]] = []
    for n in SIZES:
        ranks = n + 1 - np.unique(np.geomspace(1, n, 10).astype(int))[::-1]  # ascending
        rounds = max(_QUICK_ROUNDS if quick else _ROUNDS, _LEAST_DRAWS // n)
        found = simulate_order_statistics(TIME, n, ranks, rounds, seed)
        exact = TIME.order_statistics(n)[ranks - 1]
        rows += [
            [n, int(i), float(error), float(closed), float(mean)]
            for i, closed, mean, error in zip(ranks, exact, *found, strict=True)
        ]
    return rows


def extremes_table(rows: list[list[float]]) -> Table:
    """Return the fastest and the slowest of `compare_order_statistics`."""
    chosen = []
    for n in SIZES:
        own = [row for row in rows if row[0] == n]
        law = 1.0 + (np.log(n) + np.euler_gamma) / TIME.rate
        fastest, slowest = own[0], own[-1]
        chosen.append([n, *fastest[3:], *slowest[3:], slowest[3] / fastest[3], float(law)])
    return Table(
        "Expected times of the fastest and the slowest, in units of the constant part",
        ("n", "fastest", "Monte Carlo", "slowest", "Monte Carlo", "ratio", "law"),
        chosen,
    )


def _sorted_times(rows: list[list[float]]) -> Figure:
    curves = []
    for colour, n in enumerate(SIZES):
        k = np.unique(np.geomspace(1, n, 60).astype(int))
        expected = TIME.order_statistics(n)[n - k]
        curves.append(Curve(f"n = {n:,}", k, expected, "theory", colour))
    for n in SIZES:
        own = [row for row in rows if row[0] == n]
        k = [n + 1 - row[1] for row in own]
        curves.append(Curve("Monte Carlo", k, [row[4] for row in own], "points", 6))
    return chart(
        "order-statistics",
        "Expected time of the k-th slowest of n workers: closed form (lines) and Monte Carlo.",
        [
            Panel(
                "k-th slowest worker (1 is the slowest)",
                "expected time, units of the constant part",
                curves,
                log_x=10,
            )
        ],
    )


def _slowest_over_fastest(rows: list[list[float]]) -> Figure:
    n = np.unique(np.geomspace(2, SIZES[-1], 40).astype(int))
    statistics = [TIME.order_statistics(int(k)) for k in n]
    ratio = [s[-1] / s[0] for s in statistics]
    law = 1.0 + (np.log(n) + np.euler_gamma) / TIME.rate
    points = []
    for size in SIZES:
        own = [row[4] for row in rows if row[0] == size]
        points.append(own[-1] / own[0])
    return chart(
        "slowest-over-fastest",
        "The slowest worker takes some log n times as long as the fastest: closed form, Monte "
        "Carlo, and the law 1 + (ln n + 0.577) / λ.",
        [
            Panel(
                "workers n",
                "slowest / fastest (expected times)",
                [
                    Curve("closed form", n, ratio, "theory"),
                    Curve("Monte Carlo", SIZES, points, "points"),
                    Curve("1 + (ln n + 0.577) / λ", n, law, "guide"),
                ],
                log_x=10,
            )
        ],
    )


def _cluster(seed: int) -> Figure:
    times = TIME.draw(generator(seed, CLUSTER, 1), (2000, CLUSTER))
    edges = np.arange(1.0, 26.0, 0.5)
    middle = (edges[1:] + edges[:-1]) / 2
    share = [
        np.histogram(drawn, bins=edges)[0] / drawn.size / np.diff(edges)
        for drawn in (times.ravel(), times.max(axis=1))
    ]
    fine = np.linspace(1.0, 25.0, 200)
    return chart(
        "cluster",
        f"Completion times of {CLUSTER} workers and of whole iterations (2,000 of them): drawn "
        "and in closed form.",
        [
            Panel(
                "completion time, units of the constant part",
                "density",
                [
                    Curve("one worker", middle, share[0], "points", 0),
                    Curve("one worker, closed form", fine, TIME.slowest_density(fine, 1), "theory",
                          0),
                    Curve("slowest of all", middle, share[1], "points", 1),
                    Curve("slowest of all, closed form", fine,
                          TIME.slowest_density(fine, CLUSTER), "theory", 1),
                ],
            )
        ],
    )  # fmt: skip


def dropped_table() -> Table:
    """Return what an iteration of the cluster takes if the k slowest are not waited for."""
    statistics = TIME.order_statistics(CLUSTER)
    rows = []
    for k in (0, 1, 2, 5, 10, 20, 40):
        time = float(statistics[CLUSTER - 1 - k])
        rows.append([k, time, (CLUSTER - k) / time, CLUSTER / TIME.mean])
    return Table(
        f"{CLUSTER} workers, the k slowest dropped (closed form)",
        ("k", "iteration time", "useful tasks per unit of time", "the same without a barrier"),
        rows,
    )

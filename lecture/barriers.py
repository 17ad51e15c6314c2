"""The headline figure: time of an epoch against the number of workers, with stragglers.

Every sample takes a random time, 1 + Exp(0.5), whoever runs it: the same for all schemes. The
engines' own schedules are executed; the other schemes are simulated from the same times.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from serialeq.engines.engine import get_engine
from serialeq.hypergraph import Hypergraph
from serialeq.order import Order, shuffled_order
from serialeq.planning.batches import plan_cyclades
from serialeq.planning.prediction import CostModel
from serialeq.planning.schedule import Schedule
from serialeq.problems.mf.ratings import generate_ratings

from .charts import Curve, Panel, chart
from .clusters import barrier_time, round_robin_time, server_time
from .page import Section, Table
from .settings import Settings
from .simulator import Machine, simulate
from .stragglers import TaskTime, generator
from .straggling import measure_engines

TIME = TaskTime()
WORKERS = (1, 2, 4, 8, 16, 32, 64)
HANDOFF = 0.05
"""A message to another worker, in mean task times; also an update of the server."""
DROPPED = 0.1
"""Share of the workers that synchronous rounds with backup workers do not wait for."""

BATCHES = (50, 100, 200, 400, 800)
"""Of CYCLADES: the best of them counts, as a large batch is one component."""

_ROUNDS = 7

SERIAL_BITS = ("dataflow", "locked", "groups", "cyclades")


def make_samples(n_samples: int, seed: int) -> tuple[Order, np.ndarray]:
    """Return a shuffled order of ratings, and the time of each in units of the mean."""
    ratings = generate_ratings(n_samples, n_samples // 5, n_samples // 10, seed=seed)
    pairs = np.stack([ratings.users, ratings.items + ratings.n_users], axis=1)
    graph = Hypergraph(pairs, 2, ratings.n_users + ratings.n_items, check=False)
    of_sample = TIME.draw(generator(seed, 2), (n_samples,)) / TIME.mean
    return shuffled_order(graph, seed), of_sample


def times_per_epoch(order: Order, of_sample: np.ndarray, seed: int) -> dict[str, list[float]]:
    """Return the time of an epoch over the serial time, by scheme, for each of `WORKERS`."""
    in_order = of_sample[order.sequence]
    serial = float(of_sample.sum())
    schemes: dict[str, Callable[[int], float]] = {
        "synchronous mini-batch": partial(_rounds, in_order, 0.0, seed),
        "backup workers (10 %)": partial(_rounds, in_order, DROPPED, seed),
        "round-robin": lambda p: round_robin_time(in_order, p, HANDOFF if p > 1 else 0.0),
        "parameter server": lambda p: server_time(in_order, p, HANDOFF if p > 1 else 0.0)[0],
        **{name: partial(_engine, name, order, of_sample) for name in (*SERIAL_BITS, "hogwild")},
    }
    return {name: [scheme(p) / serial for p in WORKERS] for name, scheme in schemes.items()}


def _rounds(in_order: np.ndarray, dropped: float, seed: int, n_workers: int) -> float:
    """Return the time of synchronous rounds; who drops work needs more of them."""
    n_dropped = round(dropped * n_workers)
    n_rounds = -(-in_order.size // (n_workers - n_dropped))
    more = n_rounds * n_workers - in_order.size
    extra = TIME.draw(generator(seed, 3, n_workers), (more,)) / TIME.mean
    times = np.concatenate([in_order, extra])
    return barrier_time(times.reshape(n_rounds, n_workers), n_dropped)


def _engine(name: str, order: Order, of_sample: np.ndarray, n_workers: int) -> float:
    plan = get_engine(name).plan
    assert plan is not None
    if name == "cyclades":
        return min(
            _makespan(plan_cyclades(order, n_workers, batch=batch), of_sample) for batch in BATCHES
        )
    return _makespan(plan(order, n_workers), of_sample)


def _makespan(schedule: Schedule, of_sample: np.ndarray) -> float:
    costs = CostModel(sample=0.0, wait=0.0, handoff=HANDOFF, transfer=0.0, launch=0.0)
    return simulate(schedule, of_sample[schedule.layout], Machine(costs)).makespan


def lifted_barriers(settings: Settings) -> list[Section]:
    """Return the section with the headline figure."""
    n_samples = 20_000 if settings.quick else 100_000
    order, of_sample = make_samples(n_samples, settings.seed)
    times = times_per_epoch(order, of_sample, settings.seed)
    measured = {}
    if settings.n_jobs > 1:
        engines = (*SERIAL_BITS, "hogwild")
        measured = measure_engines(order, of_sample, engines, settings.n_jobs, _ROUNDS)
    shown = {
        "synchronous mini-batch": 0,
        "backup workers (10 %)": 4,
        "cyclades": 3,
        "parameter server": 5,
        "hogwild": 1,
        "dataflow": 2,
    }
    curves = [Curve("linear", WORKERS, [1 / p for p in WORKERS], "guide")]
    curves += [
        Curve(NAMES.get(name, name), WORKERS, times[name], "simulated", colour)
        for name, colour in shown.items()
    ]
    curves += [
        Curve("measured", [settings.n_jobs], [time], "points", shown[name])
        for name, time in measured.items()
        if name in shown
    ]
    rows = [
        [
            NAMES.get(name, name),
            _bits(name),
            1 / measured[name] if name in measured else None,
            *(1 / time for time in own),
        ]
        for name, own in times.items()
    ]
    return [
        Section(
            "lifted-barriers",
            "Lifting the barrier, and keeping the serial result",
            [
                f"<p>{n_samples:,} samples of matrix completion in a random order, each taking a "
                "random time 1 + Exp(0.5) on whatever worker it runs, the same in every scheme; a "
                f"message to another worker takes {HANDOFF:g} mean task times, and so does an "
                "update of the parameter server, one at a time. A barrier waits for the "
                "slowest of all workers, again and again. <em>Dataflow</em> executes the "
                "library's own schedule: a sample waits for the work that it depends on and for "
                "nothing else, and the result is that of the serial run, bit for bit. Points are "
                "measured: the engines ran samples that keep a core busy for such times, 2 µs on "
                "average. What cores lose by working at once is in the points, not in the "
                "lines.</p>",
                chart(
                    "lifted-barriers",
                    "Simulated time of an epoch under stragglers (serial = 1).",
                    [Panel("workers", "time per epoch, serial = 1", curves, log_x=2, log_y=2)],
                ),
                Table(
                    "Speedup over the serial run under stragglers, measured and simulated, by "
                    "workers",
                    ("scheme", "serial bits?", f"measured, {settings.n_jobs}", *map(str, WORKERS)),
                    rows,
                ),
            ],
        )
    ]


def synchronous_or_not(settings: Settings) -> list[Section]:
    """Return the section about synchronous against asynchronous."""
    rows = stale_gradients(10_000, settings.seed)
    columns = ("workers", "synchronous", "parameter server", "its mean delay τ")
    return [
        Section(
            "synchronous-asynchronous",
            "Open problem: synchronous against asynchronous",
            [
                "<p>What a gradient waits for, or how old it is. A synchronous round waits for the "
                "slowest worker; with a parameter server nobody waits, and between reading the "
                "model and its update a gradient sees τ updates of others, about one for every "
                "other worker. Dataflow has neither: every update reads what the serial run "
                "reads.</p>",
                Table("Speedup under stragglers, and staleness (simulated)", columns, rows),
            ],
        )
    ]


def stale_gradients(n_tasks: int, seed: int) -> list[list[float]]:
    """Return rows of workers, speedups of synchronous rounds and of the server, and its delay."""
    times = TIME.draw(generator(seed, 4), (n_tasks,)) / TIME.mean
    serial = float(times.sum())
    rows = []
    for p in WORKERS:
        time, delay = server_time(times, p, HANDOFF if p > 1 else 0.0)
        rows.append([p, serial / _rounds(times, 0.0, seed, p), serial / time, delay])
    return rows


NAMES = {"hogwild": "Hogwild!", "cyclades": "CYCLADES"}
"""How engines are called on the page, where their names differ."""


def _bits(name: str) -> str:
    return "yes" if name in SERIAL_BITS else "no"

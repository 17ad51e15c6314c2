"""The page's speedup plots, dense problems, and machines with remote memory."""

from __future__ import annotations

from functools import cache

from serialeq.planning.dataflow import plan_dataflow
from serialeq.planning.hogwild import plan_hogwild
from serialeq.planning.serial import plan_serial

from .barriers import NAMES
from .calibration import Key, predict_time
from .charts import Curve, Panel, chart
from .page import Section, Table
from .runs import SessionRun, race
from .settings import Settings
from .speedups import WORKERS, Speedups, lookahead_speedups, measure_speedups
from .workloads import (
    Workload,
    dense_classifier,
    graph_cut,
    make_order,
    matrix_completion,
    sparse_svm,
)

_ROUNDS, _QUICK_ROUNDS = 41, 21
_COLOURS: dict[Key, int] = {
    ("shuffled", "hogwild"): 1,
    ("shuffled", "locked"): 4,
    ("shuffled", "cyclades"): 3,
    ("shuffled", "dataflow"): 0,
    ("blocked", "dataflow"): 2,
    ("two-level", "lookahead"): 5,
}
_NODES = 4
_REMOTE = (1, 2, 4, 8, 16, 32, 64, 128)
_REMOTE_WORKERS = 32


@cache
def lecture_speedups(settings: Settings) -> list[Speedups]:
    """Return the speedups on the lecture's three problems, measured once."""
    rounds = _QUICK_ROUNDS if settings.quick else _ROUNDS
    n_texts = 8_000 if settings.quick else 30_000
    seed = settings.seed
    return [
        measure_speedups(
            sparse_svm(n_texts, seed), settings.n_jobs, rounds, seed,
            sparse_svm(n_texts, seed, "lattice"),
        ),
        measure_speedups(_factorization(settings), settings.n_jobs, rounds, seed),
        measure_speedups(
            graph_cut(40 if settings.quick else 64, seed), settings.n_jobs, rounds, seed
        ),
    ]  # fmt: skip


def _factorization(settings: Settings) -> Workload:
    return matrix_completion(400_000 if settings.quick else 1_000_000, settings.seed)


def speedup_plots(settings: Settings) -> list[Section]:
    """Return the section with the lecture's three plots."""
    all_speedups = lecture_speedups(settings)
    cores = (
        f"Points are measured with {settings.n_jobs} workers"
        if settings.n_jobs > 1
        else "This machine offers one core, so nothing is measured in parallel"
    )
    return [
        Section(
            "speedups",
            "Speedups: sparse SVM, matrix completion, graph cuts",
            [
                "<p>Speedup of an epoch over the serial run in shuffled order, planning left out. "
                f"{cores}; dashed lines are simulated: the library's own schedules, executed with "
                "constants that were measured in the same process, and as if every further "
                "core were like the second one. Lookahead is its cost model. Blocked dataflow also "
                "gains from caches, so it can be faster than linear. All but Hogwild! return the "
                "bits of the serial run.</p>",
                chart(
                    "speedups",
                    "The lecture's three speedup plots.",
                    [_panel(speedups) for speedups in all_speedups],
                ),
                _checks(all_speedups),
                _constants(all_speedups),
            ],
        )
    ]


def _panel(speedups: Speedups) -> Panel:
    curves = [Curve("linear", WORKERS, WORKERS, "guide")]
    for key, simulated in speedups.simulated.items():
        curves.append(Curve(_name(key), WORKERS, simulated, "simulated", _COLOURS[key]))
    for key, measured in speedups.measured.items():
        curves.append(Curve("measured", [speedups.n_jobs], [measured], "points", _COLOURS[key]))
    title = speedups.workload.title
    return Panel("workers", "speedup over serial", curves, title, log_x=2, log_y=2)


def _name(key: Key) -> str:
    order, engine = key
    own = NAMES.get(engine, engine)
    return f"{own}, {order}" if engine == "dataflow" else own


def _checks(all_speedups: list[Speedups]) -> Table:
    rows = [
        [s.workload.title, _name(key), measured, predicted, 100 * (predicted / measured - 1)]
        for s in all_speedups
        for key, measured, predicted in s.checks()
    ]
    columns = ("problem", "engine", "measured", "simulated", "difference, %")
    return Table("Speedup over serial in the same order, measured and simulated", columns, rows)


def _constants(all_speedups: list[Speedups]) -> Table:
    rows = []
    for s in all_speedups:
        costs, busy = s.calibration.costs, s.calibration.busy["shuffled"]
        rows.append(
            [s.workload.title, costs.sample, busy, costs.wait, costs.handoff, costs.transfer]
        )
    columns = ("problem", "sample", "× if all cores work", "wait", "hand-off", "lines that move")
    return Table("Constants of the simulation, measured (ns)", columns, rows)


def dense(settings: Settings) -> list[Section]:
    """Return the section about dense problems."""
    n_samples = 2_000 if settings.quick else 8_000
    curves = [Curve("linear", WORKERS, WORKERS, "guide")]
    for colour, n_features in enumerate((128, 512, 2048)):
        make = dense_classifier(n_samples, n_features, settings.seed)
        model = make()
        label = f"{n_features} features"
        curves.append(Curve(label, WORKERS, lookahead_speedups(model), "simulated", colour))
        if settings.n_jobs > 1:
            timings = race(
                {
                    engine: SessionRun(make(), engine, settings.n_jobs, settings.seed)
                    for engine in ("serial", "lookahead")
                },
                _QUICK_ROUNDS if settings.quick else _ROUNDS,
            )
            speed = timings.speed("lookahead", "serial").paired
            curves.append(Curve("measured", [settings.n_jobs], [speed], "points", colour))
    return [
        Section(
            "dense",
            "Open problem: dense problems",
            [
                "<p>In a dense problem every two samples conflict, and nothing that orders "
                "conflicting samples can run two of them at once. Lookahead re-associates exact "
                "sums instead: every worker has its own features of all samples. Dense logistic "
                f"regression, {n_samples:,} samples; the cost model does not know this machine: "
                "it is compared, not fitted.</p>",
                chart(
                    "dense",
                    "Speedup of lookahead over serial: cost model and measurement.",
                    [Panel("workers", "speedup over serial", curves, log_x=2, log_y=2)],
                ),
            ],
        )
    ]


def remote_memory(settings: Settings) -> list[Section]:
    """Return the section about NUMA and distributed machines."""
    workload = _factorization(settings)
    calibration = lecture_speedups(settings)[1].calibration
    problem = workload.make()
    curves = []
    for kind, name, plan, colour in (
        ("shuffled", "Hogwild!, shuffled", plan_hogwild, 1),
        ("shuffled", "dataflow, shuffled", plan_dataflow, 0),
        ("blocked", "dataflow, blocked", plan_dataflow, 2),
    ):
        order = make_order(problem, kind, settings.seed)
        schedule = plan(order, _REMOTE_WORKERS)
        serial = predict_time(calibration, workload, order, plan_serial(order))
        speedups = [
            serial / predict_time(calibration, workload, order, schedule, _NODES, remote)
            for remote in _REMOTE
        ]
        curves.append(Curve(name, _REMOTE, speedups, "simulated", colour))
    curves.append(Curve("serial", _REMOTE, [1] * len(_REMOTE), "guide"))
    return [
        Section(
            "remote-memory",
            "Open problem: NUMA and distributed",
            [
                f"<p>{workload.title}, simulated: {_REMOTE_WORKERS} workers on {_NODES} nodes, "
                "constants measured as for the speedups; a line or a message from another node "
                "costs so many times as much as from the same one (two sockets: about 2 to 4; a "
                "network: about 100). The speedup is over the serial run in the same order. A "
                "blocked order moves few lines.</p>",
                chart(
                    "remote-memory",
                    f"Speedup of {_REMOTE_WORKERS} workers against the cost of remote memory.",
                    [
                        Panel(
                            "remote cost / local cost", "speedup over serial", curves,
                            log_x=2, log_y=2,
                        )
                    ],
                ),
            ],
        )
    ]  # fmt: skip

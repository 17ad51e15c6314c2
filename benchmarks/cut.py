"""Graph cuts: the speed of every engine, with Hogwild! and what the machine allows."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
from serialeq.problems.cut.training import CutParameters, check_seeds

from benchmarks.mf import REFERENCE, engine_entries, name_of
from benchmarks.runners import open_session
from benchmarks.timing import Timings, Turn, race, seconds
from benchmarks.volumes import generate_balls
from serialeq.cli.report import notices
from serialeq.digest import digest_arrays
from serialeq.engines.engine import get_engine
from serialeq.native.team import WorkerTeam
from serialeq.problems.cut.graphs import Graph
from serialeq.problems.cut.problem import GraphCut
from serialeq.training.compare import Contestant
from serialeq.training.session import Session

RATIOS = [
    ("dataflow blocked", "serial blocked"),
    ("dataflow blocked", "serial shuffled"),
    ("dataflow blocked", "hogwild shuffled"),
    ("dataflow blocked", "hogwild blocked"),
    ("dataflow blocked", "ceiling blocked"),
    ("dataflow shuffled", "hogwild shuffled"),
]
"""Pairs whose ratio of speeds is reported."""

_TURN = 0.25  # seconds, as an epoch alone takes only milliseconds


@dataclass(frozen=True)
class Row:
    """One contestant.

    Attributes
    ----------
    engine, order : str
        The engine, or "ceiling".
    jobs : int
    equivalent : bool or None
        The engine promises the bits of the serial run; None: it is not an engine.
    serial_bits : bool or None
        It had them, after all epochs.
    seconds : float
        Median of an epoch.
    spread : (float, float)
        Quartiles of the same.
    ns_per_edge : float
    speedup, over_hogwild, over_ceiling : float
        Times the speed of the serial run, of Hogwild! and of independent serial runs, all in
        shuffled order; medians of the ratios within a round.
    prepare_epochs : float or None
        Time of planning and packing, in epochs of the serial run in shuffled order.
    cut_value : float or None
        After all epochs, rounded to labels.
    digest : str or None
        Of the relaxed solution after all epochs.
    """

    engine: str
    order: str
    jobs: int
    equivalent: bool | None
    serial_bits: bool | None
    seconds: float
    spread: tuple[float, float]
    ns_per_edge: float
    speedup: float
    over_hogwild: float
    over_ceiling: float
    prepare_epochs: float | None = None
    cut_value: float | None = None
    digest: str | None = None


def measure(
    image: np.ndarray, seeds: np.ndarray, jobs: int, rounds: int, epochs: int
) -> tuple[list[Row], dict[str, Any]]:
    """Return rows and ratios."""
    parameters = CutParameters(decay=0.002 ** (1 / max(epochs, 1)))
    began = time.perf_counter()
    graph = parameters.graph(image)
    built = time.perf_counter() - began
    notices.print(f"{graph.weights.size:,} edges, {graph.n_blocks} tiles, made in {built:.2f} s")
    entries = engine_entries(jobs, graph.weights.size)
    ceilings = [Contestant("ceiling", order, jobs) for order in ("shuffled", "blocked")]
    _compile(parameters, entries)
    problem = _problem(parameters, graph, seeds)
    start = problem.trained()
    details: dict[Contestant, dict[str, Any]] = {}
    serial: dict[str, str] = {}  # digest of the serial run in each order
    with ExitStack() as stack:
        turns: dict[str, Turn] = {}
        for entry in entries:  # all on one problem, one after the other
            notices.print(f"{name_of(entry)}: planning, and {epochs} epochs for the bits")
            session = open_session(problem, entry, stack.enter_context(WorkerTeam(entry.jobs)))
            prepared = seconds(partial(session.prepare, 0))
            problem.load(start)
            for epoch in range(epochs):
                session.run_epoch(epoch)
            digest = digest_arrays(problem.trained())
            details[entry] = {
                "equivalent": get_engine(entry.engine).equivalent,
                "serial_bits": digest == serial.setdefault(entry.order, digest),
                "prepare": prepared,
                "cut_value": problem.cut()[1],
                "digest": digest,
            }
            turns[name_of(entry)] = partial(_turn, partial(session.run_epoch, 0))
        others = [_problem(parameters, graph, seeds) for _ in range(jobs)]
        threads = stack.enter_context(ThreadPoolExecutor(jobs))
        for entry in ceilings:
            alone = Contestant("serial", entry.order, 1)
            side_by_side = [open_session(other, alone, WorkerTeam(1)) for other in others]
            for session in side_by_side:
                session.prepare(0)
            turns[name_of(entry)] = partial(_ceiling, side_by_side, threads)
        notices.print(f"racing, {rounds} rounds")
        timings = race(turns, rounds)
    unit = timings.median(name_of(REFERENCE))
    for detail in details.values():
        detail["prepare_epochs"] = detail.pop("prepare") / unit
    n_edges = graph.weights.size
    rows = [_row(entry, n_edges, timings, details.get(entry, {})) for entry in entries + ceilings]
    ratios = {f"{a} / {b}": asdict(timings.speed(a, b)) for a, b in RATIOS}
    return rows, ratios


def _problem(parameters: CutParameters, graph: Graph, seeds: np.ndarray) -> GraphCut:
    classes, numbers = check_seeds(seeds, graph.shape)
    return parameters.problem(graph, numbers, classes.size)


def _compile(parameters: CutParameters, entries: list[Contestant]) -> None:
    image, inside = generate_balls((4, 8, 8))
    seeds = inside.astype(np.int8)
    for entry in entries:
        with WorkerTeam(entry.jobs) as team:
            problem = _problem(parameters, parameters.graph(image), seeds)
            open_session(problem, entry, team).run_epoch(0)
            problem.cut()


def _turn(action: Callable[[], object]) -> float:
    """Return the mean seconds of a call over `_TURN` seconds or more, after one not counted."""
    action()
    began, n = time.perf_counter(), 0
    while n == 0 or time.perf_counter() - began < _TURN:
        action()
        n += 1
    return (time.perf_counter() - began) / n


def _ceiling(runs: list[Session], threads: ThreadPoolExecutor) -> float:
    """Return the seconds of serial runs side by side, over their number."""

    def side_by_side() -> None:
        list(threads.map(lambda run: run.run_epoch(0), runs))

    return _turn(side_by_side) / len(runs)


def _row(entry: Contestant, n_edges: int, timings: Timings, details: dict[str, Any]) -> Row:
    name = name_of(entry)
    median = timings.median(name)
    return Row(
        **asdict(entry),
        seconds=median,
        spread=timings.quartiles(name),
        ns_per_edge=median / n_edges * 1e9,
        speedup=timings.speed(name, name_of(REFERENCE)).paired,
        over_hogwild=timings.speed(name, "hogwild shuffled").paired,
        over_ceiling=timings.speed(name, "ceiling shuffled").paired,
        **{"equivalent": None, "serial_bits": None} | details,
    )

"""The race: serial, every engine, Hogwild! and the machine itself, at a problem of any kind."""

from __future__ import annotations

from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from benchmarks import timing
from benchmarks.datasets import SEED
from benchmarks.kinds import Effort, Peer, Setting, Source
from benchmarks.runners import Ceiling, Make, Runner, preparation
from benchmarks.timing import Timings, Turn
from serialeq.cli.report import notices
from serialeq.engines.engine import ENGINES, get_engine
from serialeq.errors import SerialeqError
from serialeq.problem import Problem
from serialeq.training.compare import Contestant, compare

REFERENCE = Contestant("serial", "shuffled", 1)
_SLOW = ("groups", "cyclades", "locked")
_MOST_SAMPLES = 5_000_000  # with which the slow ones take part: locks are planned for minutes


@dataclass(frozen=True, kw_only=True)
class Row:
    """One contestant.

    Attributes
    ----------
    engine, order : str
        The engine, "ceiling" (independent serial runs side by side) or another library.
    jobs : int
    seconds : float
        Median of an epoch.
    spread : (float, float)
        Quartiles of the same.
    speedup, over_hogwild, over_ceiling : float or None
        Times the speed of the serial run, of Hogwild! and of the ceiling, all in shuffled order;
        medians of the ratios within a round. None: that one does not take part.
    plan_epochs, pack_epochs : float or None
        Time of planning and packing, in epochs of the serial run in shuffled order. Where supports
        change with the epoch, planning is part of each epoch as well.
    quality : float or None
        After all epochs of a training.
    equivalent : bool or None
        The engine promises the bits of the serial run; None: it is not an engine.
    serial_bits : bool or None
        It had them after that training; of an engine that promises to be repeatable only, those
        of its own run with one worker.
    digest : str or None
        Of the trained arrays.
    """

    engine: str
    order: str
    jobs: int
    seconds: float
    spread: tuple[float, float]
    speedup: float | None
    over_hogwild: float | None
    over_ceiling: float | None
    plan_epochs: float | None = None
    pack_epochs: float | None = None
    quality: float | None = None
    equivalent: bool | None = None
    serial_bits: bool | None = None
    digest: str | None = None


def race(source: Source, setting: Setting, effort: Effort) -> dict[str, Any]:
    """Return setting, number of samples, rows (see `Row`) and ratios.

    Raises
    ------
    SerialeqError
        If the setting is none of the source's problems.
    """
    make = partial(source.make, **setting)
    try:
        problem = make()
    except TypeError as error:
        raise SerialeqError(f"set: expected parameters of the problem: {error}") from error
    n_samples, main = problem.hypergraph.n_samples, problem.parallel_engine
    entries, ceilings = contestants(problem, n_samples, effort.jobs)
    peers = source.peers(effort.jobs, setting)
    notices.print(f"racing, {effort.rounds} rounds")
    timings = _time(make, [*entries, *ceilings], peers, effort)
    notices.print(f"planning, and {effort.epochs} epochs each for the bits")
    details = _details(make, source, entries, timings.median(REFERENCE), effort.epochs)
    details |= {entry: {"quality": peer.quality(effort.epochs)} for entry, peer in peers.items()}
    hogwild, ceiling = (
        Contestant(name, "shuffled", effort.jobs) for name in ("hogwild", "ceiling")
    )
    rows = [
        Row(
            **asdict(entry),
            seconds=timings.median(entry),
            spread=timings.quartiles(entry),
            speedup=timings.paired(entry, REFERENCE),
            over_hogwild=timings.paired(entry, hogwild),
            over_ceiling=timings.paired(entry, ceiling),
            **details.get(entry, {}),
        )
        for entry in [*entries, *ceilings, *peers]
    ]
    of_main = [entry for entry in entries if entry.engine == main]
    others = [entry for entry in entries if entry.engine in ("serial", "hogwild")]
    return {
        "setting": dict(setting),
        "samples": n_samples,
        "rows": [asdict(row) for row in rows],
        "ratios": {
            f"{name_of(entry)} / {name_of(other)}": asdict(timings.speed(entry, other))
            for entry in of_main
            for other in [*others, *ceilings, *peers]
        },
    }


def contestants(
    problem: Problem, n_samples: int, jobs: int
) -> tuple[list[Contestant], list[Contestant]]:
    """Return engines, in all orders that the problem has, and ceilings.

    Of many samples without the slow ones. Engines that are only repeatable take part with one
    worker as well, which says what their bits should be.
    """
    orders = ["shuffled"]
    if type(problem).blocked_order is not Problem.blocked_order:
        orders.append("blocked")
    left_out = _SLOW if n_samples > _MOST_SAMPLES else ()
    if left_out:
        notices.print(f"{', '.join(_SLOW)} do not take part: they are slow, and the data large")
    entries = []
    for engine in ENGINES.values():
        if problem.runs_on(engine.name) and engine.name not in left_out:
            workers = {jobs} if engine.parallel else {1}
            if engine.promise == "repeatable":
                workers |= {1}
            entries += [Contestant(engine.name, o, n) for n in sorted(workers) for o in orders]
    return entries, [Contestant("ceiling", order, jobs) for order in orders]


def name_of(entry: Contestant) -> str:
    """Return how a contestant is called in ratios."""
    alone = entry.jobs == 1 and entry.engine != "serial"
    return f"{entry.engine} {entry.order}{', 1 worker' * alone}"


def _time(
    make: Make, entries: list[Contestant], peers: dict[Contestant, Peer], effort: Effort
) -> Timings:
    """Let everyone have turns of as many epochs as make a turn of the reference long enough."""
    with ExitStack() as stack:
        runners = {
            entry: stack.enter_context(
                closing((Ceiling if entry.engine == "ceiling" else Runner)(make, entry))
            )
            for entry in entries
        }
        n = max(1, round(effort.turn / runners[REFERENCE].turn(1)))
        turns: dict[Contestant, Turn] = {e: partial(one.turn, n) for e, one in runners.items()}
        turns |= {entry: peer.turn for entry, peer in peers.items()}
        return timing.race(turns, effort.rounds)


def _details(
    make: Make, source: Source, entries: list[Contestant], unit: float, epochs: int
) -> dict[Contestant, dict[str, Any]]:
    """Return what is not about the speed of epochs: preparation (in units), bits, quality."""
    details: dict[Contestant, dict[str, Any]] = {}
    digests: dict[tuple[str, str], str] = {}  # what is expected of an engine's kind and order
    for result in compare(make, source.quality, entries, epochs, SEED):
        entry = result.contestant
        repeatable = get_engine(entry.engine).promise == "repeatable"
        key = entry.engine if repeatable else "serial", entry.order
        plan, pack = preparation(make, entry)
        details[entry] = {
            "plan_epochs": plan / unit,
            "pack_epochs": pack / unit,
            "quality": result.error,
            "equivalent": result.equivalent,
            "serial_bits": result.digest == digests.setdefault(key, result.digest),
            "digest": result.digest,
        }
    return details

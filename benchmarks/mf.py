"""Matrix factorisation: the speed of every engine, with Hogwild!, the machine and LIBMF."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from benchmarks import libmf_peer
from benchmarks.datasets import SEED, Split
from benchmarks.runners import Ceiling, Make, Runner, held_out_rmse, make_problem, preparation
from benchmarks.timing import Timings, Turn, race
from serialeq.cli.report import notices
from serialeq.engines.engine import get_engine
from serialeq.problems.mf.problem import Factorization
from serialeq.training.compare import Contestant, compare

REFERENCE = Contestant("serial", "shuffled", 1)
_PREPARATIONS = 5  # times that planning and packing are repeated
_SLOW = ("groups", "cyclades", "locked")
_MOST_SAMPLES = 5_000_000  # with which the slow ones take part: locks are planned for minutes


@dataclass(frozen=True)
class Row:
    """One contestant at one rank.

    Attributes
    ----------
    engine, order : str
        The engine, "ceiling" or "libmf"; LIBMF has an order of its own.
    jobs, factors : int
    equivalent : bool or None
        The engine promises the bits of the serial run; None: it is not an engine.
    serial_bits : bool or None
        It had them, after all epochs.
    seconds : float
        Median of an epoch.
    spread : (float, float)
        Quartiles of the same.
    ns_per_rating : float
    speedup, over_hogwild, over_ceiling : float
        Times the speed of the serial run, of Hogwild! and of independent serial runs, all in
        shuffled order; medians of the ratios within a round.
    plan_epochs, pack_epochs : float or None
        Time of planning and packing, in epochs of the serial run in shuffled order.
    rmse : float or None
        Held-out error after all epochs.
    digest : str or None
        Of the trained arrays after all epochs.
    """

    engine: str
    order: str
    jobs: int
    factors: int
    equivalent: bool | None
    serial_bits: bool | None
    seconds: float
    spread: tuple[float, float]
    ns_per_rating: float
    speedup: float
    over_hogwild: float
    over_ceiling: float
    plan_epochs: float | None = None
    pack_epochs: float | None = None
    rmse: float | None = None
    digest: str | None = None


def engine_entries(jobs: int, n_samples: int) -> list[Contestant]:
    """Return the engines and orders that are compared; of many samples, without the slow ones."""
    entries = [
        REFERENCE,
        Contestant("serial", "blocked", 1),
        Contestant("groups", "shuffled", jobs),
        Contestant("cyclades", "shuffled", jobs),
        Contestant("locked", "shuffled", jobs),
        Contestant("dataflow", "shuffled", jobs),
        Contestant("dataflow", "blocked", jobs),
        Contestant("hogwild", "shuffled", jobs),
        Contestant("hogwild", "blocked", jobs),
    ]
    if n_samples <= _MOST_SAMPLES:
        return entries
    notices.print(f"{', '.join(_SLOW)} do not take part: they are slow, and the data large")
    return [entry for entry in entries if entry.engine not in _SLOW]


def peer_entries(jobs: int, n_ratings: int) -> list[Contestant]:
    """Return LIBMF with one thread and with `jobs`, if it can take part."""
    if not libmf_peer.is_available(n_ratings):
        notices.print("libmf is not installed, or the data too small for it: it does not take part")
        return []
    return [Contestant("libmf", "own", n) for n in sorted({1, jobs})]


def name_of(entry: Contestant) -> str:
    """Return how a contestant is called in ratios."""
    if entry.engine == "libmf":
        return f"libmf {entry.jobs} thread{'s' * (entry.jobs > 1)}"
    return f"{entry.engine} {entry.order}"


def ratio_names(jobs: int) -> list[tuple[str, str]]:
    """Return the pairs whose ratio of speeds is reported, where both took part."""
    one, all_threads = (name_of(Contestant("libmf", "own", n)) for n in (1, jobs))
    return [
        ("dataflow blocked", "serial blocked"),
        ("dataflow blocked", "hogwild shuffled"),
        ("dataflow blocked", "hogwild blocked"),
        ("dataflow blocked", "ceiling shuffled"),
        ("dataflow blocked", "ceiling blocked"),
        ("dataflow shuffled", "hogwild shuffled"),
        ("serial shuffled", one),
        ("dataflow blocked", all_threads),
    ]


def measure(
    split: Split, n_factors: int, jobs: int, rounds: int, epochs: int
) -> tuple[list[Row], dict[str, Any]]:
    """Return rows and ratios of one rank."""
    peers = {
        entry: libmf_peer.Libmf(split, n_factors, entry.jobs)
        for entry in peer_entries(jobs, len(split.train))
    }
    turns: dict[str, Turn] = {name_of(e): p.seconds_per_iteration for e, p in peers.items()}

    def peer_details() -> dict[Contestant, dict[str, Any]]:
        fitted = {e: libmf_peer.Libmf(split, n_factors, e.jobs) for e in peers}
        return {e: {"equivalent": False, "rmse": p.fit(epochs)[1]} for e, p in fitted.items()}

    return race_engines(
        partial(make_problem, split, n_factors), held_out_rmse(split), n_factors,
        len(split.train), jobs, rounds, epochs, turns, peer_details,
    )  # fmt: skip


def race_engines(
    make: Make,
    error: Callable[[Factorization], float],
    n_factors: int,
    n_samples: int,
    jobs: int,
    rounds: int,
    epochs: int,
    peer_turns: dict[str, Turn],
    peer_details: Callable[[], dict[Contestant, dict[str, Any]]],
) -> tuple[list[Row], dict[str, Any]]:
    """Return rows and ratios of every engine on the problem that `make` returns, and of peers."""
    engines = engine_entries(jobs, n_samples)
    ceilings = [Contestant("ceiling", order, jobs) for order in ("shuffled", "blocked")]
    notices.print(f"rank {n_factors}: racing, {rounds} rounds")
    with ExitStack() as stack:
        turns: dict[str, Turn] = {}
        for entry in engines:
            runner = Runner(make, entry)
            stack.callback(runner.close)
            turns[name_of(entry)] = runner.turn
        for entry in ceilings:
            ceiling = Ceiling(make, entry.order, jobs)
            stack.callback(ceiling.close)
            turns[name_of(entry)] = ceiling.turn
        timings = race(turns | peer_turns, rounds)

    unit = timings.median(name_of(REFERENCE))
    details = _engine_details(make, error, n_factors, engines, epochs, unit) | peer_details()
    peers = [entry for entry in details if entry not in engines]
    rows = [
        _row(entry, n_factors, n_samples, timings, details.get(entry, {}))
        for entry in [*engines, *ceilings, *peers]
    ]
    ratios = {
        f"{a} / {b}": asdict(timings.speed(a, b))
        for a, b in ratio_names(jobs)
        if a in timings and b in timings
    }
    return rows, ratios


def _engine_details(
    make: Make,
    error: Callable[[Factorization], float],
    n_factors: int,
    entries: list[Contestant],
    epochs: int,
    unit: float,
) -> dict[Contestant, dict[str, Any]]:
    """Return what is not about the speed of epochs: preparation, bits, error."""
    notices.print(f"rank {n_factors}: planning, and {epochs} epochs each for the bits")
    details: dict[Contestant, dict[str, Any]] = {}
    for entry in entries:
        plan, pack = preparation(make, entry, _PREPARATIONS)
        details[entry] = {"plan_epochs": plan / unit, "pack_epochs": pack / unit}
    serial: dict[str, str] = {}  # digest of the serial run in each order
    for result in compare(make, error, entries, epochs, SEED):
        entry = result.contestant
        expected = serial.setdefault(entry.order, result.digest)
        details[entry] |= {
            "equivalent": get_engine(entry.engine).equivalent,
            "serial_bits": result.digest == expected,
            "rmse": result.rmse,
            "digest": result.digest,
        }
    return details


def _row(
    entry: Contestant, n_factors: int, n_ratings: int, timings: Timings, details: dict[str, Any]
) -> Row:
    name = name_of(entry)
    seconds = timings.median(name)
    return Row(
        **asdict(entry),
        factors=n_factors,
        seconds=seconds,
        spread=timings.quartiles(name),
        ns_per_rating=seconds / n_ratings * 1e9,
        speedup=timings.speed(name, name_of(REFERENCE)).paired,
        over_hogwild=timings.speed(name, "hogwild shuffled").paired,
        over_ceiling=timings.speed(name, "ceiling shuffled").paired,
        **{"equivalent": None, "serial_bits": None} | details,
    )

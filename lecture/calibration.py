"""Constants of the simulated machine, measured on the real one in one process, in turns.

- cost of a sample: the serial run;
- what a sample takes while all cores work: the workers of Hogwild! on separate problems;
- cost of waking the team: an epoch of two samples;
- cost of a wait: a serial run cut into short segments;
- cost of a hand-off: a *chain*, in which two workers run the segments of the serial order in
  turns, each waiting for the other. Nothing runs in parallel, so what a chain with short segments
  takes longer than one with long segments is hand-offs;
- cost of lines that move between cores: Hogwild! in shuffled order, which waits for nothing.

No run of an equivalent engine takes part: their speed is predicted.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from benchmarks.timing import Timings
from serialeq.order import Order
from serialeq.planning.hogwild import plan_hogwild
from serialeq.planning.prediction import DEFAULT_COSTS, CostModel
from serialeq.planning.schedule import Schedule, assemble
from serialeq.planning.serial import plan_serial

from .runs import Racer, Run, SideBySide
from .simulator import Machine, find_moves, simulate
from .stragglers import generator
from .workloads import Workload

Key = tuple[str, str]
"""Kind of order, engine."""

SHORT, LONG = 8, 512
"""Samples in a segment of a chain, on average."""

_READING = 0.5  # of a hand-off: the line of the counter has to move there and back


@dataclass(frozen=True)
class Calibration:
    """What was measured (nanoseconds).

    Attributes
    ----------
    costs : CostModel
        With the cost of a sample in a serial run in shuffled order.
    sample : dict of str to float
        The same by kind of order.
    busy : dict of str to float
        By kind of order: how many times as long a sample takes while all cores work.
    """

    costs: CostModel
    sample: dict[str, float]
    busy: dict[str, float]


def plan_chain(order: Order, n_workers: int, length: int, with_times: bool = False) -> Schedule:
    """Plan segments of a fine order, `length` samples on average, dealt to the workers in turns.

    Each waits for the one before: a serial run that changes hands. Lengths are random, as cores
    predict where loops of one length end.
    """
    n = order.n_steps
    first = np.cumsum(generator(0, length).integers(1, 2 * length, n // length * 2 + 2))
    first = first[first < n]
    workers = (np.searchsorted(first, np.arange(n), side="right") % n_workers).astype(np.uint16)
    return assemble(order, n_workers, workers, (first, first - 1), with_times=with_times)


def serial_runs(workload: Workload, orders: dict[str, Order]) -> dict[str | Key, Racer]:
    """Return the serial run in each order, by ``"shuffled"`` and ``"blocked"``."""
    timed = workload.make().timed
    return {name: Run(workload.make(), plan_serial(o, 1, timed)) for name, o in orders.items()}


def calibration_runs(
    workload: Workload, orders: dict[str, Order], n_jobs: int
) -> dict[str | Key, Racer]:
    """Return what has to be raced, together with `serial_runs`, on two cores or more."""
    order = orders["shuffled"]
    timed = workload.make().timed
    plans = {
        "segments": plan_chain(order, 1, SHORT, timed),
        "short chain": plan_chain(order, 2, SHORT, timed),
        "long chain": plan_chain(order, 2, LONG, timed),
        "launch": plan_hogwild(replace(order, sequence=order.sequence[:2]), 2, timed),
        "free": plan_hogwild(order, n_jobs, timed),
    }
    runs: dict[str | Key, Racer] = {
        name: Run(workload.make(), plan) for name, plan in plans.items()
    }
    for name, own in orders.items():
        problems = [workload.make() for _ in range(n_jobs)]
        runs[f"{name}, side by side"] = SideBySide(problems, plan_hogwild(own, n_jobs, timed))
    return runs


def solve(
    workload: Workload, orders: dict[str, Order], n_jobs: int, timings: Timings
) -> Calibration:
    """Return the constants that explain the times of `serial_runs` and `calibration_runs`.

    On one core all but the cost of a sample are those of `DEFAULT_COSTS`.
    """
    order = orders["shuffled"]
    n = order.n_samples
    sample = {name: 1e9 * timings.median(name) / n for name in orders}
    costs = replace(DEFAULT_COSTS, sample=sample["shuffled"])
    if n_jobs == 1:
        return Calibration(costs, sample, dict.fromkeys(orders, 1.0))

    def total(name: str, serial: str = "shuffled") -> float:
        return sample[serial] * n / timings.speed(name, serial).paired

    launch = 1e9 * timings.median("launch")
    busy = {
        name: n_jobs * (total(f"{name}, side by side", name) - launch) / (sample[name] * n)
        for name in orders
    }
    handoffs = {length: plan_chain(order, 2, length).n_waits for length in (SHORT, LONG)}
    wait = max(0.0, (total("segments") - total("shuffled")) / handoffs[SHORT])
    chains = (total("short chain") - total("long chain")) / (handoffs[SHORT] - handoffs[LONG])
    free = plan_hogwild(order, n_jobs)
    unit = np.ones(n)
    lines, nodes = workload.lines(workload.make()), np.zeros(n_jobs, dtype=np.int64)
    moves = int(find_moves(free, simulate(free, unit), unit, lines, nodes).sum())
    extra = n_jobs * (total("free") - launch) - busy["shuffled"] * sample["shuffled"] * n
    costs = replace(
        costs,
        wait=wait,
        handoff=max(0.0, chains - wait),
        transfer=max(0.0, extra / max(moves, 1)),
        launch=launch,
    )
    return Calibration(costs, sample, busy)


def predict_time(
    calibration: Calibration, workload: Workload, order: Order, schedule: Schedule,
    n_nodes: int = 1, remote: float = 1.0,
) -> float:  # fmt: skip
    """Return the simulated nanoseconds of an epoch (see `Machine` for nodes)."""
    kind = "blocked" if order.name == "blocked" else "shuffled"
    if schedule.n_workers == 1:
        times = np.full(order.n_samples, calibration.sample[kind])
        return simulate(schedule, times, Machine(calibration.costs)).makespan
    times = np.full(order.n_samples, calibration.sample[kind] * calibration.busy[kind])
    machine = Machine(calibration.costs, n_nodes, remote, _READING)
    return simulate(schedule, times, machine, workload.lines(workload.make())).makespan

"""Constants of the simulated machine, measured on the real one in one process, in turns.

- cost of a sample: the serial run;
- what a sample takes while all cores work: independent serial runs side by side, each of its
  share of the samples;
- cost of waking the team: an epoch of two samples;
- cost of a wait: a serial run cut into short segments;
- cost of a hand-off, and of a line that moves: a *chain*, in which two workers run the segments of
  the serial order in turns, each waiting for the other. Nothing runs in parallel, so what a chain
  takes longer than the serial run is hand-offs and moved lines; long and short segments tell them
  apart.

No run of an engine takes part: its speed is predicted.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from serialeq.order import Order
from serialeq.planning.prediction import DEFAULT_COSTS, CostModel
from serialeq.planning.schedule import Schedule, assemble
from serialeq.planning.serial import plan_free, plan_serial

from .runs import Run, SideBySide, paired_speed, race
from .simulator import Machine, count_moves, simulate
from .workloads import Workload, make_order

SHORT, LONG = 8, 512
"""Samples in a segment of a chain."""


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

    def machine(self, n_nodes: int = 1, remote: float = 1.0) -> Machine:
        """Return the machine to be simulated."""
        return Machine(self.costs, n_nodes, remote)


def plan_chain(order: Order, n_workers: int, length: int, with_times: bool = False) -> Schedule:
    """Plan segments of `length` samples of a fine order, dealt to the workers in turns.

    Each waits for the one before: a serial run that changes hands.
    """
    steps = np.arange(order.n_steps)
    first = steps[length::length]
    workers = (steps // length % n_workers).astype(np.uint16)
    return assemble(order, n_workers, workers, (first, first - 1), with_times=with_times)


def calibrate(workload: Workload, n_jobs: int, rounds: int, seed: int) -> Calibration:
    """Measure a workload's constants; with one core, those of `DEFAULT_COSTS` but the sample's."""
    timed = workload.make().timed
    order = make_order(workload.make(), "shuffled", seed)
    orders = {"shuffled": order}
    if workload.has_blocks:
        orders["blocked"] = make_order(workload.make(), "blocked", seed)

    def serial(own: Order) -> Run:
        return Run(workload.make(), plan_serial(own, 1, timed))

    def chain(n_workers: int, length: int) -> Run:
        return Run(workload.make(), plan_chain(order, n_workers, length, timed))

    contestants: dict[str, Run | SideBySide] = {name: serial(own) for name, own in orders.items()}
    if n_jobs > 1:
        for name, own in orders.items():
            shares = [serial(share) for share in _shares(own, n_jobs)]
            contestants[f"{name}, side by side"] = SideBySide(shares)
        tiny = replace(order, sequence=order.sequence[:2])
        contestants |= {
            "segments": chain(1, SHORT),
            "short chain": chain(2, SHORT),
            "long chain": chain(2, LONG),
            "launch": Run(workload.make(), plan_free(tiny, 2, timed)),
        }
    seconds = race(contestants, rounds)
    each = {
        name: 1e9 * float(np.median(times)) / order.n_samples for name, times in seconds.items()
    }
    sample = {name: each[name] for name in orders}
    if n_jobs == 1:
        costs = replace(DEFAULT_COSTS, sample=each["shuffled"])
        return Calibration(costs, sample, dict.fromkeys(orders, 1.0))
    busy = {name: n_jobs / paired_speed(seconds, f"{name}, side by side", name) for name in orders}
    return Calibration(_solve(each, order, workload), sample, busy)


def _shares(order: Order, n_shares: int) -> list[Order]:
    """Return an order's contiguous parts, each an order of its own."""
    return [replace(order, sequence=part) for part in np.array_split(order.sequence, n_shares)]


def _solve(each: dict[str, float], order: Order, workload: Workload) -> CostModel:
    """Return the costs that explain the nanoseconds per sample of serial run and chains."""
    lines = workload.lines(workload.make())
    handoffs, moves = np.zeros(2), np.zeros(2)
    for i, length in enumerate((SHORT, LONG)):
        schedule = plan_chain(order, 2, length)
        handoffs[i] = schedule.n_waits / order.n_samples
        unit = np.ones(order.n_samples)
        moved = count_moves(schedule, simulate(schedule, unit), unit, lines, np.zeros(2, np.int64))
        moves[i] = moved.sum() / order.n_samples
    wait = max(0.0, float((each["segments"] - each["shuffled"]) / handoffs[0]))
    extra = np.array([each["short chain"], each["long chain"]]) - each["shuffled"]
    extra -= wait * handoffs
    handoff, transfer = np.linalg.solve(np.stack([handoffs, moves], axis=1), extra)
    return replace(
        DEFAULT_COSTS,
        sample=each["shuffled"],
        wait=wait,
        handoff=max(0.0, float(handoff)),
        transfer=max(0.0, float(transfer)),
        launch=each["launch"] * order.n_samples,
    )


def predict_time(
    calibration: Calibration, workload: Workload, order: Order, schedule: Schedule,
    n_nodes: int = 1, remote: float = 1.0,
) -> float:  # fmt: skip
    """Return the simulated nanoseconds of an epoch."""
    kind = "blocked" if order.name == "blocked" else "shuffled"
    each = calibration.sample[kind]
    if schedule.n_workers > 1:
        each *= calibration.busy[kind]
    times = np.full(order.n_samples, each)
    lines = workload.lines(workload.make()) if schedule.n_workers > 1 else None
    return simulate(schedule, times, calibration.machine(n_nodes, remote), lines).makespan

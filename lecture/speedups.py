"""The lecture's speedup plots: measured on the cores at hand, simulated beyond."""

from __future__ import annotations

from dataclasses import dataclass

from serialeq.engines.engine import get_engine
from serialeq.order import Order
from serialeq.planning.schedule import Schedule
from serialeq.problem import Problem
from serialeq.problems.linear.problem import LinearModel

from .calibration import Calibration, Key, calibration_runs, predict_time, serial_runs, solve
from .runs import Racer, Run, SessionRun, race, settled
from .workloads import Workload, make_order

WORKERS = (1, 2, 4, 8, 16, 32, 64)
"""Numbers of workers that are simulated."""

ENGINES = ("hogwild", "locked", "cyclades", "dataflow")


@dataclass(frozen=True)
class Speedups:
    """Speedups of engines over serial runs.

    Attributes
    ----------
    workload : Workload
    calibration : Calibration
    n_jobs : int
        Workers of the measured runs.
    measured : dict of (order, engine) to float
        With `n_jobs` workers, over the serial run in shuffled order; empty on one core.
    simulated : dict of (order, engine) to list of float
        The same for each of `WORKERS`.
    """

    workload: Workload
    calibration: Calibration
    n_jobs: int
    measured: dict[Key, float]
    simulated: dict[Key, list[float]]

    def checks(self) -> list[tuple[Key, float, float]]:
        """Return engine, measured and predicted speedup, each over serial in the same order.

        The measured `n_jobs` have to be among `WORKERS`.
        """
        if self.n_jobs not in WORKERS:
            return []
        place = WORKERS.index(self.n_jobs)
        sample = self.calibration.sample
        return [
            (key, speed * ratio, self.simulated[key][place] * ratio)
            for key, speed in self.measured.items()
            if key in self.simulated
            for ratio in [sample.get(key[0], sample["shuffled"]) / sample["shuffled"]]
        ]


def measure_speedups(
    workload: Workload, n_jobs: int, rounds: int, seed: int, lattice: Workload | None = None
) -> Speedups:
    """Race all engines and the runs for calibration; then simulate.

    Parameters
    ----------
    workload : Workload
    n_jobs, rounds, seed : int
    lattice : Workload, optional
        The same linear model with exact sums, which runs on lookahead.
    """
    problem = workload.make()
    kinds = ("shuffled", "blocked") if workload.has_blocks else ("shuffled",)
    orders = {kind: make_order(problem, kind, seed) for kind in kinds}
    workload = settled(workload, orders["shuffled"])
    keys = [("shuffled", engine) for engine in ENGINES]
    keys += [("blocked", "dataflow")] if workload.has_blocks else []
    racers: dict[str | Key, Racer] = serial_runs(workload, orders)
    if n_jobs > 1:
        racers |= calibration_runs(workload, orders, n_jobs)
        for kind, engine in keys:
            schedule = _plan(engine, orders[kind], n_jobs, problem)
            racers[kind, engine] = Run(workload.make(), schedule)
        if lattice is not None:
            like = settled(lattice, orders["shuffled"])
            racers["two-level", "lookahead"] = SessionRun(like.make(), "lookahead", n_jobs, seed)
    timings = race(racers, rounds)
    calibration = solve(workload, orders, n_jobs, timings)
    measured = {
        name: timings.speed(name, "shuffled").paired for name in racers if isinstance(name, tuple)
    }
    serial = calibration.sample["shuffled"] * orders["shuffled"].n_samples
    simulated = {
        (kind, engine): [
            serial
            / predict_time(
                calibration, workload, orders[kind], _plan(engine, orders[kind], p, problem)
            )
            for p in WORKERS
        ]
        for kind, engine in keys
    }
    if lattice is not None:
        model = lattice.make()
        assert isinstance(model, LinearModel)
        simulated["two-level", "lookahead"] = lookahead_speedups(model)
    return Speedups(workload, calibration, n_jobs, measured, simulated)


def lookahead_speedups(model: LinearModel) -> list[float]:
    """Return the speedups that the cost model of `serialeq.problems.linear.cost` predicts."""
    cost = model.cost
    return [cost.serial() / cost.lookahead(model.block, p) if p > 1 else 1.0 for p in WORKERS]


def _plan(engine: str, order: Order, n_workers: int, problem: Problem) -> Schedule:
    plan = get_engine(engine).plan
    assert plan is not None
    return plan(order, n_workers, problem.timed)

"""``serialeq plan KIND``: how parallel training can be, before it is done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from . import options as o

if TYPE_CHECKING:
    from serialeq.order import Order
    from serialeq.problem import Problem
    from serialeq.problems.registry import Kind

OPTIONS: dict[str, tuple[Any, Any]] = {"plot": (o.Plot, None), "as_json": (o.Json, False)}
_WORKERS = [2**k for k in range(11)]


def plan(context: typer.Context) -> None:
    """Say how much parallelism there is: conflicts, critical path, predicted speedups."""
    if context.invoked_subcommand is None:
        print(context.get_help())
        raise typer.Exit(2)


def start(kind: Kind, given: Mapping[str, Any], options: Mapping[str, Any]) -> None:
    """Read what a training of the kind would, and tell what can be told beforehand."""
    from serialeq.native.team import WorkerTeam, available_cores, count_workers
    from serialeq.training.session import OrderSource

    from .report import notices, print_json
    from .train import make_job

    job = make_job(kind, given)
    data = job.command.read(job.estimator)
    notices.print(data.summary)
    problem = job.estimator.problem(*data.arguments)
    seed, names = job.estimator.seed_, dict.fromkeys(("shuffled", job.estimator.order))
    with WorkerTeam(min(count_workers(job.estimator.n_jobs), available_cores())) as team:
        orders = {name: OrderSource(problem, name, seed, team).epoch(0) for name in names}
        content = _content(problem, orders, seed, team.n_workers)
    if options["plot"] is not None:
        plot_predictions(content["rows"], options["plot"], content["engine"])
    if options["as_json"]:
        print_json({"kind": kind.word} | content)
    else:
        _show(content)


def _content(
    problem: Problem, orders: dict[str, Order], seed: int, n_workers: int
) -> dict[str, Any]:
    from serialeq.planning.prediction import critical_path

    statistics = problem.hypergraph.statistics(seed)
    lengths = {name: critical_path(order) for name, order in orders.items()}
    derived = {
        "conflict_probability": statistics.conflict_probability,
        "tau_bound": statistics.tau_bound if statistics.mean_degree else None,
    }
    return {
        "engine": problem.parallel_engine,
        "statistics": asdict(statistics) | derived,
        "critical_path": lengths,
        "at_most": {
            name: order.n_samples / max(lengths[name], 1) for name, order in orders.items()
        },
        "facts": problem.facts(n_workers),
        "rows": [
            {"order": name, "jobs": p, "predicted_speedup": problem.predicted_speedup(order, p)}
            for name, order in orders.items()
            for p in _WORKERS
        ],
    }


def _show(content: dict[str, Any]) -> None:
    from .report import print_table

    s = content["statistics"]
    about = "" if s["exact"] else " (estimated from 2,000 samples)"
    lines = {
        "samples n": f"{s['n_samples']:,}",
        "variables": f"{s['n_variables']:,}",
        "mean conflict degree": f"{s['mean_degree']:,.1f}{about}",
        "largest conflict degree": f"{s['max_degree']:,}{about}",
        "Pr(two samples conflict)": f"{s['conflict_probability']:.2e}",
        "largest support (Omega)": f"{s['omega']}",
        "rho": f"{s['rho']:.2e}",
        "hottest variable": f"in {s['hottest_degree']:,} samples",
    }
    if s["tau_bound"] is not None:
        lines["Hogwild!'s bound n/(2 mean)"] = f"{s['tau_bound']:,.0f} overlapping samples"
    for name, length in content["critical_path"].items():
        most = content["at_most"][name]
        lines[f"critical path, {name}"] = f"{length:,} updates: at most {most:,.1f} x"
    for label, text in (lines | content["facts"]).items():
        print(f"{label:<29} {text}")
    orders = list(content["critical_path"])
    speedups = {(row["order"], row["jobs"]): row["predicted_speedup"] for row in content["rows"]}
    print_table(
        f"Predicted speedup of the {content['engine']} engine over serial (cost model)",
        ["workers", *orders],
        [[str(p), *(f"{speedups[name, p]:.2f}" for name in orders)] for p in _WORKERS],
    )


def plot_predictions(rows: list[dict[str, Any]], path: Path, engine: str) -> None:
    """Draw predicted speedup over workers, one curve per order, into a file."""
    from serialeq.problems.figure import new_figure, save_figure

    figure = new_figure(6, 4)
    axes = figure.add_subplot()
    axes.plot(_WORKERS, _WORKERS, color="0.7", linestyle=":", label="ideal")
    for order in dict.fromkeys(row["order"] for row in rows):
        speedups = [row["predicted_speedup"] for row in rows if row["order"] == order]
        axes.plot(_WORKERS, speedups, marker="o", label=order)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log", base=2)
    axes.set_ylim(0.5, 2 * max(row["predicted_speedup"] for row in rows))
    axes.set(
        xlabel="workers",
        ylabel="predicted speedup over serial",
        title=f"Engine {engine}, cost model",
    )
    axes.legend(frameon=False)
    save_figure(figure, path)

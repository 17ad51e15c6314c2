"""The command line's ``serialeq plan``: how parallel training can be, before it is done."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from serialeq.errors import SerialeqError

from .options import (
    Alpha,
    BlockSize,
    Features,
    HashedFeatures,
    Jobs,
    Json,
    Loss,
    Regression,
    Seed,
    Text,
)

_SUFFIXES = (".svm", ".svmlight", ".libsvm")
_DENSE = 0.1  # share of all pairs of samples that conflict


def plan(
    data: Annotated[
        Path | None, typer.Argument(help="Ratings as for train mf, or svmlight for train linear.")
    ] = None,
    text: Text = None,
    kind: Annotated[
        str | None,
        typer.Option(help="ratings or linear; by default linear for .svm, .svmlight, .libsvm."),
    ] = None,
    factors: Annotated[int, typer.Option(help="Rank.")] = 32,
    features: Features = None,
    hashed_features: HashedFeatures = 1 << 18,
    regression: Regression = False,
    loss: Loss = None,
    alpha: Alpha = 1e-4,
    block_size: BlockSize = None,
    jobs: Jobs = None,
    seed: Seed = 0,
    plot: Annotated[Path | None, typer.Option(help="Write a picture (png, svg, pdf).")] = None,
    as_json: Json = False,
) -> None:
    """Say how much parallelism there is: conflicts, critical path, predicted speedups."""
    from .report import notices

    kind, reason = _find_kind(data, text, kind)
    notices.print(f"{kind} ({reason})")
    if kind == "linear":
        _plan_linear(
            data, text, features, hashed_features, regression, loss, alpha, block_size, jobs,
            seed, plot, as_json,
        )  # fmt: skip
        return
    if regression or any(option is not None for option in (features, loss, block_size)):
        raise SerialeqError("kind: expected linear with options of linear models, got ratings")
    assert data is not None
    _plan_ratings(data, factors, seed, plot, as_json)


def _plan_ratings(ratings: Path, factors: int, seed: int, plot: Path | None, as_json: bool) -> None:
    from serialeq.planning.prediction import critical_path
    from serialeq.planning.prediction import predict as predict_speedup
    from serialeq.problems.mf.problem import Factorization
    from serialeq.problems.mf.reading import read_ratings
    from serialeq.problems.mf.training import FactorizationParameters
    from serialeq.training.session import OrderSource

    from .report import notices, print_json, print_table

    FactorizationParameters(n_factors=factors, seed=seed).check()
    data = read_ratings(ratings)
    notices.print(f"{len(data):,} ratings of {data.n_users:,} users and {data.n_items:,} items")
    problem = Factorization(data.users, data.items, data.values, data.shape, n_factors=factors)
    statistics = problem.hypergraph.statistics(seed)
    workers = [2**k for k in range(11)]
    orders = {name: OrderSource(problem, name, seed).epoch(0) for name in ("shuffled", "blocked")}
    speedups = {
        (name, p): predict_speedup(order, p).speedup
        for name, order in orders.items()
        for p in workers
    }
    content: dict[str, Any] = {
        "statistics": asdict(statistics)
        | {
            "conflict_probability": statistics.conflict_probability,
            "tau_bound": statistics.tau_bound if statistics.mean_degree else None,
        },
        "critical_path": {name: critical_path(order) for name, order in orders.items()},
        "rows": [
            {"order": name, "jobs": p, "predicted_speedup": speedup}
            for (name, p), speedup in speedups.items()
        ],
    }
    if plot is not None:
        from serialeq.problems.figure import plot_predictions

        plot_predictions(content["rows"], plot)
    if as_json:
        print_json(content)
        return
    about = "" if statistics.exact else " (estimated from 2,000 samples)"
    print(f"samples n                     {statistics.n_samples:,}")
    print(f"variables                     {statistics.n_variables:,}")
    print(f"mean conflict degree          {statistics.mean_degree:,.1f}{about}")
    print(f"largest conflict degree       {statistics.max_degree:,}{about}")
    print(f"Pr(two samples conflict)      {statistics.conflict_probability:.2e}")
    print(f"largest support (Omega)       {statistics.omega}")
    print(f"rho                           {statistics.rho:.2e}")
    print(f"hottest variable              in {statistics.hottest_degree:,} samples")
    print(f"Hogwild!'s bound n/(2 mean)   {statistics.tau_bound:,.0f} overlapping samples")
    for name, order in orders.items():
        length = content["critical_path"][name]
        most = order.n_samples / length
        print(f"critical path, {name:<14} {length:,} updates: at most {most:,.1f} x")
    print_table(
        "Predicted speedup of the dataflow engine over serial (simulated, cost model)",
        ["workers", *orders],
        [[str(p), *(f"{speedups[name, p]:.2f}" for name in orders)] for p in workers],
    )


def _find_kind(data: Path | None, text: Path | None, kind: str | None) -> tuple[str, str]:
    """Return "ratings" or "linear", and why."""
    if kind not in (None, "ratings", "linear"):
        raise SerialeqError(f"kind: expected one of ratings, linear, got {kind!r}")
    if (data is None) == (text is None):
        raise SerialeqError("plan: expected either a file of ratings or svmlight, or --text FILE")
    if text is not None:
        if kind == "ratings":
            raise SerialeqError("kind: expected linear with --text, got 'ratings'")
        return "linear", "--text"
    if kind is not None:
        return kind, "as asked"
    suffixes = [s for s in data.suffixes if s not in (".gz", ".bz2")] if data else []
    if suffixes and suffixes[-1] in _SUFFIXES:
        return "linear", f"as the name ends in {suffixes[-1]}"
    return "ratings", f"as the name does not end in {', '.join(_SUFFIXES)}"


def _plan_linear(
    data: Path | None,
    text: Path | None,
    features: str | None,
    hashed_features: int,
    regression: bool,
    loss: str | None,
    alpha: float,
    block_size: int | None,
    jobs: int | None,
    seed: int,
    plot: Path | None,
    as_json: bool,
) -> None:
    """Say that all conflicts with all, and what lookahead will do about it."""
    import numpy as np

    from serialeq.hypergraph import Hypergraph
    from serialeq.native.team import WorkerTeam, available_cores, count_workers
    from serialeq.problems.linear.command import lattice_told, make_estimator, memory_told
    from serialeq.reading.samples import errors_named, read_training
    from serialeq.training.session import OrderSource

    from .report import notices, print_json, print_table

    given = {"loss": loss, "alpha": alpha, "block_size": block_size, "random_state": seed}
    estimator = make_estimator(regression, given | {"n_jobs": jobs})
    read = read_training(data, text, features, hashed_features, regression, 0.0, seed)
    X = read.X
    n_samples, n_features = X.shape
    notices.print(read.described)
    n_classes = 2 if regression else np.unique(read.y).size
    n_outputs = 1 if n_classes == 2 else n_classes
    with WorkerTeam(1) as team, errors_named(read.path):
        problem = estimator._problem(X, np.zeros((n_samples, n_outputs)), None, team)
        order = OrderSource(problem, "reshuffled", seed).epoch(0)
        workers = [2**k for k in range(11)]
        speedups = [problem.predicted_speedup(order, p) for p in workers]
    statistics = Hypergraph(X.indices, X.indptr, n_features).statistics(seed)
    n_workers = count_workers(jobs)
    plan_bytes = problem.cost.memory(problem.block, n_workers, min(n_workers, available_cores()))
    lattice = problem.lattice
    share = statistics.hottest_degree / n_samples
    is_dense = statistics.conflict_probability >= _DENSE
    content: dict[str, Any] = {
        "kind": "linear",
        "statistics": asdict(statistics)
        | {
            "conflict_probability": statistics.conflict_probability,
            "tau_bound": statistics.tau_bound if statistics.mean_degree else None,
            "hottest_share": share,
            "dense": is_dense,
        },
        "lookahead": {
            "block": problem.block,
            "blocks": -(-n_samples // problem.block),
            "outputs": n_outputs,
            "feature_bits": lattice.feature_bits,
            "factor_bits": lattice.factor_bits,
            "feature_scale": lattice.scale,
            "plan_bytes": plan_bytes,
            "jobs": n_workers,
        },
        "rows": [
            {"order": order.name, "jobs": p, "predicted_speedup": speedup}
            for p, speedup in zip(workers, speedups, strict=True)
        ],
    }
    if plot is not None:
        from serialeq.problems.figure import plot_predictions

        plot_predictions(content["rows"], plot, "Lookahead engine, cost model")
    if as_json:
        print_json(content)
        return
    about = "" if statistics.exact else " (estimated from 2,000 samples)"
    told = content["lookahead"]
    print(f"samples n                     {n_samples:,}")
    print(f"features                      {n_features:,}, {X.nnz / n_samples:,.1f} per sample")
    print(f"mean conflict degree          {statistics.mean_degree:,.1f}{about}")
    print(f"Pr(two samples conflict)      {statistics.conflict_probability:.2e}")
    print(
        f"hottest feature               in {statistics.hottest_degree:,} samples "
        f"({100 * share:.1f} %)"
    )
    most = n_samples / max(statistics.hottest_degree, 1)
    pairs = f"{100 * statistics.conflict_probability:.1f} % of all pairs conflict"
    print(f"conflict graph                {'dense' if is_dense else 'sparse'}: {pairs}")
    print(f"schedules of disjoint samples at most {most:,.1f} x, and 1 x with an intercept")
    print(f"lookahead                     {told['blocks']:,} blocks of {told['block']} samples")
    print(f"lattice                       {lattice_told(lattice)}")
    print(f"memory of the plan            {memory_told(plan_bytes)}, {n_workers} workers")
    print(f"predicted speedup             of lookahead over serial, {estimator.loss}, cost model:")
    print_table(
        "",
        ["workers", "speedup"],
        [[str(p), f"{speedup:.2f}"] for p, speedup in zip(workers, speedups, strict=True)],
    )

"""The page on methods before and beside Hogwild!, on real data."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from serialeq.training.fit import fit

from .barriers import NAMES
from .baselines.compare import Outcome, methods, run_methods
from .baselines.fixed_point import PageRank, random_links
from .charts import Curve, Panel, chart
from .page import Figure, Section, Table
from .ridge import SparseRidge
from .settings import Settings


def digits_ridge() -> SparseRidge:
    """Return "is it a zero?" on handwritten digits (UCI; scikit-learn brings them along)."""
    from sklearn.datasets import load_digits

    X, digit = load_digits(return_X_y=True)
    X = X / np.sqrt((X**2).sum(axis=1, keepdims=True))
    return SparseRidge(X, np.where(digit == 0, 1.0, -1.0), 1e-3)


def baseline_sections(settings: Settings) -> list[Section]:
    """Return the section on historical methods."""
    ridge = digits_ridge()
    n_epochs = 15 if settings.quick else 60
    chosen = methods(ridge, 0.1, 0.9 if settings.quick else 0.97, seed=settings.seed)
    outcomes = run_methods(ridge, chosen, n_epochs, settings.n_jobs, settings.seed)
    stats = ridge.hypergraph.statistics()
    return [
        Section(
            "baselines",
            "Before and beside Hogwild!: the methods of the reading list",
            [
                f"<p>Ridge regression on real data: {ridge.n_samples:,} handwritten digits of "
                f"{ridge.n_variables} pixels, “is it a zero?”. Every method is a "
                f"<code>serialeq.Problem</code>, runs through <code>serialeq.fit</code> in the "
                f"same orders, from the same start, with the same step (mini-batches with one that "
                f"is as many times longer). The data are dense (Δ̄ = {stats.mean_degree:.0f} of "
                f"{ridge.n_samples - 1:,}), so this compares what the methods do to convergence. "
                f"Delays of simulated workers are part of the method, and repeatable; what ran on "
                f"real workers is marked measured.</p>",
                excess_figure(outcomes),
                outcome_table(outcomes),
                page_rank_figure(settings),
                "<p>PageRank as an asynchronous fixed point: the update contracts in the maximum "
                "norm, so any order and any bounded delay converge to the same vector, and "
                "Hogwild! harms nothing but the last bits. Dataflow gives those of the serial "
                "sweep.</p>",
            ],
        )
    ]


def excess_figure(outcomes: Sequence[Outcome]) -> Figure:
    """Return the objective above its minimum over epochs."""
    apart = [o for o in outcomes if o.method == "SGD" or o.kind.startswith("simulated")]
    beside = [o for o in outcomes if o not in apart and not _is_twin(o, outcomes)]

    def panel(title: str, chosen: Sequence[Outcome], first: int) -> Panel:
        curves = [
            Curve(
                o.method,
                range(1, len(o.excess) + 1),
                [max(value, 1e-14) for value in o.excess],
                "simulated" if o.kind.startswith("simulated") else "measured",
                first + i,
            )
            for i, o in enumerate(chosen)
        ]
        label = "objective above the minimum"
        return Panel("epochs", label, curves, title, log_y=10)

    return chart(
        "baselines",
        "The methods on the digits. Dashed: workers are simulated.",
        [panel("delays, simulated", apart, 0), panel("measured", beside, 1)],
    )


def _is_twin(outcome: Outcome, outcomes: Sequence[Outcome]) -> bool:
    """Return whether the method is there without races as well."""
    names = {o.method for o in outcomes}
    return outcome.racing and outcome.method.removesuffix(", racing") in names - {outcome.method}


def outcome_table(outcomes: Sequence[Outcome]) -> Table:
    """Return where each method ended."""
    return Table(
        f"After {len(outcomes[0].excess)} epochs",
        ("method", "source", "run", "objective above the minimum", "digest"),
        [[o.method, o.source, o.kind, o.excess[-1], o.digest[:12]] for o in outcomes],
    )


def page_rank_figure(settings: Settings) -> Figure:
    """Return how far PageRank is from its fixed point, sweep by sweep."""
    links = random_links(5_000 if settings.quick else 100_000, 6, settings.seed)
    curves = []
    for engine in ("dataflow", "hogwild"):
        fitted = fit(
            PageRank(links), n_epochs=20, engine=engine, n_jobs=settings.n_jobs, seed=settings.seed
        )
        left = [record.loss for record in fitted.history if record.loss is not None]
        curves.append(Curve(NAMES.get(engine, engine), range(1, 21), left))
    return chart(
        "page-rank",
        f"Asynchronous PageRank of a generated web of {links.shape[0]:,} pages.",
        [Panel("sweeps", "what an update would change, summed", curves, log_y=10)],
    )

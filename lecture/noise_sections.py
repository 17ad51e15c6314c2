"""The page on asynchrony noise: the identity, both terms, conflicts, delays, torn reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from serialeq.hypergraph import Hypergraph

from .charts import Curve, Panel, chart
from .formulas import CONFLICT, PERTURBED_ITERATE, RECURSION
from .noise import (
    Noise,
    conflict_probability,
    first_bound,
    measure_noise,
    second_bound,
    simulate,
)
from .page import Figure, Section, Table
from .ridge import SparseRidge, random_ridge, shared_ridge
from .settings import Settings
from .timeline import TIMELINES, make_timeline, random_draws
from .torn_reads import torn_reads

RATIOS = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
"""Delays, in units of n / 2Δ̄."""


@dataclass(frozen=True)
class Delay:
    """One run of the sweep over τ.

    Attributes
    ----------
    kind : str
        Of the timeline.
    ratio : float
        τ in units of n / 2Δ̄.
    tau : int
    noise : Noise
    """

    kind: str
    ratio: float
    tau: int
    noise: Noise

    @property
    def error(self) -> float:
        """|x_k − x*|² over |x_0 − x*|², the mean of the last tenth; at most 1e9 (diverged)."""
        distances = self.noise.distances
        last = distances[-max(distances.size // 10, 1) :]
        if not np.isfinite(last).all():
            return 1e9
        return min(float(last.mean() / distances[0]), 1e9)


def sweep(
    ridge: SparseRidge,
    step: float,
    n_draws: int,
    ratios: Sequence[float] = RATIOS,
    kinds: Sequence[str] = TIMELINES,
    seed: int = 0,
) -> list[Delay]:
    """Run every kind of timeline at every delay, with the same draws."""
    draws = random_draws(ridge.n_samples, n_draws, seed)
    bound = ridge.hypergraph.statistics().tau_bound
    delays = []
    for kind in kinds:
        for ratio in ratios:
            tau = round(ratio * bound)
            timeline = make_timeline(ridge.hypergraph, draws, tau, kind, seed)
            noise = measure_noise(simulate(ridge, timeline, step), ridge.optimum)
            delays.append(Delay(kind, tau / bound, tau, noise))
    return delays


def noise_sections(settings: Settings) -> list[Section]:
    """Return the section on asynchrony noise."""
    n_draws = 4_000 if settings.quick else 20_000
    sparse = random_ridge(2_000, 600, 3, l2=1e-3, seed=settings.seed)
    shared = shared_ridge(2_000, 40)
    few = sweep(sparse, 0.5, n_draws, seed=settings.seed)
    many = sweep(shared, 0.4, n_draws, seed=settings.seed)
    stats, hub = sparse.hypergraph.statistics(), shared.hypergraph.statistics()
    worst = max(delay.noise.identity_error for delay in [*few, *many])
    parts: list[str | Table | Figure] = [
        f"<p>A run of Hogwild! in slow motion: every single read and add has a place in time, up "
        f"to τ other samples overlap with a sample on either side, and what is in memory when a "
        f"sample reads is what it uses. Reads and adds come at <em>random</em> times; or as late "
        f"as they may, so that the last τ samples are unseen (<em>stale</em>); or every other "
        f"sample reads at the end of its time and sees the <em>future</em> (ahead). The lecture's "
        f"identity of the perturbed iterate,</p>{PERTURBED_ITERATE}<p>with the matrices S read off "
        f"the timeline, held in all {len(few) + len(many)} runs of {n_draws:,} samples to "
        f"{worst:.1g} of the largest number in memory. Two generated regressions: one whose "
        f"samples have 3 random variables of 600 (Δ̄ = {stats.mean_degree:.1f}, n/2Δ̄ = "
        f"{stats.tau_bound:.1f}), and one where {hub.mean_degree + 1:.0f} samples share each "
        f"variable (Δ̄ = {hub.mean_degree:.0f}, n/2Δ̄ = {hub.tau_bound:.1f}).</p>",
        f"<p>The distance a to the minimum then obeys</p>{RECURSION}<p>whose last two terms are "
        "the noise, R₂ and R₁. They matter unless they are below γ²M²; the slide's condition "
        f"for it is</p>{CONFLICT}",
        _terms(sparse, few),
        "<p>Both terms stay far below their bounds, which take all gradients for the largest and "
        "all products for positive. The bound of R₂ crosses γ²M² at τ = n/2Δ̄; that of R₁, which "
        "the slides do not give, grows with τ however sparse the problem is "
        "(proofs/analysis.md, 2.6).</p>",
        _convergence(few, many),
        "<p>Up to n/2Δ̄ convergence is that of serial SGD. On random sparse data it then worsens "
        "slowly. In the constructed problem every stale gradient points the same way, each "
        "variable overshoots, and a few times beyond n/2Δ̄ the run is useless or diverges "
        "(drawn at least at 10⁻¹⁶, at most at 10⁹).</p>",
        conflict_table(settings),
        torn_table(settings),
        "<p>The last table is no simulation. Samples that read 16 words, each on its own cache "
        "line, and write all of them, ran on this machine's cores. A torn read is a state that no "
        "serial run passes through; a lost add contradicts the assumption of atomic adds.</p>",
    ]
    return [Section("noise", "Asynchrony noise", parts)]


def _terms(ridge: SparseRidge, delays: Sequence[Delay]) -> Figure:
    p = conflict_probability(ridge.hypergraph)
    chosen = [delay for delay in delays if delay.tau > 0]
    ratios = sorted({delay.ratio: delay.tau for delay in chosen}.items())
    x = [ratio for ratio, _ in ratios]

    def panel(title: str, label: str, term: str, bound: Sequence[float]) -> Panel:
        curves = [
            Curve(
                kind,
                [d.ratio for d in chosen if d.kind == kind],
                [max(getattr(d.noise, term), 1e-9) for d in chosen if d.kind == kind],
                "simulated",
                colour,
            )
            for colour, kind in enumerate(("random", "stale"))
        ]
        curves.append(Curve("bound", x, bound, "theory", 6))
        curves.append(Curve("γ²M²", x, [1.0] * len(x), "guide"))
        return Panel("τ / (n / 2Δ̄)", label, curves, title, log_x=2, log_y=10)

    return chart(
        "noise-terms",
        "Both noise terms of the recursion against γ²M² and against their bounds.",
        [
            panel(
                "second term", "γ |E⟨x̂ − x, g⟩| / γ²M²", "second_term",
                [second_bound(tau, p) for _, tau in ratios],
            ),
            panel(
                "first term", "E|x̂ − x|² / γ²M²", "first_term",
                [first_bound(tau, p) for _, tau in ratios],
            ),
        ],
    )  # fmt: skip


def _convergence(few: Sequence[Delay], many: Sequence[Delay]) -> Figure:
    def panel(title: str, delays: Sequence[Delay]) -> Panel:
        curves = [
            Curve(
                kind,
                [d.ratio for d in delays if d.kind == kind and d.tau > 0],
                [max(d.error, 1e-16) for d in delays if d.kind == kind and d.tau > 0],
                "simulated",
                colour,
            )
            for colour, kind in enumerate(TIMELINES)
        ]
        label = "|x − x*|² at the end / at the start"
        return Panel("τ / (n / 2Δ̄)", label, curves, title, log_x=2, log_y=10)

    return chart(
        "noise-convergence",
        "What is left of the distance to the minimum after the same number of samples.",
        [panel("random sparse regression", few), panel("constructed: shared variables", many)],
    )


def conflict_table(settings: Settings) -> Table:
    """Return measured and predicted probabilities of a conflict."""
    rows = []
    for name, ridge in (
        ("3 of 600 variables", random_ridge(2_000, 600, 3, seed=settings.seed)),
        ("8 of 5,000 variables", random_ridge(5_000, 5_000, 8, seed=settings.seed)),
        ("1 of 40 variables", shared_ridge(2_000, 40)),
        ("a variable for each sample", shared_ridge(500, 500)),
    ):
        graph = ridge.hypergraph
        found = measured_conflicts(graph, 20_000 if settings.quick else 200_000, settings.seed)
        slide = graph.statistics().conflict_probability
        rows.append([name, found, slide, conflict_probability(graph)])
    return Table(
        "Pr(two draws conflict): counted, on the slide, and exactly",
        ("each sample has", "counted", "Δ̄/n", "(Δ̄ + 1)/n"),
        rows,
    )


def measured_conflicts(graph: Hypergraph, n_pairs: int, seed: int) -> float:
    """Return the fraction of pairs of independent draws whose supports meet."""
    matrix = graph.matrix().astype(np.int64)
    first, second = random_draws(graph.n_samples, 2 * n_pairs, seed).reshape(2, -1)
    common = matrix[first].multiply(matrix[second]).sum(axis=1)
    return float((np.asarray(common).ravel() > 0).mean())


def torn_table(settings: Settings) -> Table:
    """Return the torn reads of three engines, measured."""
    n_samples = 200_000 if settings.quick else 2_000_000
    rows = []
    for engine in ("serial", "dataflow", "hogwild"):
        seen = torn_reads(engine, settings.n_jobs, n_samples)
        rows.append([engine, seen.n_workers, seen.torn, seen.lost])
    return Table(
        f"Inconsistent reads in {n_samples:,} samples, measured",
        ("engine", "workers", "torn reads", "lost adds"),
        rows,
    )

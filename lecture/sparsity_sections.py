"""The page on sparsity against quality: a network whose samples train a part of it each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from serialeq.planning.prediction import critical_path
from serialeq.problems.network.parameters import NetworkParameters
from serialeq.problems.network.problem import DropoutNetwork, feed_forward
from serialeq.training.fit import fit

from .charts import Curve, Panel, chart
from .page import Figure, Section, Table
from .settings import Settings

N_GROUPS = 16
KEPT = (16, 8, 4, 2, 1)
MASKS = ("partition", "independent")
_UNITS = 256
_TRAINED_ON = 1400  # of the 1,797 digits; the others are held out


@dataclass(frozen=True)
class Sparsity:
    """What keeping so many groups brings and costs.

    Attributes
    ----------
    kept : int
    masks : str
    conflicts : float
        Share of the other samples that one conflicts with, in the first epoch.
    parallelism : float
        Samples over the longest chain of conflicts: no schedule with the serial bits is faster.
    accuracy : float
        Held out, after serial training.
    losses : dict of str to float
        Of the training set, by engine.
    digests : dict of str to str
        Of the trained network, by engine.
    """

    kept: int
    masks: str
    conflicts: float
    parallelism: float
    accuracy: float
    losses: dict[str, float]
    digests: dict[str, str]


def compare_sparsities(
    n_epochs: int, n_jobs: int, seed: int, kept: Sequence[int] = KEPT
) -> list[Sparsity]:
    """Train a network on the handwritten digits at every sparsity."""
    from sklearn.datasets import load_digits

    X, digit = load_digits(return_X_y=True)
    X = X / X.max()
    targets = np.eye(10)[digit[:_TRAINED_ON]]
    found = []
    for n_kept in kept:
        for masks in MASKS if 1 < n_kept < N_GROUPS else MASKS[:1]:

            def make(n_kept: int = n_kept, masks: str = masks) -> DropoutNetwork:
                return DropoutNetwork(
                    X[:_TRAINED_ON], targets,
                    NetworkParameters(_UNITS, n_groups=N_GROUPS, n_kept=n_kept, masks=masks),
                    seed=seed,
                )  # fmt: skip

            problem = make()
            order = problem.reshuffled_order(seed, 0)
            stats = problem.hypergraph.statistics()
            losses, digests = {}, {}
            for engine in ("hogwild", "dataflow", "serial"):
                problem = make()
                fitted = fit(
                    problem, n_epochs=n_epochs, engine=engine, n_jobs=n_jobs, seed=seed,
                    with_loss=False,
                )  # fmt: skip
                losses[engine], digests[engine] = problem.loss(), fitted.digest
            outputs = feed_forward(*problem.plain(problem.trained()), X[_TRAINED_ON:])
            found.append(
                Sparsity(
                    n_kept,
                    masks,
                    stats.mean_degree / (_TRAINED_ON - 1),
                    _TRAINED_ON / critical_path(order),
                    float(np.mean(outputs.argmax(axis=1) == digit[_TRAINED_ON:])),
                    losses,
                    digests,
                )
            )
    return found


def sparsity_sections(settings: Settings) -> list[Section]:
    """Return the section about sparsity against quality, on a problem that is not convex."""
    n_epochs = 10 if settings.quick else 40
    found = compare_sparsities(n_epochs, settings.n_jobs, settings.seed)
    return [
        Section(
            "sparsity",
            "Open problem: sparsity against quality, and problems that are not convex",
            [
                f"<p>A network with {_UNITS} hidden units in {N_GROUPS} groups, on handwritten "
                f"digits: {_TRAINED_ON:,} to train on, the others held out. Each sample keeps some "
                "groups, drawn anew in every epoch, and trains these. The fewer it keeps, the "
                "fewer conflicts there are, and the less it teaches. <em>Independent</em> masks "
                "overlap by chance; those of a <em>partition</em> are the same or disjoint, so "
                "that all parts can train at once.</p>",
                sparsity_figure(found, n_epochs),
                sparsity_table(found, n_epochs),
                "<p>The problem is not convex, and nothing in the proof of serial equivalence asks "
                "for it: dataflow returns the serial network at every sparsity.</p>",
            ],
        )
    ]


def sparsity_figure(found: Sequence[Sparsity], n_epochs: int) -> Figure:
    """Return quality and parallelism against the groups kept."""

    def panel(title: str, label: str, value: str, log_y: int) -> Panel:
        curves = [
            Curve(
                masks,
                [s.kept for s in found if s.masks == masks],
                [getattr(s, value) for s in found if s.masks == masks],
                colour=colour,
            )
            for colour, masks in enumerate(MASKS)
        ]
        return Panel(f"groups kept of {N_GROUPS}", label, curves, title, log_x=2, log_y=log_y)

    return chart(
        "sparsity",
        f"What sparsity costs and what it brings, after {n_epochs} epochs.",
        [
            panel("quality", "accuracy, held out", "accuracy", 0),
            panel("parallelism", "samples / longest chain of conflicts", "parallelism", 2),
        ],
    )


def sparsity_table(found: Sequence[Sparsity], n_epochs: int) -> Table:
    """Return conflicts, losses and bits."""
    return Table(
        f"Conflicts, training loss after {n_epochs} epochs, and bits",
        (
            "groups kept", "masks", "Δ̄/(n − 1)", "serial", "dataflow", "Hogwild!",
            "dataflow has the serial bits", "serial digest",
        ),
        [
            [
                s.kept, s.masks, s.conflicts, s.losses["serial"], s.losses["dataflow"],
                s.losses["hogwild"], s.digests["dataflow"] == s.digests["serial"],
                s.digests["serial"][:12],
            ]
            for s in found
        ],
    )  # fmt: skip

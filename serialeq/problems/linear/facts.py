"""What is to be known of a linear model before it is trained, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .layout import Supports

if TYPE_CHECKING:
    from .problem import LinearModel

_DENSE = 0.1  # share of all pairs of samples that conflict


def facts_of(model: LinearModel, n_workers: int) -> dict[str, str]:
    """Return what columns, lattice and blocks are like, by label.

    An intercept is in every sample, so that conflicts are counted without it here.
    """
    columns = Supports(model.matrix, fit_intercept=False).statistics()
    hottest, n = columns.hottest_degree, max(model.n_samples, 1)
    density = columns.conflict_probability
    facts = {
        "features": f"{model.n_features:,}, {model.matrix.mean_entries:,.1f} per sample",
        "hottest feature": f"in {hottest:,} samples ({100 * hottest / n:.1f} %)",
        "conflict graph of features": (
            f"{'dense' if density >= _DENSE else 'sparse'}: {100 * density:.1f} % of all pairs "
            "conflict"
        ),
        "schedules of disjoint samples": (
            f"at most {n / max(hottest, 1):,.1f} x, and 1 x with an intercept"
        ),
        "lattice": str(model.lattice or "none (float64)"),
    }
    if model.lattice is None:
        return facts
    plan = model.cost.memory(model.block, n_workers, n_workers)
    blocks = -(-model.n_samples // model.block)
    return facts | {
        "lookahead": f"{blocks:,} sample blocks of {model.block}",
        "memory of the plan": f"{memory_told(plan)}, {n_workers} workers",
    }


def memory_told(plan_bytes: dict[str, int]) -> str:
    """Say how much memory a plan takes, and for what."""
    parts = ", ".join(f"{name} {size / 1e6:,.1f}" for name, size in plan_bytes.items())
    return f"{sum(plan_bytes.values()) / 1e6:,.1f} MB ({parts})"

"""Pictures, with matplotlib (the extra ``plot``)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .errors import SerialeqError


def plot_predictions(
    rows: Sequence[dict[str, Any]], path: Path, title: str = "Dataflow engine, simulated"
) -> None:
    """Draw predicted speedup over workers, one curve per order, into a file.

    Raises
    ------
    SerialeqError
        If matplotlib is missing or the file cannot be written.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise SerialeqError("plot: needs matplotlib: pip install 'serialeq[plot]'") from error
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.add_subplot()
    workers = sorted({row["jobs"] for row in rows})
    axes.plot(workers, workers, color="0.7", linestyle=":", label="linear")
    for order in dict.fromkeys(row["order"] for row in rows):
        chosen = [row for row in rows if row["order"] == order]
        speedups = [row["predicted_speedup"] for row in chosen]
        axes.plot([row["jobs"] for row in chosen], speedups, marker="o", label=order)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log", base=2)
    axes.set_ylim(0.5, 2 * max(row["predicted_speedup"] for row in rows))
    axes.set_xlabel("workers")
    axes.set_ylabel("predicted speedup over serial")
    axes.set_title(title)
    axes.legend(frameon=False)
    try:
        figure.savefig(path, dpi=150)
    except (OSError, ValueError) as error:
        raise SerialeqError(f"plot: cannot write {path}: {error}") from error

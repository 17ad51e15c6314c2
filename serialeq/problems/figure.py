"""Pictures, with matplotlib (the extra ``plot``)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from serialeq.errors import SerialeqError


def plot_predictions(
    rows: Sequence[dict[str, Any]], path: Path, title: str = "Dataflow engine, simulated"
) -> None:
    """Draw predicted speedup over workers, one curve per order, into a file.

    Raises
    ------
    SerialeqError
        If matplotlib is missing or the file cannot be written.
    """
    figure = _figure(6, 4)
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
    _save(figure, path)


def plot_segmentation(image: np.ndarray, labels: np.ndarray, path: Path) -> None:
    """Draw an image, or the three middle sections of a volume, with its labels in colours.

    Raises
    ------
    SerialeqError
        If matplotlib is missing or the file cannot be written.
    """
    sections: list[Any] = [()]
    if image.ndim == 3:
        middle = [n // 2 for n in image.shape]
        sections = [tuple([slice(None)] * axis + [middle[axis]]) for axis in range(3)]
    figure = _figure(5 * len(sections), 5)
    classes = np.unique(labels[labels >= 0])
    colours = np.where(labels >= 0, np.searchsorted(classes, labels) % 10, -1)
    for i, section in enumerate(sections, 1):
        axes = figure.add_subplot(1, len(sections), i)
        shown = colours[section]
        axes.imshow(image[section], cmap="gray", interpolation="nearest")
        axes.imshow(
            np.ma.masked_less(shown, 0),
            cmap="tab10",
            vmin=0,
            vmax=9,
            alpha=0.4,
            interpolation="nearest",
        )
        axes.set_axis_off()
    _save(figure, path)


def _figure(width: float, height: float) -> Any:
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise SerialeqError("plot: needs matplotlib: pip install 'serialeq[plot]'") from error
    return Figure(figsize=(width, height), layout="constrained")


def _save(figure: Any, path: Path) -> None:
    try:
        figure.savefig(path, dpi=150)
    except (OSError, ValueError) as error:
        raise SerialeqError(f"plot: cannot write {path}: {error}") from error

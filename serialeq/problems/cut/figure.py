"""A picture of a segmentation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from serialeq.problems.figure import new_figure, save_figure


def plot_segmentation(image: np.ndarray, labels: np.ndarray, path: Path) -> None:
    """Draw an image, or the three middle sections of a volume, with its labels in colours.

    SerialeqError: if matplotlib is missing or the file cannot be written.
    """
    sections: list[Any] = [()]
    if image.ndim == 3:
        middle = [n // 2 for n in image.shape]
        sections = [tuple([slice(None)] * axis + [middle[axis]]) for axis in range(3)]
    figure = new_figure(5 * len(sections), 5)
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
    save_figure(figure, path)

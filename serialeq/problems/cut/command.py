"""What the command line reads and tells of a cut."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from serialeq.errors import SerialeqError
from serialeq.problems import command
from serialeq.problems.command import Answer, Data, File, Report, Request
from serialeq.problems.figure import check_picture
from serialeq.training.parameters import Parameter

from .figure import plot_segmentation
from .graphs import graph_of
from .reading import read_array, read_image_or_graph


class Command(command.Command):
    """What is to be cut, and the seeds."""

    image: Annotated[
        Path, File("Image or volume, .npy; or a graph's symmetric weights, scipy .npz.")
    ]
    seeds: Annotated[
        Path,
        File(".npy of the same shape: labels from 0 on, and -1 for no seed.", argument=False),
    ]
    plot: Annotated[
        Path | None, Parameter("Picture of the segmentation.", check_picture, makes_model=False)
    ] = None

    def read(self, estimator: Any) -> Data:
        """Read what is to be cut, and the seeds."""
        image, seeds = read_image_or_graph(self.image), read_array("seeds", self.seeds)
        graph = graph_of(image, float(estimator.beta))
        if self.plot is not None and len(graph.shape) == 1:
            raise SerialeqError("plot: expected an image or a volume, got a graph")
        summary = f"{graph.n_nodes:,} nodes, {graph.weights.size:,} edges"
        return Data((graph, seeds), summary, rest=image)

    def report(self, estimator: Any, data: Data) -> Report:
        """Tell the cut and the sizes of the parts; draw them if asked to."""
        labels = estimator.labels_
        if self.plot is not None:
            plot_segmentation(data.rest, labels, self.plot)
        sizes = {int(label): int((labels == label).sum()) for label in estimator.classes_}
        weight = f"{estimator.cut_value_:.6g} (weight of the edges between different labels)"
        each = ", ".join(f"label {label}: {size:,}" for label, size in sizes.items())
        return Report({}, [("cut", weight), ("sizes", each)], {"sizes": sizes})

    @classmethod
    def predict(cls, estimator: Any, arrays: Any, about: Any, request: Request) -> Answer:
        """Say that there is nothing to be told of other nodes."""
        raise SerialeqError("predict: a cut has the labels of its own nodes only, in model.npz")

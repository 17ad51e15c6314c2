"""The command line's graph cuts: ``serialeq train cut``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from serialeq.cli.options import (
    DigestEvery,
    EngineName,
    Every,
    Jobs,
    Json,
    Keep,
    OrderName,
    Out,
    Seconds,
    Seed,
)
from serialeq.cli.runs import Trained, start, trains
from serialeq.errors import SerialeqError

if TYPE_CHECKING:
    from serialeq.training.callbacks import Callback


def train_cut(
    image: Annotated[
        Path,
        typer.Argument(help="Image or volume, .npy; or a graph's symmetric weights, scipy .npz."),
    ],
    seeds: Annotated[
        Path, typer.Option(help=".npy of the same shape: labels from 0 on, and -1 for no seed.")
    ],
    out: Out = None,
    plot: Annotated[Path | None, typer.Option(help="Picture of the segmentation.")] = None,
    epochs: Annotated[int, typer.Option(help="Passes over the edges.")] = 300,
    learning_rate: Annotated[float, typer.Option(help="First step.")] = 1.0,
    decay: Annotated[float, typer.Option(help="What the step is multiplied by per epoch.")] = 0.98,
    beta: Annotated[
        float, typer.Option(help="How much an image's edges count: exp(-beta d² / (2 mean d²)).")
    ] = 1.0,
    order: OrderName = "blocked",
    engine: EngineName = "auto",
    jobs: Jobs = None,
    seed: Seed = 0,
    checkpoint_every: Every = None,
    checkpoint_seconds: Seconds = None,
    keep_checkpoints: Keep = False,
    digest_every: DigestEvery = 1,
    as_json: Json = False,
) -> None:
    """Cut an image, a volume or a graph into parts around seeds."""
    start("cut", locals())


@trains("cut", "image", "seeds")
def _cut(o: SimpleNamespace, callbacks: Sequence[Callback]) -> Trained:
    from serialeq.cli.report import epoch_progress, notices, print_json
    from serialeq.digest import digest_arrays
    from serialeq.problems.figure import plot_segmentation

    from .reading import read_image_or_graph, read_seeds
    from .training import CutParameters, fit_cut

    parameters = CutParameters(
        n_epochs=o.epochs,
        learning_rate=o.learning_rate,
        decay=o.decay,
        beta=o.beta,
        order=o.order,
        engine=o.engine,
        n_jobs=o.jobs,
        seed=o.seed,
    )
    parameters.check()
    data, labels = read_image_or_graph(o.image), read_seeds(o.seeds)
    graph = parameters.graph(data)
    if o.plot is not None and len(graph.shape) == 1:
        raise SerialeqError("plot: expected an image or a volume, got a graph")
    notices.print(f"{graph.n_nodes:,} nodes, {graph.weights.size:,} edges")
    with epoch_progress(o.epochs) as progress:
        model = fit_cut(parameters, graph, labels, on_epoch=progress, callbacks=callbacks)
    if model.n_unreached:
        notices.print(f"{model.n_unreached:,} nodes are connected with no seed: label -1")
    others = {"labels": model.labels, "classes": model.classes}
    about: dict[str, Any] = {
        "kind": "cut",
        "digest": model.digest,
        "input_digest": digest_arrays(others),
        "equivalent": model.engine != "hogwild",
        "order": o.order,
        "parameters": parameters.told(),
        "cut_value": model.cut_value,
        "trained": sorted(model.trained),
    }

    def tell() -> None:
        if o.plot is not None:
            plot_segmentation(data, model.labels, o.plot)
        sizes = {int(label): int((model.labels == label).sum()) for label in model.classes}
        if o.as_json:
            told = {"engine": model.engine, "engine_reason": model.engine_reason, "sizes": sizes}
            seconds = sum(record["seconds"] for record in model.history)
            used = {"jobs": model.n_workers, "seconds": seconds, "history": model.history}
            print_json(about | told | used)
            return
        print(f"engine    {model.engine} ({model.engine_reason}), {model.n_workers} workers")
        print(f"cut       {model.cut_value:.6g} (weight of the edges between different labels)")
        print("sizes     " + ", ".join(f"label {k}: {size:,}" for k, size in sizes.items()))
        print(f"digest    {model.digest}")

    return Trained(model.trained | others, about, tell)

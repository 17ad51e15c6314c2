"""The command line's graph cuts: ``serialeq train cut``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from .cli_options import Jobs, Json, Out, Seed
from .errors import SerialeqError


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
    order: Annotated[str, typer.Option(help="blocked, shuffled, reshuffled or given.")] = "blocked",
    engine: Annotated[
        str, typer.Option(help="auto, serial, dataflow, groups, cyclades, locked or hogwild.")
    ] = "auto",
    jobs: Jobs = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Cut an image, a volume or a graph into parts around seeds."""
    from .digest import digest_arrays
    from .plot import plot_segmentation
    from .reading_cut import read_image_or_graph, read_seeds
    from .report import epoch_progress, notices, print_json
    from .runs.cuts import CutParameters, fit_cut
    from .runs.model_file import prepare_directory, save_model

    parameters = CutParameters(
        n_epochs=epochs,
        learning_rate=learning_rate,
        decay=decay,
        beta=beta,
        order=order,
        engine=engine,
        n_jobs=jobs,
        seed=seed,
    )
    parameters.check()
    if out is not None:
        prepare_directory(out)
    data, labels = read_image_or_graph(image), read_seeds(seeds)
    graph = parameters.graph(data)
    if plot is not None and len(graph.shape) == 1:
        raise SerialeqError("plot: expected an image or a volume, got a graph")
    notices.print(f"{graph.n_nodes:,} nodes, {graph.weights.size:,} edges")
    with epoch_progress(epochs) as progress:
        model = fit_cut(parameters, graph, labels, on_epoch=progress)
    if model.n_unreached:
        notices.print(f"{model.n_unreached:,} nodes are connected with no seed: label -1")
    about: dict[str, Any] = {
        "kind": "cut",
        "digest": model.digest,
        "equivalent": model.engine != "hogwild",
        "order": order,
        "parameters": {
            name: value
            for name, value in asdict(parameters).items()
            if name not in ("engine", "n_jobs")  # they do not make the model
        },
        "cut_value": model.cut_value,
        "trained": sorted(model.trained),
    }
    if out is not None:
        others = {"labels": model.labels, "classes": model.classes}
        about["input_digest"] = digest_arrays(others)
        save_model(out, model.trained | others, about)
    if plot is not None:
        plot_segmentation(data, model.labels, plot)
    sizes = {int(label): int((model.labels == label).sum()) for label in model.classes}
    if as_json:
        told = {"engine": model.engine, "engine_reason": model.engine_reason, "sizes": sizes}
        seconds = sum(record["seconds"] for record in model.history)
        print_json(
            about | told | {"jobs": model.n_workers, "seconds": seconds, "history": model.history}
        )
        return
    print(f"engine    {model.engine} ({model.engine_reason}), {model.n_workers} workers")
    print(f"cut       {model.cut_value:.6g} (weight of the edges between different labels)")
    print("sizes     " + ", ".join(f"label {label}: {size:,}" for label, size in sizes.items()))
    print(f"digest    {model.digest}")

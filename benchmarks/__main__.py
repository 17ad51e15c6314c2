"""Measure: ``python -m benchmarks mf``, ``linear``, ``cut``, ``embed``, ``baselines``, …"""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import Annotated, Any, TypeVar

import typer

from benchmarks import (
    baselines,
    cut,
    embed,
    libmf_peer,
    linear,
    machine,
    mf,
    network,
    planning,
    quality,
    tables,
)
from benchmarks.datasets import Dataset, load
from benchmarks.linear_runners import LOSSES, quality_setting, race_setting
from benchmarks.runners import QUALITY
from benchmarks.texts import TextDataset, load_text
from benchmarks.timing import keep_memory
from benchmarks.volumes import Volume, load_volume
from serialeq.cli.report import print_json
from serialeq.errors import SerialeqError
from serialeq.native.team import count_workers

Number = TypeVar("Number", int, float)

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)

Jobs = Annotated[int | None, typer.Option(min=1, help="Workers; all cores by default.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]


def _numbers(text: str, kind: type[Number]) -> list[Number]:
    try:
        numbers = [kind(part) for part in text.split(",")]
    except ValueError:
        raise typer.BadParameter(
            f"expected {kind.__name__}s separated by commas, got {text!r}"
        ) from None
    if min(numbers) <= 0:
        raise typer.BadParameter(f"expected positive numbers, got {text!r}")
    return numbers


@app.command("mf")
def factorization(
    data: Annotated[Dataset, typer.Option(help="Ratings to factorise.")] = Dataset.ML_1M,
    factors: Annotated[str, typer.Option(help="Ranks, with commas.")] = "16,32,64,128",
    jobs: Jobs = None,
    rounds: Annotated[int, typer.Option(min=1, help="Turns of each contestant.")] = 7,
    epochs: Annotated[int, typer.Option(min=1, help="Epochs for error and bits.")] = 20,
    as_json: Json = False,
    quick: Annotated[bool, typer.Option("--quick", help="Rank 16, 3 rounds, 3 epochs.")] = False,
) -> None:
    """Race the engines at matrix factorisation, with Hogwild! and LIBMF."""
    ranks = _numbers(factors, int)
    if quick:
        ranks, rounds, epochs = [16], 3, 3
    workers = count_workers(jobs)
    split = load(data, quick)
    described = f"{data}, {len(split.train):,} ratings, {split.train.shape}"
    content: dict[str, Any] = {
        "data": described,
        "machine": machine.describe(),
        "rows": [],
        "ratios": {},
    }
    for k in ranks:
        rows, ratios = mf.measure(split, k, workers, rounds, epochs)
        content["rows"] += [asdict(row) for row in rows]
        content["ratios"][str(k)] = ratios
        if not as_json:
            tables.print_rank(rows, ratios, described)
    k = 32 if 32 in ranks else ranks[0]
    target = quality.TARGETS.get(data)
    content["quality"] = {
        "factors": k,
        "settings": {"serialeq": asdict(QUALITY), "libmf": asdict(libmf_peer.QUALITY)},
        "curves": quality.curves(split, k, workers, epochs),
        "target": target and quality.time_to_target(split, k, workers, rounds, epochs, target),
    }
    if as_json:
        print_json(content)
    else:
        tables.print_quality(content["quality"])


@app.command("linear")
def linear_models(
    data: Annotated[TextDataset, typer.Option(help="Examples.")] = TextDataset.NEWSGROUPS,
    loss: Annotated[str, typer.Option(help="Losses, with commas.")] = "log,hinge",
    jobs: Jobs = None,
    rounds: Annotated[int, typer.Option(min=1, help="Turns of each contestant.")] = 7,
    epochs: Annotated[int, typer.Option(min=1, help="Epochs of each run.")] = 20,
    as_json: Json = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="Generated data, the first loss, 2 rounds, 3 epochs.")
    ] = False,
) -> None:
    """Race the engines at linear models, with Hogwild!, scikit-learn, VW and LIBLINEAR."""
    losses = loss.split(",")
    if unknown := [name for name in losses if name not in LOSSES]:
        raise typer.BadParameter(f"expected losses out of {', '.join(LOSSES)}, got {unknown[0]!r}")
    if quick:
        losses, rounds, epochs = losses[:1], 2, 3
    workers = count_workers(jobs)
    split = load_text(data, quick)
    described = f"{data}, {split.X_train.shape}, {epochs} epochs"
    content: dict[str, Any] = {
        "data": described,
        "machine": machine.describe(),
        "settings": {},
        "rows": [],
        "ratios": {},
        "classes": {},
    }
    for name in losses:
        settings = {
            "race": race_setting(data, name).parameters,
            "quality": quality_setting(data, name).parameters,
        }
        rows, ratios = linear.measure(data, split, name, workers, rounds, epochs, quick)
        content["settings"][name] = settings
        content["rows"] += [asdict(row) for row in rows]
        content["ratios"][name] = ratios
        if not as_json:
            tables.print_linear(rows, ratios, settings, described)
        if data == TextDataset.NEWSGROUPS:
            classes = linear.measure_classes(data, split, name, workers, rounds, epochs)
            content["classes"][name] = classes
            if not as_json:
                tables.print_classes(classes)
    if as_json:
        print_json(content)


@app.command("cut")
def graph_cuts(
    data: Annotated[Volume, typer.Option(help="Volume to cut.")] = Volume.CT_HEAD,
    jobs: Jobs = None,
    rounds: Annotated[int, typer.Option(min=1, help="Turns of each contestant.")] = 7,
    epochs: Annotated[int, typer.Option(min=1, help="Epochs for cut and bits.")] = 20,
    as_json: Json = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="A small generated volume, 3 rounds, 3 epochs.")
    ] = False,
) -> None:
    """Race the engines at a graph cut, with Hogwild!."""
    if quick:
        data, rounds, epochs = Volume.BALLS, 3, 3
    image, seeds = load_volume(data, quick)
    rows, ratios = cut.measure(image, seeds, count_workers(jobs), rounds, epochs)
    described = f"{data}, {image.shape}, {epochs} epochs"
    if as_json:
        content = {"data": described, "machine": machine.describe()}
        print_json(content | {"rows": [asdict(row) for row in rows], "ratios": ratios})
    else:
        tables.print_cut(rows, ratios, described)


@app.command("embed")
def word_vectors(
    factors: Annotated[str, typer.Option(help="Ranks, with commas.")] = "64",
    jobs: Jobs = None,
    rounds: Annotated[int, typer.Option(min=1, help="Turns of each contestant.")] = 7,
    epochs: Annotated[int, typer.Option(min=1, help="Epochs for loss and bits.")] = 20,
    as_json: Json = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="Generated texts, rank 16, 2 rounds, 2 epochs.")
    ] = False,
) -> None:
    """Race the engines at word vectors of 20 Newsgroups, with Hogwild!."""
    ranks = _numbers(factors, int)
    if quick:
        ranks, rounds, epochs = [16], 2, 2
    workers = count_workers(jobs)
    pairs = embed.load_pairs(quick)
    content: dict[str, Any] = {
        "data": pairs.described,
        "machine": machine.describe(),
        "rows": [],
        "ratios": {},
    }
    for k in ranks:
        rows, ratios = embed.measure(pairs, k, workers, rounds, epochs)
        content["rows"] += [asdict(row) for row in rows]
        content["ratios"][str(k)] = ratios
        if not as_json:
            tables.print_rank(rows, ratios, pairs.described, "loss")
    content["neighbours"] = embed.neighbours(pairs, ranks[-1], epochs)
    if as_json:
        print_json(content)
    else:
        tables.print_neighbours(content["neighbours"])


@app.command("network")
def dropout_network(
    data: Annotated[TextDataset, typer.Option(help="Examples.")] = TextDataset.NEWSGROUPS,
    hidden: Annotated[int, typer.Option(min=16, help="Hidden units, in 16 groups.")] = 256,
    kept: Annotated[str, typer.Option(help="Groups kept of 16, with commas.")] = "16,4,2,1",
    jobs: Jobs = None,
    rounds: Annotated[int, typer.Option(min=1, help="Turns of each contestant.")] = 7,
    epochs: Annotated[int, typer.Option(min=1, help="Epochs for accuracy and bits.")] = 20,
    peer: Annotated[int, typer.Option(min=0, help="Epochs of MLPClassifier; 0: none.")] = 10,
    as_json: Json = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="Generated data, 64 units, 2 rounds, 2 epochs.")
    ] = False,
) -> None:
    """Race the engines at the dropout network: sparsity against quality; scikit-learn's MLP."""
    if quick:
        hidden, kept, rounds, epochs, peer = 64, "16,4,1", 2, 2, 1
    split = load_text(data, quick)
    if split.classes_train is None:
        raise typer.BadParameter(f"expected data with more than two classes, got {data}")
    numbers = _numbers(kept, int)
    content = {"data": f"{data}, {split.X_train.shape}", "machine": machine.describe()}
    workers = count_workers(jobs)
    content |= network.compare(split, hidden, numbers, workers, rounds, epochs, peer)
    if as_json:
        print_json(content)
    else:
        network.show(content)


@app.command("baselines")
def historical_baselines(
    data: Annotated[TextDataset, typer.Option(help="Examples.")] = TextDataset.NEWSGROUPS,
    jobs: Jobs = None,
    epochs: Annotated[int, typer.Option(min=1, help="Epochs of each method.")] = 20,
    as_json: Json = False,
    quick: Annotated[bool, typer.Option("--quick", help="Generated data, 3 epochs.")] = False,
) -> None:
    """Train with the methods before and beside Hogwild!: averaging, delays, SVRG, PageRank, …"""
    epochs = 3 if quick else epochs
    split = load_text(data, quick)
    described = f"{data}, {split.X_train.shape}, {epochs} epochs"
    content: dict[str, Any] = {"data": described, "machine": machine.describe()}
    content |= baselines.measure(split, count_workers(jobs), epochs)
    if as_json:
        print_json(content)
    else:
        baselines.show(content)


@app.command("planning")
def planning_cost(
    sizes: Annotated[str, typer.Option(help="Millions of ratings, with commas.")] = "1,5,20",
    factors: Annotated[int, typer.Option(min=1, help="Rank.")] = 32,
    jobs: Jobs = None,
    as_json: Json = False,
) -> None:
    """Measure time and memory of planning as the data grow."""
    rows = planning.measure(_numbers(sizes, float), factors, count_workers(jobs))
    if as_json:
        print_json({"rows": rows, "machine": machine.describe()})
    else:
        tables.print_planning(rows)


if __name__ == "__main__":
    keep_memory()
    try:
        app()
    except SerialeqError as error:
        sys.exit(f"benchmarks: {error}")

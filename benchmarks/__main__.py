"""Measure: ``python -m benchmarks race KIND``, ``quality KIND``, ``linear``, ``baselines``, …"""

from __future__ import annotations

import sys
from ast import literal_eval
from collections.abc import Callable
from itertools import product
from typing import Annotated, Any

import typer

from benchmarks import baselines, linear, machine, planning, quality, race, tables
from benchmarks.kinds import Effort, Source, source_of
from benchmarks.kinds.linear import LOSSES
from benchmarks.texts import TextDataset, load_text
from benchmarks.timing import keep_memory
from serialeq.cli.report import print_json
from serialeq.errors import SerialeqError
from serialeq.native.team import count_workers

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)

Kind = Annotated[str, typer.Argument(help="The word of a registered kind of problem.")]
Data = Annotated[
    str | None,
    typer.Option(help="Data of the kind, or how many times as large as its example; 100."),
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", help="A parameter, name=value; of values with commas, each in turn."),
]
Jobs = Annotated[int | None, typer.Option(min=1, help="Workers; all cores by default.")]
Rounds = Annotated[int, typer.Option(min=1, help="Turns of each contestant.")]
Quick = Annotated[bool, typer.Option("--quick", help="Small data, 2 rounds, 2 epochs.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]


@app.command("race")
def race_kind(
    kind: Kind,
    data: Data = None,
    settings: Settings = None,
    jobs: Jobs = None,
    rounds: Rounds = 7,
    epochs: Annotated[int, typer.Option(min=1, help="Epochs for quality and bits.")] = 20,
    as_json: Json = False,
    quick: Quick = False,
) -> None:
    """Race serial, every engine, Hogwild! and the machine at any registered kind of problem."""
    source, effort = source_of(kind, data, quick), _effort(jobs, rounds, epochs, quick)
    _each(race.race, tables.print_race, source, settings, effort, as_json)


@app.command("quality")
def quality_of_kind(
    kind: Kind,
    data: Data = None,
    settings: Settings = None,
    jobs: Jobs = None,
    rounds: Rounds = 7,
    epochs: Annotated[int, typer.Option(min=1, help="Epochs.")] = 20,
    as_json: Json = False,
    quick: Quick = False,
) -> None:
    """Measure the quality after each epoch by kind of order, and what a kind's peers reach."""
    source, effort = source_of(kind, data, quick), _effort(jobs, rounds, epochs, quick)
    _each(quality.measure, tables.print_quality, source, settings, effort, as_json)


def _each(
    measure: Callable[..., dict[str, Any]], show: Callable[..., None], source: Source,
    settings: list[str] | None, effort: Effort, as_json: bool,
) -> None:  # fmt: skip
    """Measure with each setting, and show it or print everything as JSON."""
    results = []
    for setting in settings_of(settings):
        results.append(measure(source, setting, effort))
        if not as_json:
            show(results[-1], source)
    if as_json:
        told = {"data": source.described, "measure": source.measure}
        print_json(told | {"machine": machine.describe(), "results": results})


def _effort(jobs: int | None, rounds: int, epochs: int, quick: bool) -> Effort:
    workers = count_workers(jobs)
    return Effort(workers, 2, 2, 0.01) if quick else Effort(workers, rounds, epochs)


def settings_of(texts: list[str] | None) -> list[dict[str, Any]]:
    """Return all combinations of the values in texts such as ``n_factors=16,32``."""
    choices: dict[str, list[Any]] = {}
    for text in texts or []:
        name, _, values = text.partition("=")
        if not name.isidentifier() or not values:
            raise typer.BadParameter(f"expected name=value, or values with commas, got {text!r}")
        choices[name] = [_value(value) for value in values.split(",")]
    return [dict(zip(choices, values, strict=True)) for values in product(*choices.values())]


def _value(text: str) -> Any:
    try:
        return literal_eval(text)
    except (ValueError, SyntaxError):
        return text


@app.command("linear")
def linear_models(
    data: Annotated[TextDataset, typer.Option(help="Examples.")] = TextDataset.NEWSGROUPS,
    loss: Annotated[str, typer.Option(help="Losses, with commas.")] = ",".join(LOSSES),
    jobs: Jobs = None,
    rounds: Rounds = 7,
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
    effort = Effort(count_workers(jobs), rounds, epochs)
    split = load_text(data, quick)
    described = f"{data}, {split.X_train.shape}, {epochs} epochs"
    results = []
    for name in losses:
        results.append(linear.measure(data, split, name, effort, quick))
        if not as_json:
            tables.print_linear(results[-1], described)
    if as_json:
        print_json({"data": described, "machine": machine.describe(), "results": results})


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
    try:
        millions = [float(size) for size in sizes.split(",")]
    except ValueError:
        millions = []
    if min(millions, default=0.0) <= 0:
        raise typer.BadParameter(f"expected positive numbers with commas, got {sizes!r}")
    rows = planning.measure(millions, factors, count_workers(jobs))
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

"""Run directories on the command line: ``train --resume``, ``verify``, ``diff``."""

from __future__ import annotations

import re
from inspect import Parameter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from serialeq.errors import SerialeqError

from . import options as o
from .train import OPTIONS

if TYPE_CHECKING:
    from serialeq.runs.manifest import Manifest
    from serialeq.training.callbacks import Callback

    from .train import Job

DIFFERENT = 3
"""Exit status of ``verify`` and ``diff`` where bits differ; 1 is an error, 2 a wrong option."""

RunPath = Annotated[Path, typer.Argument(help="Directory written by train --out.")]

_RESUME: o.Options = {
    "directory": (o.Resume, None),
    "engine": (o.Engine, None),
    "jobs": (o.Jobs, None),
    "data": (o.Files, None),
    **{name: OPTIONS[name] for name in OPTIONS if name.startswith("checkpoint_")},
    "keep_checkpoints": (o.Keep, False),
    "as_json": (o.Json, False),
}


def _train(context: typer.Context, directory: Path | None, **given: Any) -> None:
    """Train a model, or go on with a run; the options here are for --resume."""
    if context.invoked_subcommand is not None:
        return
    if directory is None:
        print(context.get_help())
        raise typer.Exit(2)
    from serialeq.runs.directory import read_manifest
    from serialeq.runs.recorder import RunRecorder

    from .report import notices
    from .train import finish

    manifest = read_manifest(directory)
    if manifest.complete:
        notices.print(f"{directory} is complete: {manifest.chain.n_epochs} epochs")
        return
    job, source = _job_of(manifest, directory, given["engine"], given["jobs"], given["data"])
    recorder = RunRecorder(
        directory, resume=True, every=given["checkpoint_every"],
        seconds=given["checkpoint_seconds"], keep=given["keep_checkpoints"], source=source,
        finish=False,
    )  # fmt: skip
    notices.print(f"{manifest.chain.n_epochs} of {manifest.run['n_epochs']} epochs are done")
    finish(job, recorder, _best(manifest), given["as_json"])


train = o.signed(
    _train,
    [o.keyword("context", typer.Context, Parameter.empty)]
    + [o.keyword(name, *option) for name, option in _RESUME.items()],
)


def _best(manifest: Manifest) -> list[Callback]:
    from serialeq.training.callbacks import BestEpoch

    return [BestEpoch()] if manifest.run["model"] == "best" else []


def _job_of(
    manifest: Manifest, directory: Path, engine: str | None, jobs: int | None, moved: o.Files
) -> tuple[Job, dict[str, Any]]:
    """Return what a run trained, and where its data are now."""
    from serialeq.problems.format1 import recorded_run
    from serialeq.problems.loading import estimator_of
    from serialeq.problems.registry import kinds

    from .declared import command_of
    from .files import found_again
    from .train import Job

    run, expected = recorded_run(manifest), f"{directory}: expected a run"
    advice = "replay it in Python with serialeq.RunVerifier"
    if run["problem"] not in kinds():
        known = ", ".join(kinds())
        raise SerialeqError(f"{expected} of one of {known}, got {run['problem']!r}; {advice}")
    if not run["data"]["files"]:
        raise SerialeqError(f"{expected} that names its files, got none; {advice}")
    paths, files = found_again(run["data"]["files"], moved)
    kind, reading = kinds()[run["problem"]], run["data"].get("reading", {})
    estimator = estimator_of(run, run["promise"])
    estimator.n_jobs, estimator.engine = jobs, engine or estimator.engine
    job = Job(kind, command_of(kind).from_record(reading | paths), estimator)
    return job, job.source(files)


def verify(
    directory: RunPath,
    epochs: Annotated[
        str, typer.Option(help="FIRST:LAST, the states to compare; 0 is the start.")
    ] = ":",
    engine: o.Engine = None,
    jobs: o.Jobs = None,
    data: o.Files = None,
    as_json: o.Json = False,
) -> None:
    """Train again and say at which epoch the bits first differ (exit status 3), if they do."""
    from serialeq.runs.directory import read_manifest
    from serialeq.runs.verifier import RunVerifier

    from .report import notices, print_json
    from .train import run

    manifest = read_manifest(directory)
    verifier = RunVerifier(directory, *_range(epochs))
    job, verifier.source = _job_of(manifest, directory, engine, jobs, data)
    trained = run(job, [verifier, *_best(manifest)])
    verifier.compare_model(trained.arrays)
    for field, there, here in verifier.environment:
        notices.print(f"{field}: the run was made with {there}, this is {here}")
    at, chain = verifier.first_difference, manifest.chain
    same = at is None and not verifier.model_differs
    if as_json:
        print_json({
            "same": same,
            "first_difference": at,
            "model_differs": verifier.model_differs,
            "environment": verifier.environment,
            "began": verifier.began,
            "compared": verifier.n_compared,
            "chain": chain.links[-1],
        })  # fmt: skip
    elif same:
        model = " and the model" if verifier.model_differs is False else ""
        states = f"{verifier.n_compared} states{model}"
        print(f"same bits: {states}, replayed from epoch {verifier.began}")
        print(f"chain    {chain.links[-1]}")
    elif at is None:
        print(f"differs: the model is not what the {chain.n_epochs} epochs give")
    else:
        where = "the start" if at == 0 else f"epoch {at}"
        print(f"differs: first after {where} (replayed from epoch {verifier.began})")
    if not same:
        raise typer.Exit(DIFFERENT)


def _range(epochs: str) -> list[int | None]:
    if not re.fullmatch(r"\d*:\d*", epochs, re.ASCII):
        raise SerialeqError(f"epochs: expected FIRST:LAST, got {epochs!r}")
    return [int(part) if part else None for part in epochs.split(":")]


def diff(
    a: Annotated[Path, typer.Argument(help="A run directory.")],
    b: Annotated[Path, typer.Argument(help="Another one.")],
) -> None:
    """Compare what two runs were and where their bits part; exit status 3 if they differ."""
    from serialeq.runs.difference import compare_runs
    from serialeq.runs.directory import RunDirectory

    lines, same = compare_runs(RunDirectory.open(a).manifest, RunDirectory.open(b).manifest)
    for line in lines:
        print(line)
    if not same:
        raise typer.Exit(DIFFERENT)

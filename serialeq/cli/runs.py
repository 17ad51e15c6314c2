"""Run directories on the command line: every training, ``train --resume``, ``verify``, ``diff``."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from serialeq.errors import DataError, SerialeqError

from .options import Every, Jobs, Json, Keep, Seconds

if TYPE_CHECKING:
    import numpy as np

    from serialeq.runs.directory import RunDirectory
    from serialeq.runs.recorder import RunRecorder
    from serialeq.training.callbacks import Callback

DIFFERENT = 3
"""Exit status of ``verify`` and ``diff`` where bits differ; 1 is an error, 2 a wrong option."""

_HOW = ("out", "engine", "jobs", "as_json", "plot", "near", "checkpoint_every",
        "checkpoint_seconds", "keep_checkpoints", "digest_every")  # fmt: skip
_ENGINES = {"serial": "auto", "repeatable": "minibatch", "none": "hogwild"}
Engine = Annotated[
    str | None, typer.Option(help="An engine with the promise of the run's; auto by default.")
]
Files = Annotated[
    list[Path] | None,
    typer.Option("--data", help="Where the data are now, if moved; repeat for several files."),
]


class Trained(NamedTuple):
    """What a training gives: the model, its description, and how to tell the user."""

    arrays: dict[str, np.ndarray]
    about: dict[str, Any]
    tell: Callable[[], None]


Body = Callable[[SimpleNamespace, "Sequence[Callback]"], Trained]
_BODIES: dict[str, tuple[Body, tuple[str, ...]]] = {}


def trains(problem: str, *files: str) -> Callable[[Body], Body]:
    """Register the function that trains a problem from options, some of which are files."""

    def register(body: Body) -> Body:
        _BODIES[problem] = body, files
        return body

    return register


def start(problem: str, options: dict[str, Any]) -> None:
    """Train as a command was told, into a run directory if it was told one."""
    from serialeq.runs.atomic import prepare_directory
    from serialeq.runs.recorder import RunRecorder

    out = options["out"]
    recorder = None
    if out is not None:
        prepare_directory(out)
        _, files = _BODIES[problem]
        paths = {name: options[name] for name in files if options[name] is not None}
        recorder = RunRecorder(
            out,
            every=options["checkpoint_every"],
            seconds=options["checkpoint_seconds"],
            keep=options["keep_checkpoints"],
            digest_every=options["digest_every"],
            files=_fingerprints(paths),
            description=_description(problem, options),
            finish=False,
        )
    _train(problem, options, recorder)


def _train(problem: str, options: dict[str, Any], recorder: RunRecorder | None) -> None:
    body, _ = _BODIES[problem]
    with _terminated_in_order():
        trained = body(SimpleNamespace(**options), [recorder] if recorder else [])
    if recorder is not None:
        recorder.save(trained.arrays, trained.about)
    trained.tell()


@contextmanager
def _terminated_in_order() -> Iterator[None]:
    """Let SIGTERM end the block as Ctrl-C does, with status 143."""

    def end(*_: object) -> None:
        raise SystemExit(128 + signal.SIGTERM)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _description(problem: str, options: dict[str, Any]) -> dict[str, Any]:
    _, files = _BODIES[problem]
    left_out = {*files, *_HOW}
    parameters = {name: value for name, value in options.items() if name not in left_out}
    return {"problem": problem, "parameters": parameters}


def _fingerprints(paths: dict[str, Path]) -> dict[str, Any]:
    """Return path, size and sha256 of each file."""
    import hashlib

    told = {}
    for name, path in paths.items():
        try:
            with open(path, "rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
                size = file.tell()
        except OSError as error:
            reason = error.strerror or error
            raise DataError(f"{path}: expected a readable file, got: {reason}") from error
        told[name] = {"path": str(path.resolve()), "bytes": size, "sha256": digest}
    return told


# ---- going on and replaying ----------------------------------------------------------------------


def _recipe(
    run: RunDirectory, engine: str | None, jobs: int | None, moved: list[Path] | None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the options of a run's training, and what its files are now."""
    told = run.manifest.run
    if told["problem"] not in _BODIES:
        raise SerialeqError(
            f"{run.path}: expected a run of one of {', '.join(_BODIES)}, got {told['problem']!r}; "
            "replay it in Python with serialeq.RunVerifier"
        )
    recorded = told["data"]["files"]
    _, names = _BODIES[told["problem"]]
    paths = {name: Path(file["path"]) for name, file in recorded.items()}
    if moved:
        if len(moved) != len(paths):
            raise SerialeqError(f"data: expected {len(paths)} files ({', '.join(paths)})")
        paths = dict(zip(paths, moved, strict=True))
    files = _fingerprints(paths)
    for name, file in files.items():
        for field in ("bytes", "sha256"):
            if file[field] != recorded[name][field]:
                raise DataError(
                    f"{file['path']}: {field}: the data ({name}) changed since the run: expected "
                    f"{recorded[name][field]}, as manifest.json says, got {file[field]}"
                )
    engine = engine or _ENGINES[told["promise"]]
    options = dict.fromkeys((*_HOW, *names)) | told["parameters"] | paths
    return options | {"engine": engine, "jobs": jobs}, files


def train(
    context: typer.Context,
    directory: Annotated[
        Path | None, typer.Option("--resume", help="Go on with the interrupted run of DIR.")
    ] = None,
    engine: Engine = None,
    jobs: Jobs = None,
    data: Files = None,
    checkpoint_every: Every = None,
    checkpoint_seconds: Seconds = None,
    keep_checkpoints: Keep = False,
    as_json: Json = False,
) -> None:
    """Train a model, or go on with a run; the options here are for --resume."""
    if context.invoked_subcommand is not None:
        return
    if directory is None:
        print(context.get_help())
        raise typer.Exit(2)
    how = {
        "checkpoint_every": checkpoint_every,
        "checkpoint_seconds": checkpoint_seconds,
        "keep_checkpoints": keep_checkpoints,
        "as_json": as_json,
    }
    _resume(directory, engine, jobs, data, how)


def _resume(
    directory: Path,
    engine: str | None,
    jobs: int | None,
    moved: list[Path] | None,
    how: dict[str, Any],
) -> None:
    """Go on with an interrupted run; `how` are the options that do not make the model."""
    from serialeq.runs.directory import RunDirectory
    from serialeq.runs.recorder import RunRecorder

    from .report import notices

    run = RunDirectory.open(directory)
    told = run.manifest.run
    if run.manifest.complete:
        notices.print(f"{directory} is complete: {run.manifest.chain.n_epochs} epochs")
        return
    options, files = _recipe(run, engine, jobs, moved)
    options |= how
    recorder = RunRecorder(
        directory,
        resume=True,
        every=how["checkpoint_every"],
        seconds=how["checkpoint_seconds"],
        keep=how["keep_checkpoints"],
        files=files,
        description={name: told[name] for name in ("problem", "parameters")},
        finish=False,
    )
    notices.print(f"{run.manifest.chain.n_epochs} of {told['n_epochs']} epochs are done")
    _train(told["problem"], options, recorder)


def verify(
    directory: Annotated[Path, typer.Argument(help="Directory written by train --out.")],
    epochs: Annotated[
        str | None, typer.Option(help="FIRST:LAST, the states to compare; 0 is the start.")
    ] = None,
    engine: Engine = None,
    jobs: Jobs = None,
    data: Files = None,
    as_json: Json = False,
) -> None:
    """Train again and say at which epoch the bits first differ (exit status 3), if they do."""
    from serialeq.runs.directory import RunDirectory
    from serialeq.runs.verifier import RunVerifier

    from .report import notices, print_json

    run = RunDirectory.open(directory)
    told = run.manifest.run
    options, files = _recipe(run, engine, jobs, data)
    description = {name: told[name] for name in ("problem", "parameters")}
    verifier = RunVerifier(directory, *_range(epochs), files=files, description=description)
    body, _ = _BODIES[told["problem"]]
    for field, there, here in verifier.environment:
        notices.print(f"{field}: the run was made with {there}, this is {here}")
    trained = body(SimpleNamespace(**options | {"as_json": True}), [verifier])
    verifier.compare_model(trained.arrays)
    at, chain = verifier.first_difference, run.manifest.chain
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


def _range(epochs: str | None) -> tuple[int | None, int | None]:
    if epochs is None:
        return None, None
    first, colon, last = epochs.partition(":")
    if not colon or not all(part == "" or part.isdecimal() for part in (first, last)):
        raise SerialeqError(f"epochs: expected FIRST:LAST, got {epochs!r}")
    return int(first) if first else None, int(last) if last else None


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

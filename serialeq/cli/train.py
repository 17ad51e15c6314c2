"""``serialeq train KIND``: from files to a trained, recorded model."""

from __future__ import annotations

import signal
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from . import options as o

if TYPE_CHECKING:
    from serialeq.problems.command import Command, Report
    from serialeq.problems.registry import Kind
    from serialeq.runs.recorder import RunRecorder
    from serialeq.training.callbacks import Callback
    from serialeq.training.estimator import Estimator

OPTIONS: dict[str, tuple[Any, Any]] = {
    "out": (o.Out, None),
    "best": (o.Best, False),
    "checkpoint_every": (o.Every, None),
    "checkpoint_seconds": (o.Seconds, None),
    "keep_checkpoints": (o.Keep, False),
    "digest_every": (o.DigestEvery, 1),
    "as_json": (o.Json, False),
}


class Job(NamedTuple):
    """What is to be trained: an estimator, and what reads its data."""

    kind: Kind
    command: Command
    estimator: Estimator

    def source(self, files: dict[str, Any]) -> dict[str, Any]:
        """Return what a manifest tells of where the data come from."""
        return {"files": files, "reading": self.command.record()}

    def files(self) -> dict[str, Path]:
        """Return the files that are to be read."""
        return {n: path for n in self.command.files() if (path := getattr(self.command, n))}


class Trained(NamedTuple):
    """What came of a job: the model, its description, and what to tell the user."""

    arrays: dict[str, Any]
    about: dict[str, Any]
    report: Report


def make_job(kind: Kind, given: Mapping[str, Any]) -> Job:
    """Return what is to be trained, checked, given files, options and parameters by name."""
    from .declared import classes_of, command_of

    own = command_of(kind).declarations()
    command = command_of(kind)(**{name: given[name] for name in given if name in own})
    rest = {name: given[name] for name in given if name not in own}
    job = Job(kind, command, command.estimator(classes_of(kind), rest))
    command.check(job.estimator)
    return job


def start(kind: Kind, given: Mapping[str, Any], options: Mapping[str, Any]) -> None:
    """Train as a command was told, into a run directory if it was told one."""
    from serialeq.runs.atomic import prepare_directory
    from serialeq.runs.recorder import RunRecorder
    from serialeq.training.callbacks import BestEpoch

    from .files import fingerprints

    job = make_job(kind, given)
    recorder = None
    if options["out"] is not None:
        prepare_directory(options["out"])
        recorder = RunRecorder(
            options["out"],
            every=options["checkpoint_every"],
            seconds=options["checkpoint_seconds"],
            keep=options["keep_checkpoints"],
            digest_every=options["digest_every"],
            source=job.source(fingerprints(job.files())),
            finish=False,
        )
    finish(job, recorder, [BestEpoch()] if options["best"] else [], options["as_json"])


def finish(
    job: Job, recorder: RunRecorder | None, callbacks: Sequence[Callback], as_json: bool
) -> None:
    """Train, save what was recorded, and tell."""
    with _terminated_in_order():
        trained = run(job, [*([recorder] if recorder else []), *callbacks])
    if recorder is not None:
        recorder.save(trained.arrays, trained.about)
    _tell(job, trained, as_json)


def run(job: Job, callbacks: Sequence[Callback]) -> Trained:
    """Read and train; what the estimator warns of becomes a notice."""
    from .report import EpochProgress, notices

    data = job.command.read(job.estimator)
    notices.print(data.summary)
    with warnings.catch_warnings(record=True) as caught, EpochProgress() as progress:
        warnings.simplefilter("always", UserWarning)
        observers = [*callbacks, progress]
        fit: Any = getattr(job.estimator, "fit")  # noqa: B009
        fit(*data.arguments, **data.options, callbacks=observers)
    for warning in caught:
        notices.print(str(warning.message))
    report = job.command.report(job.estimator, data)
    arrays, about = job.estimator.saved(data.inputs)
    return Trained(arrays, about | data.about | report.about, report)


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


def _tell(job: Job, trained: Trained, as_json: bool) -> None:
    from .report import print_json

    estimator, history = job.estimator, job.estimator.history_
    engine, reason, jobs = estimator.engine_, estimator.engine_reason_, estimator.n_workers_
    if as_json:
        seconds = sum(record["seconds"] for record in history)
        used = {"engine": engine, "engine_reason": reason, "jobs": jobs, "seconds": seconds}
        print_json(trained.about | used | {"history": history} | trained.report.found)
        return
    lines = [
        ("engine", f"{engine} ({reason})" + f", {jobs} workers" * (engine != "serial")),
        ("epochs", f"{estimator.epoch_} of {len(history)}"),
    ]
    for label, loss in zip(("loss", "held out"), estimator.final_losses(), strict=True):
        if loss is not None:
            lines.append((label, f"{loss:.6g}"))
    for label, text in [*lines, *trained.report.lines, ("digest", estimator.digest_)]:
        print(f"{label:<9} {text}")

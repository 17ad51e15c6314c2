"""Run directories in tests: how they are made, what they say, what one could make of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from run_cases import CASES

from serialeq import Callback, RunRecorder, RunVerifier, fit
from serialeq.runs.directory import RunDirectory


def content(directory: Path) -> tuple[bytes, ...]:
    """Return the bytes of what does not depend on times."""
    return tuple((directory / name).read_bytes() for name in ("model.npz", "manifest.json"))


def about(directory: Path) -> dict[str, Any]:
    return RunDirectory.open(directory).manifest.about


def forge(directory: Path, arrays: Any = None, about: Any = None) -> None:
    """Replace the model or its description, and seal it again."""
    run = RunDirectory.open(directory)
    arrays = run.model() if arrays is None else arrays
    about = run.manifest.about if about is None else about
    run.complete(run.manifest, arrays, about, epoch=run.manifest.chain.n_epochs)


N = 5


class Interruption(Callback):
    """Interrupts the training like Ctrl-C, at the end of an epoch."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def on_epoch_end(self, training, record):
        if record.epoch == self.epoch:
            raise KeyboardInterrupt


def train(name, out, engine="serial", n_jobs=1, callbacks=(), **options):
    make, order, _ = CASES[name]
    recorder = RunRecorder(out, **options)
    return fit(make(), order, n_epochs=N, engine=engine, n_jobs=n_jobs, seed=3,
               callbacks=[recorder, *callbacks], with_loss=False)  # fmt: skip


def interrupted(name, out, epoch, **options):
    with pytest.raises(KeyboardInterrupt):
        train(name, out, callbacks=[Interruption(epoch)], **options)


def verified(name, out, first=None, last=None, **options):
    make, order, _ = CASES[name]
    verifier = RunVerifier(out, first, last)
    options = {"engine": "serial", "n_jobs": 1, "seed": 3} | options
    fit(make(), order, n_epochs=N, callbacks=[verifier], **options)
    return verifier


def content_of(path):
    return {file.name: file.read_bytes() for file in sorted(path.iterdir())}

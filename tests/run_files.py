"""Run directories in tests: how they are made, what they say, what one could make of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from run_cases import CASES

from serialeq import Callback, RunRecorder, RunVerifier, fit, generate_ratings
from serialeq.problems.example_rows import example_rows
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


FILES = {
    "mf": ["ratings.csv"],
    "linear": ["data.svm"],
    "cut": ["image.npy", "--seeds", "seeds.npy"],
    "embed": ["texts.tsv"],
    "topics": ["texts.tsv"],
    "network": ["data.svm"],
}
"""What the commands of each kind are given of `write_files`."""


def write_files(directory: Path) -> Path:
    """Write a small data set for every kind of problem."""
    made = generate_ratings(3_000, n_users=120, n_items=80, rank=4, seed=1)
    triples = zip(made.users, made.items, made.values, strict=True)
    lines = (f"{u},{i},{v:g}\n" for u, i, v in triples)
    (directory / "ratings.csv").write_text("".join(lines))
    X, signs = example_rows(dense=True)
    lines = (
        f"{sign:.0f} " + " ".join(f"{j}:{x:g}" for j, x in enumerate(row, 1) if x) + "\n"
        for sign, row in zip(signs[:, 0], X, strict=True)
    )
    (directory / "data.svm").write_text("".join(lines))
    texts = [
        ("ham\t" if i % 2 else "spam\t") + " ".join(f"word{(i * k) % 23}" for k in range(1, 12))
        for i in range(120)
    ]
    (directory / "texts.tsv").write_text("\n".join(texts) + "\n")
    np.save(directory / "image.npy", (np.arange(400).reshape(20, 20) % 20 > 9).astype(float))
    seeds = np.full((20, 20), -1)
    seeds[0, 0], seeds[-1, -1] = 0, 1
    np.save(directory / "seeds.npy", seeds)
    return directory

"""Run directories in tests: what they say, and what somebody could make of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

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

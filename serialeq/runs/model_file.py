"""Model directories: what `serialeq train --out` writes and `serialeq predict` reads."""

from __future__ import annotations

import json
import os
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from serialeq.digest import digest_arrays
from serialeq.errors import DataError

_MODEL, _ABOUT = "model.npz", "model.json"
_ARRAYS = {
    "ratings": ("mean", "user_ids", "item_ids"),
    "linear": ("coef", "intercept"),
    "cut": ("x", "labels", "classes"),
    "embedding": ("user_factors", "item_factors", "vocabulary"),
    "topics": ("components", "word_frequencies", "vocabulary", "idf"),
}


def prepare_directory(directory: Path) -> None:
    """Make the directory, if need be, and see that files can be written there.

    Raises
    ------
    DataError
        If not: better now than after training.
    """
    made = not directory.exists()
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory):
            pass
    except OSError as error:
        raise DataError(f"out: cannot write {directory}: {error.strerror or error}") from error
    if made:
        directory.rmdir()


def save_model(directory: Path, arrays: dict[str, np.ndarray], about: dict[str, Any]) -> None:
    """Write ``model.npz`` and ``model.json``, each whole or not at all.

    Parameters
    ----------
    directory : Path
    arrays : dict of arrays
    about : dict
        With ``trained``, the names of the arrays that ``digest`` is of, and ``kind``: "ratings"
        (the default), "linear", "cut", "embedding" or "topics". With all but ratings,
        ``input_digest`` is of all other arrays.

    Raises
    ------
    DataError
        If the directory cannot be written.
    """
    text = json.dumps(about, indent=2, sort_keys=True) + "\n"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        _write(directory / _MODEL, lambda file: np.savez(file, **arrays))  # type: ignore[arg-type]
        _write(directory / _ABOUT, lambda file: file.write(text.encode()))
    except OSError as error:
        raise DataError(f"out: cannot write {directory}: {error.strerror or error}") from error


def load_model(directory: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Return the arrays and the description of a model directory.

    Raises
    ------
    DataError
        If a file is missing or damaged, or the arrays do not have the digest recorded.
    """
    try:
        about = json.loads((directory / _ABOUT).read_text())
        with np.load(directory / _MODEL, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        trained = {name: arrays[name] for name in about["trained"]}
        expected = [(about["digest"], trained)]
        if "input_digest" in about:
            others = {name: array for name, array in arrays.items() if name not in trained}
            expected.append((about["input_digest"], others))
        for name in _ARRAYS[about.get("kind", "ratings")]:
            arrays[name]
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"model: cannot read {directory}: {error}") from error
    for recorded, group in expected:
        found = digest_arrays(group)
        if found != recorded:
            raise DataError(f"model: {directory} has digest {found}, but {recorded} is recorded")
    return arrays, about


def _write(path: Path, write: Callable[[BinaryIO], Any]) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        os.chmod(name, 0o644)
        with os.fdopen(handle, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise

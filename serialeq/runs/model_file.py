"""The model in a run directory, as `serialeq predict` and `serialeq.load` read it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from serialeq.digest import digest_arrays
from serialeq.errors import DataError

from .directory import RunDirectory

_ARRAYS = {
    "ratings": ("mean", "user_ids", "item_ids"),
    "linear": ("coef", "intercept"),
    "cut": ("x", "labels", "classes"),
    "embedding": ("user_factors", "item_factors", "vocabulary"),
    "topics": ("components", "word_frequencies"),
    "network": ("hidden", "hidden_bias", "output", "output_bias", "classes"),
    "arrays": (),
}


def load_model(directory: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Return the arrays and the description of the model in a run directory.

    Raises
    ------
    DataError
        If the run is not complete, a file is missing or damaged, or the arrays do not have the
        digest recorded.
    """
    return check_model(RunDirectory.open(directory))


def check_model(run: RunDirectory) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Return the arrays and the description of a run's model, see `load_model`."""
    arrays, about = run.model(), run.manifest.about
    try:
        for name in _ARRAYS[about["kind"]]:
            arrays[name]
        trained = {name: arrays[name] for name in about["trained"]}
    except (KeyError, TypeError) as error:
        raise DataError(f"model: {run.path}: expected a whole model, got none of {error}") from None
    expected = [(about.get("digest"), trained)]
    if "input_digest" in about:
        others = {name: array for name, array in arrays.items() if name not in trained}
        expected.append((about["input_digest"], others))
    for recorded, group in expected:
        found = digest_arrays(group)
        if found != recorded:
            raise DataError(f"model: {run.path} has digest {found}, but {recorded} is recorded")
    return arrays, about

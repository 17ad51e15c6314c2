"""Estimators as arrays and a description, for run directories: no pickles.

Every estimator has ``_describe()`` and, the other way, ``_restore(arrays, about, history)``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from serialeq.digest import digest_arrays
from serialeq.errors import DataError

from .callbacks import Callback

Described = tuple[dict[str, np.ndarray], dict[str, Any]]
"""All arrays, and what else is to be known: see `serialeq.runs.model_file`."""


def describe(
    kind: str,
    estimator: Any,
    parameters: dict[str, Any],
    trained: dict[str, np.ndarray],
    others: dict[str, np.ndarray],
) -> Described:
    """Return the arrays that the digest covers and others, and what every kind of model tells."""
    about = {
        "kind": kind,
        "digest": estimator.digest_,
        "input_digest": digest_arrays(others),
        "equivalent": estimator.engine_ != "hogwild",
        "order": estimator.order if isinstance(estimator.order, str) else "given",
        "parameters": parameters,
        "trained": sorted(trained),
    }
    return trained | others, about


def add_inputs(described: Described, inputs: dict[str, np.ndarray], **about: Any) -> Described:
    """Add arrays that the digest does not cover, such as the words of texts, and what they are."""
    arrays, told = described
    others = {name: a for name, a in arrays.items() if name not in told["trained"]} | inputs
    return arrays | inputs, told | {"input_digest": digest_arrays(others)} | about


def tell_model(callbacks: Sequence[Callback], estimator: Any) -> None:
    """Tell callbacks what the estimator has become."""
    if callbacks:
        arrays, about = estimator._describe()
        for callback in callbacks:
            callback.on_fit_end(arrays, about)


def parameters_of(estimator: Any, *left_out: str) -> dict[str, Any]:
    """Return the parameters that make the model, all but order, engine and workers."""
    told = {
        name: value
        for name, value in estimator.get_params(deep=False).items()
        if name not in ("engine", "n_jobs", "order", *left_out)
    }
    if not isinstance(told["random_state"], (int, np.integer)):
        told["random_state"] = None
    weights = told.get("class_weight")
    if isinstance(weights, dict):  # of which JSON would make all labels strings
        told["class_weight"] = [
            [np.asarray(label).item(), float(weight)] for label, weight in weights.items()
        ]
    return told


def remade(kind: type, about: dict[str, Any], **given: Any) -> Any:
    """Return an estimator with the parameters of `parameters_of`."""
    parameters = dict(about["parameters"])
    if isinstance(parameters.get("class_weight"), list):
        parameters["class_weight"] = dict(map(tuple, parameters["class_weight"]))
    return kind(**parameters | {"order": about["order"]} | given)


def pack_words(words: Sequence[Any]) -> np.ndarray:
    """Return words as lines of UTF-8, or whatever else they are as an array."""
    if all(isinstance(word, str) and "\n" not in word for word in words):
        return np.frombuffer("\n".join(words).encode(), dtype=np.uint8)
    return plain_labels(np.array(words))


def unpack_words(packed: np.ndarray) -> list[Any]:
    """Return what `pack_words` was given."""
    return packed.tobytes().decode().split("\n") if packed.dtype == np.uint8 else packed.tolist()


def plain_labels(labels: np.ndarray) -> np.ndarray:
    """Return labels as an array that can be a file.

    Raises
    ------
    DataError
        If they are neither numbers nor texts.
    """
    if labels.dtype.hasobject:
        found = labels.tolist()
        if not all(isinstance(label, str) for label in found):
            raise DataError("labels: expected numbers or texts, to write a model to files")
        return np.array(found, dtype=str)
    return labels

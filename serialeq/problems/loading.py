"""`serialeq.load`: a complete run directory as arrays, as an estimator, as scikit-learn's."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from serialeq.digest import digest_arrays
from serialeq.errors import DataError, SerialeqError
from serialeq.runs.directory import RunDirectory
from serialeq.training.estimator import Estimator

from . import registry
from .format1 import recorded_about, recorded_run


@dataclass(frozen=True, eq=False)
class SavedRun:
    """A run that was read from its directory and checked."""

    arrays: dict[str, np.ndarray]
    """Factors, coefficients and what belongs to them, as plain NumPy arrays."""
    about: dict[str, Any]
    """What else is known of the model: ``kind``, ``digest``, parameters."""
    run: dict[str, Any]
    """What was trained: ``problem``, ``parameters``, ``order``, ``seed``, ``data``."""
    chain: tuple[str, ...]
    """A link for each epoch, from the start on."""
    history: list[dict[str, Any]]
    """Per epoch: epoch, seconds, loss, validation_loss."""
    epoch: int
    """Whose model it is: the last one, or the best (see `serialeq.BestEpoch`)."""

    @property
    def digest(self) -> str:
        """The sha256 of the trained arrays."""
        return str(self.about["digest"])

    def estimator(self) -> Any:
        """Return the fitted estimator; `partial_fit` and `warm_start` go on in its bits.

        Raises
        ------
        SerialeqError
            If the run is of a problem that has none, or the model is not whole.
        """
        cls = _class_of(self.about)
        try:
            return cls.restored(self.arrays, self.about, self.history, self.epoch)
        except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
            kind = self.about.get("kind")
            raise DataError(f"model: expected a whole {kind} model, got: {error!r}") from error

    def features(self) -> Any:
        """Return what makes the estimator's matrices from texts, if it was trained on texts."""
        from serialeq.reading.features import restore_features

        return restore_features(self.arrays, self.about)

    def to_sklearn(self) -> Any:
        """Return the estimator of scikit-learn with the same coefficients, where there is one."""
        made = self.estimator()
        if not hasattr(made, "to_sklearn"):
            kind = self.about["kind"]
            raise SerialeqError(f"to_sklearn: expected a model that scikit-learn has, got {kind!r}")
        return made.to_sklearn()


def load(directory: str | os.PathLike[str]) -> SavedRun:
    """Read and check a complete run directory.

    Raises
    ------
    DataError
        If it is damaged, of a newer version, or not complete; names file and field.
    """
    run = RunDirectory.open(Path(directory))
    arrays, manifest, about = run.model(), run.manifest, recorded_about(run.manifest)
    _check_whole(run.path, arrays, about)
    history = [asdict(record) for record in run.history]
    epoch = manifest.model.epoch if manifest.model else 0
    return SavedRun(arrays, about, recorded_run(manifest), manifest.chain.links, history, epoch)


def _check_whole(path: Path, arrays: dict[str, np.ndarray], about: dict[str, Any]) -> None:
    """Raise DataError unless a model has all its arrays, with the digests recorded."""
    try:
        if kind := registry.kinds().get(about["kind"]):
            _ = [arrays[name] for name in kind.arrays]
        trained = {name: arrays[name] for name in about["trained"]}
    except (KeyError, TypeError) as error:
        raise DataError(f"model: {path}: expected a whole model, got none of {error}") from None
    others = {name: arrays[name] for name in arrays.keys() - trained.keys()}
    for key, group in (("digest", trained), ("input_digest", others)):
        found = digest_arrays(group)
        if about.get(key, found if key == "input_digest" else None) != found:
            raise DataError(f"model: {path} has {key} {found}, but {about.get(key)} is recorded")


def _class_of(about: Mapping[str, Any]) -> type[Estimator]:
    name = about.get("estimator")
    known = registry.places(registry.kinds().values())
    if not isinstance(name, str) or name not in known:
        got = name or about.get("kind")
        raise SerialeqError(f"estimator: expected a model of one, got {got!r}; see arrays")
    cls: type[Estimator] = registry.imported(known[name])
    return cls


def estimator_of(run: Mapping[str, Any], promise: str) -> Estimator:
    """Return the estimator that a run's manifest describes, to be trained again."""
    return _class_of(run).recorded(run["parameters"], promise)

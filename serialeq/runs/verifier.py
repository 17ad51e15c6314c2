"""`RunVerifier`: the callback that replays a run and says where it first differs."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import numpy as np

from serialeq.digest import digest_arrays
from serialeq.errors import DataError, SerialeqError
from serialeq.training.callbacks import Callback, EpochRecord, Training

from .array_file import pack_arrays
from .directory import RunDirectory
from .manifest import Manifest, differences
from .recorder import check_same_run, describe_run


class RunVerifier(Callback):
    """Compares a training with a run directory, epoch by epoch; stops at the first difference.

    Parameters
    ----------
    directory : path
    first, last : int, optional
        Compare the states after these epochs and all between, 0 being the start; by default all
        epochs of the run. The replay begins at the last checkpoint not after `first`. Where the
        chain has not all epochs, the range is widened to those that it has.
    source : dict, optional
        As in `RunRecorder`.

    Attributes
    ----------
    run : RunDirectory
    began : int
        The epoch whose state was loaded, 0 if the replay began at the start.
    first_difference : int or None
        The first epoch with another digest.
    n_compared : int
        How many digests were compared.
    environment : list of (str, str, str)
        Versions that differ: field, the run's, those here, once a training began. Bits need not
        differ for that.
    model_differs : bool or None
        Whether the model is another one; None: it was not compared, as the replay did not run
        from what makes it to the end of the run.
    """

    resumes = True

    def __init__(
        self,
        directory: str | os.PathLike[str],
        first: int | None = None,
        last: int | None = None,
        *,
        source: dict[str, Any] | None = None,
    ) -> None:
        self.run = RunDirectory.open(Path(directory))
        chain = self.run.manifest.chain
        n, first = chain.n_epochs, first or 0
        last = n if last is None else last
        if not 0 <= first <= last <= n:
            raise SerialeqError(f"epochs: expected FIRST:LAST within 0:{n}, got {first}:{last}")
        self._first = max(epoch for epoch in chain.epochs if epoch <= first)
        self._last = min(epoch for epoch in chain.epochs if epoch >= last)
        self.environment: list[tuple[str, str, str]] = []
        if self.run.manifest.run["promise"] == "none":
            raise SerialeqError(
                f"verify: {directory} was trained by hogwild, which promises no bits"
            )
        self.source = source or {}
        self.began, self.n_compared = 0, 0
        self.model_differs: bool | None = None
        self.first_difference: int | None = None

    def on_train_begin(self, training: Training) -> None:
        """See that it is the same run, and load the checkpoint to begin with."""
        recorded, start = self.run.manifest, self.run.manifest.chain.digests[0]
        run = describe_run(training, self.source, recorded.run["digest_every"])
        here = Manifest.start(run, start, type(training.problem))
        self.environment = differences(recorded.environment, here.environment)
        if run["promise"] != recorded.run["promise"]:
            raise SerialeqError(
                f"engine: expected one that promises what the run's did "
                f"({recorded.run['promise']}), got one that promises {run['promise']}"
            )
        check_same_run(recorded, here, str(self.run.path))
        if digest_arrays(training.problem.state()) != start:
            self.first_difference = 0
        starts = [record for record in recorded.checkpoints if record.epoch <= self._first]
        if starts and self.first_difference is None:
            self.began = starts[-1].epoch
            training.resume(self.run.state(starts[-1]), self.run.history[: self.began])
        self.n_compared = int(self._first == 0 or self.began == self._first)
        if self.first_difference is not None or self.began >= self._last:
            training.stop("verified")

    def on_epoch_end(self, training: Training, record: EpochRecord) -> None:
        """Compare the digest of the state."""
        done = len(training.history)
        expected = self.run.manifest.chain.states.get(done)
        if done >= self._first and expected is not None:
            self.n_compared += 1
            if digest_arrays(training.problem.state()) != expected:
                self.first_difference = done
        if self.first_difference is not None or done >= self._last:
            training.stop("verified")

    def on_train_end(self, training: Training) -> None:
        """See that the training did not end sooner than the run; compare its model."""
        if self.first_difference is None and len(training.history) < self._last:
            raise DataError(
                f"{self.run.path}: the training ended after {len(training.history)} epochs, but "
                f"{self._last} are recorded"
            )
        if not training.description:  # no estimator
            self.compare_model(training.problem.trained())

    def on_fit_end(self, arrays: dict[str, np.ndarray], about: dict[str, Any]) -> None:
        """Compare an estimator's model."""
        self.compare_model(arrays)

    def compare_model(self, arrays: dict[str, np.ndarray]) -> None:
        """Compare the arrays that the training gave with the run's model, if they can be."""
        manifest = self.run.manifest
        whole = self._last == manifest.chain.n_epochs and self.first_difference is None
        best = manifest.run["model"] == "best" and self.began
        if manifest.model is not None and whole and not best:
            found = hashlib.sha256(pack_arrays(arrays)).hexdigest()
            self.model_differs = found != manifest.model.sha256

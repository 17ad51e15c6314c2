"""`RunRecorder`: the callback that writes a run directory and goes on from one."""

from __future__ import annotations

import os
import time
import warnings
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from serialeq.digest import digest_arrays
from serialeq.engines.engine import promise_of
from serialeq.errors import DataError, SerialeqError
from serialeq.training.callbacks import Callback, EpochRecord, Training, best_epoch

from .atomic import DirectoryLock, remove_unfinished
from .directory import RunDirectory, read_manifest
from .manifest import Manifest, differences

CHECKPOINT_SECONDS = 60.0
States = dict[int, dict[str, np.ndarray]]
"""States to write, by epoch: the last, and the best one if that is kept."""

_SAME_IN_FORMAT_1 = ("order", "seed", "n_epochs", "first_epoch", "promise", "model",
                     "digest_every", "data")  # fmt: skip


def describe_run(training: Training, source: dict[str, Any], digest_every: int) -> dict[str, Any]:
    """Return what is trained, as the manifest tells it."""
    orders = training.session.orders
    name = type(training.problem).__name__
    return {"problem": name, "estimator": None, "parameters": {}} | training.description | {
        "order": orders.name,
        "seed": orders.seed,
        "n_epochs": training.n_epochs,
        "first_epoch": training.first_epoch,
        "promise": promise_of(training.session.asked_for),
        "model": "best" if training.keeps_best else "last",
        "digest_every": digest_every,
        "data": {"sha256": digest_arrays(training.problem.data()), "files": {}} | source,
    }  # fmt: skip


class RunRecorder(Callback):
    """Writes a run directory while training, or goes on from one.

    Parameters
    ----------
    directory : path
    resume : bool
        Go on from the last checkpoint of a run of the same problem, parameters and data; the
        engine and the number of workers may be others. Ends in the bits of the run that was
        never interrupted. Otherwise the directory may not hold a run.
    every : int, optional
        Write a checkpoint after so many epochs.
    seconds : float, optional
        Write one when so much time has passed; by default a minute, if `every` is not given. One
        is always written after the first epoch and when the training is interrupted.
    keep : bool
        Keep all checkpoints, so that `serialeq verify --epochs` need not begin at the start.
    digest_every : int
        Hash the state after so many epochs, and after the last; checkpoints are of such epochs.
        Hashing takes 0.6 ns for each byte of the state, which counts if epochs take milliseconds.
        A resumed run goes on with what it began with.
    source : dict, optional
        Where the data come from: ``files`` (path, bytes and sha256 of each, by name) and how they
        were read (``reading``: options by name).
    finish : bool
        False: the caller writes the model, with `save`.

    Raises
    ------
    DataError
        If the directory cannot be written, is in use, holds a run already, or what it holds is
        damaged or another run.
    """

    def __init__(
        self,
        directory: str | os.PathLike[str],
        *,
        resume: bool = False,
        every: int | None = None,
        seconds: float | None = None,
        keep: bool = False,
        digest_every: int = 1,
        source: dict[str, Any] | None = None,
        finish: bool = True,
    ) -> None:
        for name, number in (("digest_every", digest_every), ("checkpoint_every", every)):
            if number is not None and number < 1:
                raise SerialeqError(f"{name}: expected at least 1, got {number}")
        if seconds is not None and not seconds >= 0:
            raise SerialeqError(f"checkpoint_seconds: expected at least 0, got {seconds}")
        if every is None and seconds is None:
            seconds = CHECKPOINT_SECONDS
        self.directory = Path(directory)
        self._resume, self._every, self._seconds, self._keep = resume, every, seconds, keep
        self._digest_every = digest_every
        self._source, self._finish = source or {}, finish
        self._run: RunDirectory | None = None
        self._lock: DirectoryLock | None = None
        self._manifest: Manifest  # with a link for every state that was hashed
        self._states: States
        self._hashing: tuple[Future[str], list[EpochRecord], States] | None
        self._hasher: ThreadPoolExecutor
        self._model_epoch: int
        self._last: tuple[int, float]

    resumes = True

    def on_train_begin(self, training: Training) -> None:
        """Describe the run; go on from its last checkpoint, if asked to."""
        self._run, self._lock, self._hashing = None, None, None
        self._states, self._model_epoch = {}, 0
        self._hasher = ThreadPoolExecutor(1, "serialeq-digest")
        if self._resume:
            read_manifest(self.directory)  # or there is nothing to become the writer of
            self._begin()
            found = RunDirectory.open(self.directory)
            self._digest_every = found.manifest.run["digest_every"]
        run = describe_run(training, self._source, self._digest_every)
        start = digest_arrays(training.problem.state())
        fresh = RunDirectory(self.directory, Manifest.start(run, start, type(training.problem)))
        if self._resume:
            self._go_on(training, found, fresh.manifest)
        elif fresh.holds_run():
            raise DataError(
                f"out: {self.directory} holds a run already; go on with --resume "
                f"{self.directory}, or choose another directory"
            )
        begun = found if self._resume else fresh
        self._last = begun.manifest.chain.n_epochs, time.monotonic()
        self._manifest, self._run = begun.manifest, begun

    def _go_on(self, training: Training, run: RunDirectory, fresh: Manifest) -> None:
        found, best = run.manifest, None
        check_same_run(found, fresh, str(self.directory))
        if found.complete:
            raise DataError(f"resume: {self.directory} is complete")
        check_same_code(found, fresh, str(self.directory))
        if training.keeps_best:
            epoch = (best_epoch(run.history) or 0) - training.first_epoch
            best = epoch, run.state(found.checkpoint(epoch))
        training.resume(run.state(found.checkpoints[-1]), run.history, best)
        self._keep = self._keep or len(found.checkpoints) > 1 + training.keeps_best

    def on_epoch_end(self, training: Training, record: EpochRecord) -> None:
        """Have the state hashed beside the next epoch; write a checkpoint if it is time."""
        done = len(training.history)
        if done % self._digest_every:
            return
        self._hash(training)
        epoch, at = self._last
        if (
            done == self._digest_every
            or (self._every is not None and done - epoch >= self._every)
            or (self._seconds is not None and time.monotonic() - at >= self._seconds)
        ):
            self._commit()

    def _hash(self, training: Training) -> None:
        done, best = len(training.history), training.best
        states = {done: training.problem.state()} | ({best[0]: best[1]} if best else {})
        self._settle()
        records = training.history[self._manifest.chain.n_epochs :]
        self._hashing = self._hasher.submit(digest_arrays, states[done]), records, states

    def _settle(self) -> None:
        """Add a link to the chain and lines to the metrics for the state that was hashed.

        It may be interrupted and called again.
        """
        if self._hashing is None:
            return
        run = self._told()
        hashed, records, states = self._hashing
        done = self._manifest.chain.n_epochs
        chain = self._manifest.chain.then(hashed.result(), done + len(records))
        self._begin()
        for record in records[len(run.history) - done :]:
            run.append(record)
        self._manifest, self._states, self._hashing = (
            replace(self._manifest, chain=chain), states, None
        )  # fmt: skip

    def _told(self) -> RunDirectory:
        if self._run is None:
            raise SerialeqError("RunRecorder: expected to be told of a training first")
        return self._run

    def _begin(self) -> None:
        """Become the only one who writes here, and remove what others left unfinished."""
        if self._lock is not None:
            return
        self._lock = DirectoryLock(self.directory)
        remove_unfinished(self.directory)
        if self._run is not None and self._run.holds_run():  # another process was faster
            raise DataError(f"out: {self.directory} holds a run already")

    def _commit(self) -> None:
        self._settle()
        n_epochs = self._manifest.chain.n_epochs
        if n_epochs % self._digest_every and n_epochs < self._manifest.run["n_epochs"]:
            return  # the link of a training that was stopped: one that goes on does not have it
        if n_epochs > self._last[0]:
            self._told().commit(self._manifest, self._states, keep=self._keep)
        self._last = n_epochs, time.monotonic()

    def on_failure(self, training: Training, error: BaseException) -> None:
        """Write a checkpoint of the last whole epoch, if the training was interrupted."""
        try:
            if self._run is not None and isinstance(error, (KeyboardInterrupt, SystemExit)):
                self._commit()
        finally:
            self._release()

    def _release(self) -> None:
        """Let others write."""
        if self._lock is not None:
            self._lock.release()
        if self._run is not None:
            self._hasher.shutdown(wait=False)

    def on_epochs_end(self, training: Training) -> None:
        """Hash the last state, if that was not done."""
        self._settle()
        if len(training.history) > self._manifest.chain.n_epochs:
            if len(training.history) < training.n_epochs:
                self._commit()
            self._hash(training)

    def on_train_end(self, training: Training) -> None:
        """Write the model or, as others will do that in their time, a checkpoint."""
        self._model_epoch = training.best[0] if training.best else len(training.history)
        if self._finish and not training.description:  # without an estimator
            trained = training.problem.trained()
            about = {"kind": "arrays", "digest": digest_arrays(trained)}
            self.save(trained, about | {"trained": sorted(trained)})
        else:
            self._commit()

    def on_fit_end(self, arrays: dict[str, np.ndarray], about: dict[str, Any]) -> None:
        """Write an estimator's model, unless the caller does."""
        if self._finish:
            self.save(arrays, about)

    def save(self, arrays: dict[str, np.ndarray], about: dict[str, Any]) -> None:
        """Write the model, which makes the run complete.

        `about` has ``kind``, ``trained`` (the names of the arrays that ``digest`` is of), and what
        else `serialeq.load` needs.
        """
        run = self._told()
        self._settle()
        self._begin()  # if there were no epochs at all
        run.complete(self._manifest, arrays, about, epoch=self._model_epoch, keep=self._keep)
        self._release()


def check_same_run(found: Manifest, expected: Manifest, directory: str) -> None:
    """Raise DataError unless two manifests are of the same run; names the first field."""
    recorded, here = found.run, expected.run
    if found.format == 1:  # which has other names for problems and parameters
        recorded, here = ({key: run[key] for key in _SAME_IN_FORMAT_1} for run in (recorded, here))
        recorded, here = (run | {"data": run["data"]["sha256"]} for run in (recorded, here))
    for where, given, wanted in differences(here, recorded):
        raise DataError(f"resume: {directory}: {where}: expected {wanted}, got {given}")
    if found.chain.digests[0] != expected.chain.digests[0]:
        raise DataError(f"resume: {directory}: digests[0]: the training starts from another state")


def check_same_code(found: Manifest, present: Manifest, directory: str) -> None:
    """Raise DataError if a run was begun by other code of this package: bits could differ.

    Of other libraries and machines, on which no bits depend, a warning tells.
    """
    for field in ("serialeq", "code"):
        began, here = (manifest.environment.get(field) for manifest in (found, present))
        if began != here:
            raise DataError(
                f"resume: {directory}: environment.{field}: the run was begun with {began}, this "
                f"is {here}; go on with that version, or train anew"
            )
    for where, began, here in differences(found.environment, present.environment):
        warnings.warn(
            f"resume: {directory}: environment.{where}: the run was begun with {began}, and goes "
            f"on with {here}",
            stacklevel=2,
        )

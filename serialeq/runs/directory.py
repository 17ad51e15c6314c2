"""A run directory: reading it, and committing what is known so far.

::

    DIR/manifest.json         what the run is; names and seals the others (`serialeq.runs.manifest`)
    DIR/metrics.jsonl         a line for each epoch
    DIR/checkpoint-E.npz      the state after epoch E, while the run is not complete, or if kept
    DIR/model.npz             the trained arrays and what belongs to them, when it is

The manifest is written last, so that a killed process leaves the directory as of one commit or
the next, never between them: files that it does not name do not belong to the run.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from serialeq.digest import digest_arrays
from serialeq.errors import DataError
from serialeq.training.callbacks import EpochRecord

from . import manifest as manifests
from . import metrics
from .array_file import pack_arrays, unpack_arrays
from .atomic import errors_named, open_handle, sync_directory, write_atomically
from .manifest import FileRecord, Manifest

MODEL = "model.npz"


class RunDirectory:
    """What a directory holds, checked.

    Attributes
    ----------
    path : Path
    manifest : Manifest
        As committed last.
    history : list of EpochRecord
    """

    def __init__(self, path: Path, manifest: Manifest) -> None:
        self.path, self.manifest = path, manifest
        self.history: list[EpochRecord] = []
        self._seal, self._size = "", 0
        self._checked = "", b""

    # ---- reading -------------------------------------------------------------------------------

    @classmethod
    def open(cls, path: Path) -> RunDirectory:
        """Read and check every file of the run.

        Raises
        ------
        DataError
            If there is no run, or a file is missing, damaged or of a newer version; names file
            and field.
        """
        manifest = read_manifest(path)
        run = cls(path, manifest)
        lines = _read(path / metrics.NAME)
        found = metrics.decode_lines(lines, manifest.chain.n_epochs, str(path / metrics.NAME))
        run.history, run._seal, run._size = found
        if manifest.complete and len(lines) > run._size:
            raise DataError(f"{path / metrics.NAME}: more than {len(run.history)} lines")
        for record in (*manifest.checkpoints, *([manifest.model] if manifest.model else [])):
            run._checked = record.file, run._content(record)
        return run

    def _content(self, record: FileRecord) -> bytes:
        file, content = self._checked
        self._checked = "", b""
        if file == record.file:  # the last one, which is most often what is asked for next
            return content
        content = _read(self.path / record.file)
        found = hashlib.sha256(content).hexdigest()
        if found != record.sha256:
            raise DataError(
                f"{self.path / record.file}: sha256: expected {record.sha256}, as "
                f"{manifests.NAME} says, got {found}"
            )
        return content

    def arrays(self, record: FileRecord) -> dict[str, np.ndarray]:
        """Return the arrays of a file."""
        return unpack_arrays(self._content(record), str(self.path / record.file))

    def state(self, record: FileRecord) -> dict[str, np.ndarray]:
        """Return the state of a checkpoint, checked against the chain."""
        state = self.arrays(record)
        found, expected = digest_arrays(state), self.manifest.chain.states.get(record.epoch)
        if expected not in (found, None):
            raise DataError(
                f"{self.path / record.file}: expected the digest {expected} of epoch "
                f"{record.epoch}, got {found}"
            )
        return state

    def model(self) -> dict[str, np.ndarray]:
        """Return the arrays of the model.

        DataError: if the run is not complete.
        """
        if self.manifest.model is None:
            done, n = self.manifest.chain.n_epochs, self.manifest.run["n_epochs"]
            raise DataError(
                f"model: {self.path} is a run of which {done} of {n} epochs are done; go on with "
                f"serialeq train --resume {self.path}"
            )
        return self.arrays(self.manifest.model)

    # ---- writing -------------------------------------------------------------------------------

    def holds_run(self) -> bool:
        """Return whether somebody has committed a run here."""
        with errors_named(self.path):
            return (self.path / manifests.NAME).exists()

    def append(self, record: EpochRecord) -> None:
        """Write an epoch's line; it counts from the next commit on."""
        line, seal = metrics.encode_line(record, self._seal)
        size = self._size + len(line)
        with open_handle(self.path / metrics.NAME, os.O_RDWR | os.O_CREAT) as handle:
            at = self._size  # again, if it was interrupted; a disk that is nearly full takes a part
            while at < size:
                at += os.pwrite(handle, line[at - size :], at)
            os.ftruncate(handle, size)
        self.history, self._seal, self._size = [*self.history, record], seal, size

    def commit(
        self, manifest: Manifest, states: dict[int, dict[str, np.ndarray]], *, keep: bool = False
    ) -> None:
        """Write checkpoints of epochs, the manifest's last among them, and the manifest.

        `keep`: keep the checkpoints of other epochs.
        """
        known = {old.epoch: old for old in self.manifest.checkpoints}
        named = {epoch: record for epoch, record in known.items() if keep or epoch in states}
        files = {}
        for epoch in states.keys() - known.keys():
            name = f"checkpoint-{epoch:08d}.npz"
            files[name] = pack_arrays(states[epoch])
            named[epoch] = FileRecord.of(name, files[name], epoch)
        checkpoints = tuple(named[epoch] for epoch in sorted(named))
        self._write(replace(manifest, checkpoints=checkpoints), files)

    def complete(
        self,
        manifest: Manifest,
        arrays: dict[str, np.ndarray],
        about: dict[str, Any],
        *,
        epoch: int,
        keep: bool = False,
    ) -> None:
        """Write the model, which is of `epoch`, and the manifest of a complete run."""
        content = pack_arrays(arrays)
        record = FileRecord.of(MODEL, content, epoch)
        kept = self.manifest.checkpoints if keep else ()
        manifest = replace(manifest, checkpoints=kept, model=record, about=about)
        self._write(manifest, {MODEL: content})

    def _write(self, manifest: Manifest, files: dict[str, bytes]) -> None:
        encoded = manifest.encode()
        with open_handle(self.path / metrics.NAME, os.O_RDWR | os.O_CREAT) as handle:
            os.ftruncate(handle, self._size)
            os.fsync(handle)
        for name, content in files.items():
            write_atomically(self.path / name, content)
        write_atomically(self.path / manifests.NAME, encoded)
        self.manifest = manifest
        named = {record.file for record in manifest.checkpoints}
        for path in self.path.glob(f"checkpoint-{8 * '[0-9]'}.npz"):
            if path.name not in named:
                path.unlink(missing_ok=True)
        sync_directory(self.path)


def read_manifest(path: Path) -> Manifest:
    """Read the manifest of a run alone; the other files are not looked at."""
    return Manifest.decode(_read(path / manifests.NAME), str(path / manifests.NAME))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"model: cannot read {path}: {error.strerror or error}") from error

"""Files that are there whole or not at all, and a directory that one process writes."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from serialeq.errors import DataError

_TEMPORARY = ".unfinished-"


def prepare_directory(directory: Path) -> None:
    """See that a directory can be made, or written to, and leave it as it was.

    DataError: if not: better now than after training.
    """
    with errors_named(directory):
        made = not directory.exists()
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory):
            pass
        if made:
            directory.rmdir()


@contextmanager
def errors_named(path: Path) -> Iterator[None]:
    """Turn what the system says about writing into a DataError that names the file."""
    try:
        yield
    except OSError as error:
        raise DataError(f"out: cannot write {path}: {error.strerror or error}") from error


def write_atomically(path: Path, content: bytes) -> None:
    """Write a temporary file, have it reach the disk, and rename it.

    DataError: names the file; what was there before is still there.
    """
    with errors_named(path):
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=_TEMPORARY)
        try:
            os.chmod(name, 0o644)
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, path)
        except BaseException:
            with suppress(FileNotFoundError):
                os.unlink(name)
            raise
        sync_directory(path.parent)


@contextmanager
def open_handle(path: Path, flags: int) -> Iterator[int]:
    """Open a file, or a directory, for the time of a block; an error names it."""
    with errors_named(path):
        handle = os.open(path, flags, 0o644)
        try:
            yield handle
        finally:
            os.close(handle)


def sync_directory(directory: Path) -> None:
    """Have the names in a directory reach the disk."""
    with open_handle(directory, os.O_RDONLY) as handle:
        os.fsync(handle)


def remove_unfinished(directory: Path) -> None:
    """Remove what a killed process did not finish."""
    for path in directory.glob(f"{_TEMPORARY}*"):
        path.unlink(missing_ok=True)


class DirectoryLock:
    """Says that this process writes a directory; ends with the process, however that ends.

    DataError: if another one does.
    """

    def __init__(self, directory: Path) -> None:
        self._handle = -1
        with errors_named(directory):
            directory.mkdir(parents=True, exist_ok=True)
            self._handle = os.open(directory, os.O_RDONLY)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self.release()
            raise DataError(f"{directory}: another run is writing there") from error

    def release(self) -> None:
        """Let others write."""
        if self._handle >= 0:
            os.close(self._handle)
        self._handle = -1

    __del__ = release

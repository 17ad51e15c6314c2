"""Compiled code is kept on disk, and used as long as the source it came from stays as it was.

Numba's own disk cache notices a change in the file of the compiled function but not in the
helpers it calls. Here code lives in a folder for each module, named after the module and the
digest of all source that the code may consist of (see `code_digest`), so that stale machine code
cannot be loaded, and editing what is not compiled throws nothing away. Folders that nobody used
for a month are removed.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

from numba.core.caching import CompileResultCacheImpl, FunctionCache

from .source import PACKAGE, code_digest, inside

_DAY = 86400.0
_MONTH = 30 * _DAY
_FOLDER = re.compile(r"([\w.]+-)?[0-9a-f]{16}")  # without a module: of the first versions


def cache_directory() -> Path:
    """Return where compiled code is kept (``SERIALEQ_CACHE_DIR`` overrides the user's cache)."""
    root = os.environ.get("SERIALEQ_CACHE_DIR")
    if root is None:
        base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
        root = os.path.join(base, "serialeq")
    return Path(root) / "compiled"


@cache
def folder_of(file: str) -> str:
    """Return the name of the folder for compiled functions of a file."""
    module = Path(file).resolve().with_suffix("")
    parts = module.relative_to(PACKAGE).parts if inside(file) else (module.name,)
    name = re.sub(r"[^\w.]", "_", ".".join(parts))
    return f"{name}-{code_digest(file)[:16]}"


def sweep(directory: Path) -> None:
    """Remove the folders of compiled code that nobody used for a month, and nothing else.

    The caller holds the lock, so that nobody is writing to them. Who is reading finds less than
    there was, and compiles.
    """
    oldest = time.time() - _MONTH
    with suppress(OSError), os.scandir(directory) as entries:
        for entry in entries:
            with suppress(OSError):  # another process removed it
                ours = _FOLDER.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False)
                if ours and entry.stat().st_mtime < oldest:
                    shutil.rmtree(entry.path, ignore_errors=True)


def mark_used(folder: str) -> None:
    """Tell `sweep` that a folder, if there is one, is in use; once a day is enough."""
    with suppress(OSError):
        if os.stat(folder).st_mtime < time.time() - _DAY:
            os.utime(folder)


class _Locator:
    """Place compiled code in its module's folder of `cache_directory`."""

    def __init__(self, py_func: Callable[..., Any], py_file: str) -> None:
        self._py_file = py_file
        self._line = py_func.__code__.co_firstlineno
        self._directory = cache_directory()
        self._folder = self._directory / folder_of(py_file)

    def get_cache_path(self) -> str:
        return str(self._folder)

    def get_source_stamp(self) -> Any:
        return self._folder.name  # has the digest

    def get_disambiguator(self) -> str:
        where = f"{self._py_file}:{self._line}".encode()
        return hashlib.sha256(where).hexdigest()[:12]

    @classmethod
    def from_function(cls, py_func: Callable[..., Any], py_file: str) -> _Locator:
        return cls(py_func, py_file)

    def ensure_cache_path(self) -> None:
        if not self._folder.exists():
            self._folder.mkdir()
            sweep(self._directory)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Be the only one who writes. The lock is in no folder, as folders are removed."""
        self._directory.mkdir(parents=True, exist_ok=True)
        with open(self._directory / "lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


class _CacheImpl(CompileResultCacheImpl):
    _locator_classes = (_Locator,)


class _Cache(FunctionCache):
    """Numba's cache, safe among processes, and optional where its files cannot be written."""

    _impl_class = _CacheImpl

    def _load_overload(self, sig: Any, target_context: Any) -> Any:
        mark_used(self.cache_path)
        return super()._load_overload(sig, target_context)

    def _save_overload(self, sig: Any, data: Any) -> None:
        # Numba reads the index, picks a free file name and writes both, without a lock: two
        # processes at once could exchange each other's code.
        with self._impl.locator.locked():
            super()._save_overload(sig, data)

    def _guard_against_spurious_io_errors(self) -> suppress:
        return suppress(OSError)


def enable_cache(compiled: Any, py_func: Callable[..., Any]) -> None:
    """Keep what is compiled of a function on disk."""
    # Without a source file (an interactive session) there is nothing to stamp, so no cache.
    if os.path.exists(py_func.__code__.co_filename):
        compiled._cache = _Cache(py_func)

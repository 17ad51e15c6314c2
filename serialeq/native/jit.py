"""The one compile policy: strict IEEE arithmetic, no GIL, cached on disk.

Numba's own disk cache notices a change in the file of the compiled function but not in the
helpers it calls. The cache used here lives in a directory named after a digest of the whole
package's source, so that stale machine code cannot be loaded.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import numba
from numba.core import ccallback
from numba.core.caching import CompileResultCacheImpl, FunctionCache

OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": False}


@cache
def source_digest(folder: str = "") -> str:
    """Return the sha256 (64 hex digits) of all Python source of the package, or of a folder."""
    package = Path(__file__).resolve().parent.parent
    digest = hashlib.sha256()
    for path in sorted((package / folder).rglob("*.py")):
        digest.update(str(path.relative_to(package)).encode() + b"\0")
        digest.update(path.read_bytes() + b"\0")
    return digest.hexdigest()


def cache_directory() -> Path:
    """Return where compiled code is kept (``SERIALEQ_CACHE_DIR`` overrides the user's cache)."""
    root = os.environ.get("SERIALEQ_CACHE_DIR")
    if root is None:
        base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
        root = os.path.join(base, "serialeq")
    return Path(root) / "compiled" / source_digest()[:16]


class _Locator:
    """Place compiled code under `cache_directory`, stamped with the function's own file."""

    def __init__(self, py_func: Callable[..., Any], py_file: str) -> None:
        self._py_file = Path(py_file)
        self._line = py_func.__code__.co_firstlineno

    def get_cache_path(self) -> str:
        return str(cache_directory())

    def get_source_stamp(self) -> Any:
        """Digest the Python files beside the function's own: its helpers may be among them."""
        digest = hashlib.sha256()
        for path in sorted(self._py_file.parent.glob("*.py")):
            digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
        return digest.hexdigest()

    def get_disambiguator(self) -> str:
        where = f"{self._py_file}:{self._line}".encode()
        return hashlib.sha256(where).hexdigest()[:12]

    @classmethod
    def from_function(cls, py_func: Callable[..., Any], py_file: str) -> _Locator | None:
        if not os.path.exists(py_file):  # typed in an interactive session
            return None
        return cls(py_func, py_file)

    def ensure_cache_path(self) -> None:
        cache_directory().mkdir(parents=True, exist_ok=True)


class _CacheImpl(CompileResultCacheImpl):
    _locator_classes = (_Locator,)


class _Cache(FunctionCache):
    """Numba's cache, safe among processes, and optional where its files cannot be written."""

    _impl_class = _CacheImpl

    def _save_overload(self, sig: Any, data: Any) -> None:
        # Numba reads the index, picks a free file name and writes both, without a lock: two
        # processes at once could exchange each other's code.
        directory = cache_directory()
        directory.mkdir(parents=True, exist_ok=True)
        with open(directory / "lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            super()._save_overload(sig, data)

    @contextmanager
    def _guard_against_spurious_io_errors(self) -> Iterator[None]:
        with suppress(OSError):
            yield


def _enable_cache(compiled: Any, py_func: Callable[..., Any]) -> None:
    # Without a source file (an interactive session) there is nothing to stamp, so no cache.
    if os.path.exists(py_func.__code__.co_filename):
        compiled._cache = _Cache(py_func)


def jit(py_func: Callable[..., Any]) -> Any:
    """Compile `py_func` on first call under the package's policy."""
    dispatcher = numba.njit(**OPTIONS)(py_func)
    _enable_cache(dispatcher, py_func)
    return dispatcher


def inline(py_func: Callable[..., Any]) -> Any:
    """Compile `py_func` into whatever compiled function calls it (a call costs 100 ns)."""
    return numba.njit(forceinline=True, **OPTIONS)(py_func)


def compile_callback(py_func: Callable[..., Any], signature: Any) -> Any:
    """Compile `py_func` now as a C callback with the given Numba signature."""
    options = {key: value for key, value in OPTIONS.items() if key != "nogil"}
    compiled = ccallback.CFunc(
        py_func, (signature.args, signature.return_type), locals={}, options=options
    )
    _enable_cache(compiled, py_func)
    compiled.compile()
    return compiled

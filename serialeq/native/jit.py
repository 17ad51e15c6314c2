"""The one compile policy: strict IEEE arithmetic, no GIL, cached on disk."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
from numba.core import ccallback

from .cache import enable_cache

OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": False}


def jit(py_func: Callable[..., Any]) -> Any:
    """Compile `py_func` on first call under the package's policy."""
    dispatcher = numba.njit(**OPTIONS)(py_func)
    enable_cache(dispatcher, py_func)
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
    enable_cache(compiled, py_func)
    compiled.compile()
    return compiled

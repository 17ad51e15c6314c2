"""`kernel`: turn ``run(context, start, stop)`` into machine code that every engine can call."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from inspect import isfunction
from typing import Any

from numba import types

from serialeq.errors import SerialeqError

from .context import ContextType, context_type, pack_context
from .jit import compile_callback

_ENTRY = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 3)


class Kernel:
    """A sample update, compiled once for each type of context.

    Parameters
    ----------
    run : callable
        ``run(context, start, stop)``: apply the samples at the packed positions
        ``start <= k < stop``, in that order, to the arrays of the context. It may read and
        write only the variables that it declares as the support of each sample, and must
        not raise. It is compiled by Numba without fast math.

    Raises
    ------
    SerialeqError
        If `run` is no function of three arguments.
    """

    def __init__(self, run: Callable[..., None]) -> None:
        if not isfunction(run) or run.__code__.co_argcount != 3:
            raise SerialeqError(
                f"kernel: expected a function run(context, start, stop), got {run!r}"
            )
        self.run = run
        self.__doc__ = run.__doc__
        self.__name__ = run.__name__
        self._compiled: dict[ContextType, Any] = {}

    def compiled(self, context: Any) -> Any:
        """Return the C callback for contexts of this type, compiling it on first use."""
        typ = context_type(context)
        if typ not in self._compiled:
            signature = types.void(typ, types.intp, types.intp)
            self._compiled[typ] = compile_callback(self.run, signature)
        return self._compiled[typ]

    def bind(self, context: Any) -> BoundKernel:
        """Return the kernel together with the data it works on."""
        return BoundKernel(self.compiled(context), context)


class BoundKernel:
    """Machine code and the context it works on, as the two integers that engines pass.

    These are the ``address`` of the code and that of the packed context, its ``block``.
    """

    def __init__(self, compiled: Any, context: Any) -> None:
        self.address: int = compiled.address
        self.context = context  # keeps the arrays alive
        self._compiled = compiled  # and the machine code
        self._words = pack_context(context)
        self.block: int = self._words.ctypes.data

    def run(self, start: int, stop: int) -> None:
        """Apply the samples at the packed positions ``start <= k < stop``, on this thread."""
        _ENTRY(self.address)(self.block, start, stop)


def kernel(run: Callable[..., None]) -> Kernel:
    """Decorate an update function as a `Kernel` (see there for its contract)."""
    return Kernel(run)

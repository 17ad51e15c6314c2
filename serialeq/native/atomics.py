"""Atomic loads and stores, spinning and yielding: what workers need to wait for each other.

Numba has no atomics for CPUs, and a plain loop on an array element may be compiled into an
endless jump. These intrinsics emit LLVM's atomic instructions (x86-64: plain moves, Arm:
``ldar``/``stlr``).
"""

from __future__ import annotations

import platform
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils

from .emit import element, emits
from .jit import inline

LINE = 16
"""Two cache lines, in int64: CPUs prefetch lines in pairs."""

_SPINS_BEFORE_YIELD = 128
_sched_yield = types.ExternalFunction("sched_yield", types.int32())
_WORD = ir.IntType(64)
_PAUSE = {"x86_64": "llvm.x86.sse2.pause", "AMD64": "llvm.x86.sse2.pause"}.get(platform.machine())


@emits(lambda array, index: types.int64(array, types.intp))
def load_acquire(context: Any, builder: Any, sig: Any, array: Any, index: Any) -> Any:
    """Return ``array[index]`` (int64, 1-d); later accesses stay behind this load."""
    return builder.load_atomic(element(context, builder, sig.args[0], array, index), "acquire", 8)


@emits(lambda array, index, value: types.void(array, types.intp, types.int64))
def store_release(context: Any, builder: Any, sig: Any, array: Any, index: Any, value: Any) -> None:
    """Set ``array[index]`` (int64, 1-d); earlier accesses stay before this store."""
    place = element(context, builder, sig.args[0], array, index)
    builder.store_atomic(value, place, "release", 8)


@emits(lambda array, index: types.boolean(array, types.intp))
def claim(context: Any, builder: Any, sig: Any, array: Any, index: Any) -> Any:
    """Set ``array[index]`` (int64, 1-d) from 0 to 1 and return True, if nobody else has.

    Later accesses stay behind it, earlier ones before it.
    """
    place = element(context, builder, sig.args[0], array, index)
    outcome = builder.cmpxchg(place, _WORD(0), _WORD(1), "acq_rel", "monotonic")
    return builder.extract_value(outcome, 1)


@emits(lambda *_: types.void(types.intp, types.intp, types.intp, types.intp))
def call_kernel(
    context: Any, builder: Any, sig: Any, address: Any, block: Any, start: Any, stop: Any
) -> None:
    """Call the compiled kernel at `address` with ``(block, start, stop)``."""
    function = ir.FunctionType(ir.VoidType(), [_WORD, _WORD, _WORD])
    builder.call(builder.inttoptr(address, function.as_pointer()), [block, start, stop])


@emits(types.void)
def _pause(context: Any, builder: Any, sig: Any) -> None:
    if _PAUSE is not None:
        kind = ir.FunctionType(ir.VoidType(), [])
        builder.call(cgutils.get_or_insert_function(builder.module, kind, _PAUSE), [])


@inline
def relax(idle: int) -> None:
    """Pass time in a wait loop: pause at first, give the core away after a while.

    With more threads than cores, a hand-off without yielding takes milliseconds.
    """
    if idle < _SPINS_BEFORE_YIELD:
        _pause()
    else:
        _sched_yield()


PARTS = 64
"""Pieces that a job is cut into if its threads take them as they come: cores differ in speed."""


def unclaimed() -> Any:
    """Return a word for each of `PARTS` pieces, to be taken with `claim`."""
    return np.zeros(PARTS, dtype=np.int64)


@inline
def meet(arrived: Any, thread: int, n_threads: int, phase: int, stop_flag: Any) -> bool:
    """Wait until every thread of a job has come to `phase`; False if the job is to stop.

    ``arrived`` (int64, `LINE` per thread, zeros at first) holds the phase that each has reached.
    """
    store_release(arrived, thread * LINE, phase)
    for other in range(n_threads):
        idle = 0
        while load_acquire(arrived, other * LINE) < phase:
            if load_acquire(stop_flag, 0):
                return False
            relax(idle)
            idle += 1
    return True

"""Functions whose LLVM instructions are given, for compiled code to call."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any

from numba.extending import intrinsic


def emits(signature: Callable[..., Any], **options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Decorate ``function(context, builder, sig, *values)``, which emits what a call does.

    Called with the arguments' types, `signature` returns the Numba signature. The result is called
    with the arguments alone; the options are those of Numba's ``intrinsic``.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            return function(context, builder, sig, *args)

        @wraps(function)
        def typed(typingctx: Any, *args: Any) -> Any:
            return signature(*args), lower

        _, _, *parameters = inspect.signature(function).parameters.values()
        vars(typed)["__signature__"] = inspect.Signature(parameters)  # one more, then the values
        return intrinsic(**options)(typed) if options else intrinsic(typed)

    return decorate


def element(context: Any, builder: Any, typ: Any, array: Any, index: Any) -> Any:
    """Return a pointer to ``array.flat[index]`` of a contiguous array of a Numba type."""
    return builder.gep(context.make_array(typ)(context, builder, array).data, [index])

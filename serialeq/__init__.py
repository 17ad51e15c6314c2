"""serialeq: training on any number of workers with the bits of the serial run.

The public names are imported when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .problems import registry

if TYPE_CHECKING:
    from .digest import digest_arrays
    from .errors import DataError, DivergenceError, ScheduleError, SerialeqError, SupportError
    from .hypergraph import Hypergraph
    from .native.kernel import kernel
    from .order import Order, blocked_order, given_order, shuffled_order
    from .problem import Problem
    from .problems.loading import SavedRun, load
    from .problems.registry import *  # noqa: F403
    from .runs.recorder import RunRecorder
    from .runs.verifier import RunVerifier
    from .training.callbacks import BestEpoch, Callback, EarlyStopping
    from .training.fit import fit

__version__ = "0.1.0"

_HOME = {
    "digest": ("digest_arrays",),
    "errors": ("DataError", "DivergenceError", "ScheduleError", "SerialeqError", "SupportError"),
    "hypergraph": ("Hypergraph",),
    "native.kernel": ("kernel",),
    "order": ("Order", "blocked_order", "given_order", "shuffled_order"),
    "problem": ("Problem",),
    "problems.loading": ("SavedRun", "load"),
    "runs.recorder": ("RunRecorder",),
    "runs.verifier": ("RunVerifier",),
    "training.callbacks": ("BestEpoch", "Callback", "EarlyStopping"),
    "training.fit": ("fit",),
}

__all__ = ["BestEpoch", "Callback", "DataError", "DivergenceError", "EarlyStopping", "Hypergraph",
           "Order", "Problem", "RunRecorder", "RunVerifier", "SavedRun", "ScheduleError",
           "SerialeqError", "SupportError", "blocked_order", "digest_arrays", "fit", "given_order",
           "kernel", "load", "shuffled_order"]  # fmt: skip
__all__ += registry.__all__


def __getattr__(name: str) -> Any:
    if name in registry.__all__:
        return registry.imported(registry.places(registry.OWN)[name])
    for module, names in _HOME.items():
        if name in names:
            return getattr(import_module(f".{module}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])

"""serialeq: training on any number of workers with the bits of the serial run.

The public names are imported when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .data import Ratings, generate_ratings
    from .digest import digest_arrays
    from .errors import DataError, DivergenceError, ScheduleError, SerialeqError, SupportError
    from .estimators.cuts import MultiwayCut
    from .estimators.embedding import WordEmbedding
    from .estimators.factorization import MatrixFactorization
    from .estimators.linear import LinearClassifier, LinearRegressor
    from .estimators.network import DropoutMLPClassifier
    from .estimators.topics import TopicModel
    from .hypergraph import Hypergraph
    from .kernels.kernel import kernel
    from .order import Order, blocked_order, given_order, shuffled_order
    from .problems.base import Problem
    from .reading import read_ratings
    from .runs.callbacks import BestEpoch, Callback, EarlyStopping
    from .runs.checkpoint import RunRecorder
    from .runs.fit import fit
    from .runs.verify import RunVerifier
    from .saved import SavedRun, load

__version__ = "0.1.0"

_HOME = {
    "BestEpoch": "runs.callbacks",
    "Callback": "runs.callbacks",
    "DataError": "errors",
    "DivergenceError": "errors",
    "DropoutMLPClassifier": "estimators.network",
    "EarlyStopping": "runs.callbacks",
    "Hypergraph": "hypergraph",
    "LinearClassifier": "estimators.linear",
    "LinearRegressor": "estimators.linear",
    "MatrixFactorization": "estimators.factorization",
    "MultiwayCut": "estimators.cuts",
    "Order": "order",
    "Problem": "problems.base",
    "Ratings": "data",
    "RunRecorder": "runs.checkpoint",
    "RunVerifier": "runs.verify",
    "SavedRun": "saved",
    "ScheduleError": "errors",
    "SerialeqError": "errors",
    "SupportError": "errors",
    "TopicModel": "estimators.topics",
    "WordEmbedding": "estimators.embedding",
    "blocked_order": "order",
    "digest_arrays": "digest",
    "fit": "runs.fit",
    "generate_ratings": "data",
    "given_order": "order",
    "kernel": "kernels.kernel",
    "load": "saved",
    "read_ratings": "reading",
    "shuffled_order": "order",
}

__all__ = [
    "BestEpoch",
    "Callback",
    "DataError",
    "DivergenceError",
    "DropoutMLPClassifier",
    "EarlyStopping",
    "Hypergraph",
    "LinearClassifier",
    "LinearRegressor",
    "MatrixFactorization",
    "MultiwayCut",
    "Order",
    "Problem",
    "Ratings",
    "RunRecorder",
    "RunVerifier",
    "SavedRun",
    "ScheduleError",
    "SerialeqError",
    "SupportError",
    "TopicModel",
    "WordEmbedding",
    "blocked_order",
    "digest_arrays",
    "fit",
    "generate_ratings",
    "given_order",
    "kernel",
    "load",
    "read_ratings",
    "shuffled_order",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOME[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])

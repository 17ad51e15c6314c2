"""serialeq: training on any number of workers with the bits of the serial run.

The public names are imported when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .digest import digest_arrays
    from .errors import DataError, DivergenceError, ScheduleError, SerialeqError, SupportError
    from .hypergraph import Hypergraph
    from .native.kernel import kernel
    from .order import Order, blocked_order, given_order, shuffled_order
    from .problem import Problem
    from .problems.cut.estimator import MultiwayCut
    from .problems.embed.estimator import WordEmbedding
    from .problems.linear.estimator import LinearClassifier, LinearRegressor
    from .problems.loading import SavedRun, load
    from .problems.mf.estimator import MatrixFactorization
    from .problems.mf.ratings import Ratings, generate_ratings
    from .problems.mf.reading import read_ratings
    from .problems.network.estimator import DropoutMLPClassifier
    from .problems.topics.estimator import TopicModel
    from .runs.recorder import RunRecorder
    from .runs.verifier import RunVerifier
    from .training.callbacks import BestEpoch, Callback, EarlyStopping
    from .training.fit import fit

__version__ = "0.1.0"

_HOME = {
    "BestEpoch": "training.callbacks",
    "Callback": "training.callbacks",
    "DataError": "errors",
    "DivergenceError": "errors",
    "DropoutMLPClassifier": "problems.network.estimator",
    "EarlyStopping": "training.callbacks",
    "Hypergraph": "hypergraph",
    "LinearClassifier": "problems.linear.estimator",
    "LinearRegressor": "problems.linear.estimator",
    "MatrixFactorization": "problems.mf.estimator",
    "MultiwayCut": "problems.cut.estimator",
    "Order": "order",
    "Problem": "problem",
    "Ratings": "problems.mf.ratings",
    "RunRecorder": "runs.recorder",
    "RunVerifier": "runs.verifier",
    "SavedRun": "problems.loading",
    "ScheduleError": "errors",
    "SerialeqError": "errors",
    "SupportError": "errors",
    "TopicModel": "problems.topics.estimator",
    "WordEmbedding": "problems.embed.estimator",
    "blocked_order": "order",
    "digest_arrays": "digest",
    "fit": "training.fit",
    "generate_ratings": "problems.mf.ratings",
    "given_order": "order",
    "kernel": "native.kernel",
    "load": "problems.loading",
    "read_ratings": "problems.mf.reading",
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

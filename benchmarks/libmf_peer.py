"""LIBMF (Chin et al. 2015), if its Python binding is there.

Build it as its author means it, with SIMD and optimisation::

    CXXFLAGS="-O3 -march=native -DUSEAVX -std=c++11" pip install --no-binary libmf libmf==0.9.2

(setuptools of today passes CXXFLAGS, not CFLAGS, to C++ sources.) The binding's `predict` maps
ids wrongly, so predictions are made here, from the factor arrays of the model structure.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import importlib.util
import io
import statistics
import time
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.datasets import Split
from serialeq.problems.mf.ratings import Ratings


@dataclass(frozen=True)
class LibmfSetting:
    """Step size and penalty of LIBMF."""

    eta: float
    l2: float


QUALITY = LibmfSetting(eta=0.1, l2=0.05)
"""Lowest held-out error on ML-1M with 32 factors within 20 iterations."""

FAST = LibmfSetting(eta=0.1, l2=0.03)
"""Fewest iterations to a held-out error of 0.86 there, of eta 0.05 to 0.25 and l2 0.01 to 0.05."""

_FEW, _MANY = 5, 15
_RUNS = 5


_FEWEST_RATINGS = 80_000


def is_available(n_ratings: int) -> bool:
    """Return whether the binding is installed and there is enough for it to work on.

    On few ratings its threads sometimes never end, or crash.
    """
    return importlib.util.find_spec("libmf") is not None and n_ratings >= _FEWEST_RATINGS


class Libmf:
    """LIBMF on one data set.

    Parameters
    ----------
    split : Split
    n_factors : int
    n_threads : int
    setting : LibmfSetting
    """

    def __init__(
        self, split: Split, n_factors: int, n_threads: int, setting: LibmfSetting = QUALITY
    ) -> None:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it prints where it was found, and has `is` literals
            self._binding = importlib.import_module("libmf.mf")
        self._test = split.test
        train = split.train
        columns = [c.astype(np.float32) for c in (train.users, train.items, train.values)]
        self._entries = np.stack(columns, axis=1)
        self._options = {
            "fun": 0,
            "k": n_factors,
            "nr_threads": n_threads,
            "lambda_p1": 0.0,
            "lambda_q1": 0.0,
            "lambda_p2": setting.l2,
            "lambda_q2": setting.l2,
            "eta": setting.eta,
            "quiet": True,
        }

    def fit(self, iterations: int) -> tuple[float, float]:
        """Train; return the seconds, LIBMF's own preparation included, and held-out RMSE."""
        machine = self._binding.MF(nr_iters=iterations, **self._options)
        start = time.perf_counter()
        machine.fit(self._entries)
        elapsed = time.perf_counter() - start
        rmse = _rmse(machine.model, self._test)
        model = ctypes.pointer(machine.model)
        self._binding.mf.mf_destroy_model(ctypes.byref(model))  # the binding itself never does
        return elapsed, rmse

    def usual_rmse(self, iterations: int) -> float:
        """Return the median held-out RMSE of several runs, as no two are alike."""
        return statistics.median(self.fit(iterations)[1] for _ in range(_RUNS))

    def quality(self, epochs: int) -> float:
        """Return the held-out RMSE of a run."""
        return self.fit(epochs)[1]

    def turn(self) -> float:
        """Return the seconds of an iteration, preparation excluded, by difference."""
        few, many = self.fit(_FEW)[0], self.fit(_MANY)[0]
        return (many - few) / (_MANY - _FEW)


def _rmse(model: Any, test: Ratings) -> float:
    p = np.ctypeslib.as_array(model.P, shape=(model.m, model.k))
    q = np.ctypeslib.as_array(model.Q, shape=(model.n, model.k))
    known = (test.users < model.m) & (test.items < model.n)
    predicted = np.full(len(test), np.nan)
    predicted[known] = np.einsum("nk,nk->n", p[test.users[known]], q[test.items[known]])
    error = np.where(np.isnan(predicted), model.b, predicted) - test.values
    return float(np.sqrt(np.mean(error**2)))

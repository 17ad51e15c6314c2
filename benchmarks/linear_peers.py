"""Other libraries' linear models: scikit-learn; VW and LIBLINEAR where they are installed.

``pip install vowpalwabbit liblinear-official`` brings the latter two. They have algorithms of their
own, made comparable as far as they can be: VW has the same steps with ``--sgd``, but shuffles
nothing; LIBLINEAR has no steps at all, but Newton's method or dual coordinate descent, which end by
a tolerance and not after so many epochs.
"""

from __future__ import annotations

import importlib
import importlib.util
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.linear_model import SGDClassifier

from benchmarks.datasets import SEED
from benchmarks.kinds.linear import Setting
from benchmarks.linear_runners import Entry, Lap, Task, Trainer
from serialeq.problems.linear.parameters import LinearParameters
from serialeq.problems.linear.rates import optimal_start

_VW_CONSTANT = 11650396  # where VW has its intercept


@dataclass(frozen=True)
class ScikitLearn:
    """`SGDClassifier` with the same loss, penalty and steps; one-vs-rest if there are classes."""

    task: Task
    entry: Entry

    def fit(self, setting: Setting) -> tuple[Lap, dict[str, np.ndarray]]:
        """Train twice, for all epochs and for one: the difference is that of the epochs."""
        epochs = self.task.epochs
        total, model = self._fit(setting, epochs)
        epoch = total / epochs
        if epochs > 1 and self.task.n_classes == 2:
            others = (total - self._fit(setting, 1)[0]) / (epochs - 1)
            if 0.0 < others < epoch:  # it may be otherwise, if the machine is busy
                epoch = others
        preparation = total - epoch * epochs
        return Lap(total, preparation, epoch), {"coef": model.coef_, "intercept": model.intercept_}

    def _fit(self, setting: Setting, epochs: int) -> tuple[float, Any]:
        model = SGDClassifier(
            loss=self.task.loss,
            alpha=setting.alpha,
            learning_rate=setting.learning_rate,
            eta0=setting.eta0,
            power_t=setting.power_t,
            max_iter=epochs,
            tol=None,
            shuffle=True,
            random_state=SEED,
            n_jobs=self.entry.jobs,
        )
        began = time.perf_counter()
        model.fit(self.task.X, self.task.labels)
        return time.perf_counter() - began, model


class VowpalWabbit:
    """VW from a file in its format, which is written beforehand in random order."""

    def __init__(self, task: Task, entry: Entry) -> None:
        self.entry = entry
        self._task = task
        self._directory = tempfile.TemporaryDirectory(prefix="serialeq-vw-")
        self._examples = Path(self._directory.name) / "examples"
        X = task.X
        with self._examples.open("w") as file:
            for i in np.random.default_rng(SEED).permutation(task.labels.size):
                row = slice(X.indptr[i], X.indptr[i + 1])
                entries = zip(X.indices[row], X.data[row], strict=True)
                words = " ".join(f"{j}:{x:.9g}" for j, x in entries)
                file.write(f"{task.labels[i]:.0f} | {words}\n")

    def fit(self, setting: Setting) -> tuple[Lap, dict[str, np.ndarray]]:
        """Train; the first pass parses the file and makes VW's cache."""
        vw = importlib.import_module("vowpalwabbit")
        n_features = self._task.X.shape[1]
        bits = max(18, int(np.ceil(np.log2(n_features))))
        loss = {"log_loss": "logistic", "hinge": "hinge"}[self._task.loss]
        began = time.perf_counter()
        machine = vw.Workspace(
            f"-d {self._examples} --cache_file {self._examples}.cache -k --quiet --holdout_off "
            f"--passes {self._task.epochs} -b {bits} --l2 {setting.alpha} --loss_function {loss} "
            f"--predict_only_model {self._steps(setting)}"  # else the weights lack their scale
        )
        total = time.perf_counter() - began
        coef = np.array([[machine.get_weight(j) for j in range(n_features)]])
        intercept = np.array([machine.get_weight(_VW_CONSTANT % 2**bits)])
        machine.finish()
        return Lap(total, 0.0, total / self._task.epochs), {"coef": coef, "intercept": intercept}

    def _steps(self, setting: Setting) -> str:
        """Return the options for steps l * (t0 / (t0 + t))^p that are ours."""
        start, step, power = 1.0, setting.eta0, setting.power_t
        if setting.learning_rate == "optimal":
            start = optimal_start(LinearParameters(self._task.loss, alpha=setting.alpha))
            step, power = 1.0 / (setting.alpha * start), 1.0
        elif setting.learning_rate == "constant":
            power = 0.0
        return f"--sgd --initial_t {start:.9g} -l {step:.9g} --power_t {power:g}"


@dataclass(frozen=True)
class Liblinear:
    """LIBLINEAR to its own default tolerance; it penalises the intercept too."""

    task: Task
    entry: Entry

    def fit(self, setting: Setting) -> tuple[Lap, dict[str, np.ndarray]]:
        """Train; its data structure is made in the time called preparation."""
        binding = importlib.import_module("liblinear.liblinearutil")
        solver = {"log_loss": 0, "hinge": 3}[self.task.loss]
        cost = 1.0 / (setting.alpha * self.task.X.shape[0])
        began = time.perf_counter()
        data = binding.problem(self.task.labels, sp.csr_matrix(self.task.X))
        ready = time.perf_counter()
        model = binding.train(data, binding.parameter(f"-s {solver} -c {cost:.17g} -B 1 -q"))
        end = time.perf_counter()
        weights = np.ctypeslib.as_array(model.w, (self.task.X.shape[1] + 1,))
        weights = weights * model.get_labels()[0]  # they are for the label seen first
        lap = Lap(end - began, ready - began, (end - ready) / self.task.epochs)
        return lap, {"coef": weights[None, :-1], "intercept": weights[-1:]}


def peers(task: Task) -> list[Trainer]:
    """Return VW and LIBLINEAR, those that are installed and made for such data."""
    found: list[Trainer] = []
    if sp.issparse(task.X):
        if importlib.util.find_spec("vowpalwabbit"):
            found.append(VowpalWabbit(task, Entry("VW", "vw", "own", "float32", 1)))
        if importlib.util.find_spec("liblinear"):
            found.append(Liblinear(task, Entry("LIBLINEAR", "liblinear", "own", "float64", 1)))
    return found

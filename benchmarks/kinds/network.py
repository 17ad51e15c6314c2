"""Dropout networks that tell classes of texts apart, and scikit-learn's `MLPClassifier`.

An epoch is all that each needs: drawing the masks, planning, running.
"""

from __future__ import annotations

import warnings
from functools import partial
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from benchmarks.datasets import SEED
from benchmarks.kinds import Effort, Extras, Setting, Source
from benchmarks.texts import LabelledSplit, TextDataset, load_text
from benchmarks.timing import seconds
from serialeq.errors import SerialeqError
from serialeq.problems.network.parameters import NetworkParameters
from serialeq.problems.network.problem import DropoutNetwork, feed_forward

DATA = tuple(TextDataset)

_STEPS = {1: 0.07, 2: 0.07}
"""Highest held-out accuracy on 20 Newsgroups, of some ten steps for each number of groups kept."""


def source(name: str, quick: bool) -> Source:
    """Return the texts of that name; the quality is the held-out accuracy."""
    split = load_text(name, quick)
    if split.classes_train is None:
        raise SerialeqError(f"data: expected data with more than two classes, got {name}")
    return Source(
        f"{name}, {split.X_train.shape}",
        partial(_make, split),
        partial(_accuracy, split),
        "accuracy",
        extras=partial(_scikit_learn, split),
    )


def _make(split: LabelledSplit, **setting: Any) -> DropoutNetwork:
    classes = split.classes_train
    assert classes is not None  # source has looked
    tuned = {"learning_rate": _STEPS.get(setting.get("n_kept", 4), 0.05)}
    parameters = NetworkParameters.from_record(tuned | setting)
    targets = np.eye(int(classes.max()) + 1)[classes]
    return DropoutNetwork(split.X_train, targets, parameters, seed=SEED)


def _accuracy(split: LabelledSplit, problem: DropoutNetwork) -> float:
    """Return the share of held-out examples that are classified as they should be."""
    outputs = feed_forward(*problem.plain(problem.trained()), split.X_test)
    return float(np.mean(outputs.argmax(axis=1) == split.classes_test))


def _scikit_learn(split: LabelledSplit, setting: Setting, effort: Effort) -> Extras:
    """Train `MLPClassifier` (Adam, its defaults, in float32) of the same size."""
    X, X_test = (matrix.astype(np.float32) for matrix in (split.X_train, split.X_test))
    units = NetworkParameters.from_record(setting).hidden_units
    model = MLPClassifier((units,), max_iter=1, warm_start=True, random_state=SEED)
    times, accuracies = [], {}
    for epoch in range(1, effort.epochs + 1):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # one epoch is not meant to
            times.append(seconds(lambda: model.fit(X, split.classes_train)))
        accuracies[epoch] = float(model.score(X_test, split.classes_test))
    name = "scikit-learn MLPClassifier"
    return Extras({name: accuracies}, {name: {"ms/epoch": 1e3 * float(np.median(times))}})

"""Parameters of all registered estimators: what is wrong is named, what is recorded is whole."""

from __future__ import annotations

import numpy as np
import pytest
from runs.estimators import ESTIMATORS

from serialeq import LinearClassifier, MatrixFactorization, RunRecorder, SerialeqError
from serialeq.problems.registry import imported, kinds
from serialeq.runs.directory import read_manifest

PLACES = [place for kind in kinds().values() for place in kind.estimators]
HUGE = 10**400  # no float is as large


@pytest.mark.parametrize("place", PLACES)
def test_an_integer_beyond_all_floats_is_named(place):
    estimator = imported(place)
    declared = estimator.declarations().values()
    integers = [one.name for one in declared if one.kind is int]
    assert {"n_jobs", "random_state"} < set(integers)
    for name in integers:
        with pytest.raises(SerialeqError, match=f"^{name}: expected"):
            estimator(**{name: HUGE}).fit(None, None)


@pytest.mark.parametrize(
    ("word", "own"),
    [
        ("mf", {"n_factors": 4, "schedule": "adagrad"}),
        ("cut", {"beta": 1.0}),
        ("embed", {"x_max": 10.0, "window": 5, "min_count": 5}),
        ("topics", {"n_zeros": 10, "l2": 0.01}),
    ],
)
def test_a_run_recorded_from_python_says_what_was_trained(tmp_path, word, own):
    make, given, _ = ESTIMATORS[word]
    estimator = make().fit(*given, callbacks=[RunRecorder(tmp_path)])
    run = read_manifest(tmp_path).run
    assert (run["problem"], run["estimator"]) == (word, type(estimator).__name__)
    assert own.items() <= run["parameters"].items()
    assert run["parameters"].keys() == estimator.get_params().keys() - {"engine", "n_jobs"}


class Narrow(LinearClassifier):
    """A subclass with a constructor of its own."""

    tags: dict = {}  # noqa: RUF012

    def __init__(self, alpha=1e-4):
        super().__init__(alpha=alpha, early_stopping=True, max_iter=3)


def test_a_subclass_may_have_a_constructor_of_its_own():
    X = np.arange(80.0).reshape(40, 2) / 80
    model = Narrow(1e-3).fit(X, np.arange(40) % 2)
    assert model.alpha == 1e-3
    assert "tags" not in Narrow.declarations()


def test_types_of_numpy_are_taken_as_what_they_mean():
    model = MatrixFactorization(np.int64(4), 1, dtype=np.dtype("float64"))
    model.check_parameters()
    assert model.fit(([0, 1], [1, 0], [1.0, 2.0])).user_factors_.dtype == np.float64
    LinearClassifier(block_size=np.int64(16)).check_parameters()

"""Parameters of all registered estimators: what is wrong is named, what is recorded is whole."""

from __future__ import annotations

import pytest
from runs.estimators import ESTIMATORS

from serialeq import RunRecorder, SerialeqError
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

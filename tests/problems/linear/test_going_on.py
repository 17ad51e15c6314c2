"""The linear estimators go on: partial and warm fits, means, early ends, copies, orders."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from problems.linear.samples import X, Y, classifier
from sklearn.base import clone
from sklearn.linear_model import SGDClassifier

from serialeq import LinearClassifier, LinearRegressor, SerialeqError


@pytest.mark.parametrize("arithmetic", ["lattice", "float64"])
def test_partial_fit_equals_the_epochs_of_fit(arithmetic: str) -> None:
    whole = classifier(max_iter=3, arithmetic=arithmetic).fit(X, Y)
    parts = classifier(arithmetic=arithmetic)
    for _ in range(3):
        parts.partial_fit(X, Y, classes=[0, 1])
    assert parts.digest_ == whole.digest_
    assert parts.t_ == whole.t_ == 1 + 3 * Y.size
    assert [record["epoch"] for record in parts.history_] == [1, 2, 3]


@pytest.mark.parametrize("average", [True, 400])
def test_means_are_scikit_learns_and_of_one_digest(average: bool | int) -> None:
    options: dict[str, Any] = {"loss": "log_loss", "average": average, "max_iter": 3}
    theirs = SGDClassifier(alpha=1e-3, tol=None, shuffle=False, **options)
    theirs.fit(sp.csr_matrix(X), Y)
    in_float64 = classifier(order="given", arithmetic="float64", **options).fit(X, Y)
    np.testing.assert_allclose(in_float64.coef_, theirs.coef_, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(in_float64.intercept_, theirs.intercept_, rtol=1e-5)
    whole = classifier(order="given", engine="serial", **options).fit(X, Y)
    np.testing.assert_allclose(whole.coef_, theirs.coef_, atol=1e-3 * abs(theirs.coef_).max())
    parts = classifier(order="given", engine="lookahead", n_jobs=2, **options)
    for _ in range(3):
        parts.partial_fit(X, Y, classes=[0, 1])
    assert parts.digest_ == whole.digest_
    assert parts.digest_ != classifier(order="given", loss="log_loss", max_iter=3).fit(X, Y).digest_


@pytest.mark.parametrize("other", [False, True, 20])
def test_means_begin_where_the_first_partial_fit_said(other: bool | int) -> None:
    model = classifier(average=10).partial_fit(X, Y, classes=[0, 1])
    with pytest.raises(SerialeqError, match=rf"average: expected 10, .*, got {int(other)}"):
        model.set_params(average=other).partial_fit(X, Y)


def test_memory_is_told_of_lookahead_alone() -> None:
    told = classifier(engine="lookahead").fit(X, Y).plan_bytes_
    assert told.keys() == {"slices", "gram", "waits", "scratch"}
    assert min(told.values()) > 0
    assert classifier(engine="serial").fit(X, Y).plan_bytes_ == {}
    twice = classifier(engine="lookahead", order=np.tile(np.arange(Y.size), 2)).fit(X, Y)
    assert twice.plan_bytes_["gram"] == 2 * told["gram"]


def test_partial_fit_of_a_regressor() -> None:
    y = X @ np.arange(30.0)
    whole = LinearRegressor(max_iter=2, tol=None, n_jobs=1).fit(X, y)
    parts = LinearRegressor(n_jobs=1).partial_fit(X, y).partial_fit(X, y)
    assert parts.digest_ == whole.digest_


def test_partial_fit_of_other_rows() -> None:
    model = classifier().partial_fit(X[:100], Y[:100], classes=[0, 1])
    lattice = model.lattice_
    for start in (100, 200):
        model.partial_fit(X[start : start + 100], Y[start : start + 100])
    assert model.lattice_.feature_bits == lattice.feature_bits
    assert model.lattice_.scale == lattice.scale
    assert model.score(X, Y) > 0.8
    one_class = model.partial_fit(X[Y == 1], Y[Y == 1])
    assert one_class.classes_.tolist() == [0, 1]


def test_warm_start_keeps_the_weights_and_restarts_the_steps() -> None:
    cold = classifier(max_iter=3).fit(X, Y)
    digest = cold.digest_
    assert cold.fit(X, Y).digest_ == digest
    warm = classifier(max_iter=3, warm_start=True).fit(X, Y)
    assert warm.digest_ == digest
    assert warm.fit(X, Y).digest_ != digest
    assert warm.n_iter_ == 3
    with pytest.raises(SerialeqError, match="warm_start: expected the classes of the first fit"):
        warm.fit(X, Y + 1)


def test_training_stops_when_the_objective_falls_no_more() -> None:
    model = LinearClassifier("log_loss", alpha=0.01, tol=1e-3, max_iter=200, n_jobs=1).fit(X, Y)
    losses = np.array([record["loss"] for record in model.history_])
    assert model.n_iter_ == losses.size < 200
    best = np.minimum.accumulate(losses)
    assert (losses[-5:] > best[-6:-1] - 1e-3).all()  # five epochs without progress
    assert losses[-6] <= best[-7] - 1e-3  # and one with, before
    assert LinearClassifier("log_loss", tol=None, max_iter=7, n_jobs=1).fit(X, Y).n_iter_ == 7


def test_early_stopping_looks_at_rows_held_out() -> None:
    options: dict[str, Any] = {"loss": "log_loss", "alpha": 1e-6, "max_iter": 100, "tol": 1e-3}
    model = classifier(early_stopping=True, n_iter_no_change=2, **options).fit(X, Y)
    assert model.n_iter_ < 100
    held_out = [record["validation_loss"] for record in model.history_]
    assert min(held_out) == pytest.approx(min(held_out[:-2]), abs=1e-3)
    assert model.t_ == 1 + model.n_iter_ * 270  # a tenth was held out
    again = classifier(early_stopping=True, n_iter_no_change=2, **options, n_jobs=2).fit(X, Y)
    assert again.digest_ == model.digest_


def test_clones_and_pickles() -> None:
    model = classifier(loss="log_loss", lattice_bits=(8, 20), block_size=16).fit(X, Y)
    twin = clone(model)
    assert twin.get_params() == model.get_params()
    assert twin.fit(X, Y).digest_ == model.digest_
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    assert (again.lattice_.feature_bits, again.lattice_.factor_bits) == (8, 20)
    assert again.partial_fit(X, Y).digest_ == model.partial_fit(X, Y).digest_


def test_orders() -> None:
    own = np.random.default_rng(0).integers(0, Y.size, 500)
    digests = {
        str(order): classifier(order=order).fit(X, Y).digest_
        for order in ("given", "shuffled", "reshuffled", own)
    }
    assert len(set(digests.values())) == 4
    assert classifier(order=np.arange(Y.size)).fit(X, Y).digest_ == digests["given"]
    seeded = [classifier(random_state=np.random.RandomState(5)).fit(X, Y) for _ in range(2)]
    assert seeded[0].digest_ == seeded[1].digest_ != digests["reshuffled"]

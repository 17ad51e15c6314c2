"""The estimators of linear models: scikit-learn's conventions, one digest, errors by name."""

from __future__ import annotations

import pickle
import re
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from serialeq import (
    DataError,
    DivergenceError,
    LinearClassifier,
    LinearRegressor,
    SerialeqError,
)

WEIGHTS = (
    "a row given twice is two steps, a weight of 2 is one step of twice the size: as in "
    "scikit-learn's SGDClassifier, the two differ"
)
FAR = (
    "features around 100, on which SGD on the squared error diverges with the default step: here "
    "that is an error, not huge weights"
)
EXPECTED_FAILURES = {
    "LinearClassifier": {
        "check_sample_weight_equivalence_on_dense_data": WEIGHTS,
        "check_sample_weight_equivalence_on_sparse_data": WEIGHTS,
    },
    "LinearRegressor": {
        "check_sample_weight_equivalence_on_dense_data": WEIGHTS,
        "check_sample_weight_equivalence_on_sparse_data": WEIGHTS,
        "check_fit_idempotent": FAR,
        "check_fit_check_is_fitted": FAR,
        "check_n_features_in": FAR,
    },
}


@parametrize_with_checks(
    [LinearClassifier(max_iter=20), LinearRegressor(max_iter=20)],
    expected_failed_checks=lambda estimator: EXPECTED_FAILURES[type(estimator).__name__],
)
def test_conventions_of_scikit_learn(estimator: Any, check: Any) -> None:
    check(estimator)


def blobs(
    n: int = 300, d: int = 30, n_classes: int = 2, seed: int = 0
) -> tuple[sp.csr_array, np.ndarray]:
    """Return sparse rows and labels that a linear model mostly finds."""
    rng = np.random.default_rng(seed)
    X = rng.random((n, d)) * (rng.random((n, d)) < 0.3)
    X /= np.maximum(np.linalg.norm(X, axis=1, keepdims=True), 1e-9)
    scores = X @ rng.standard_normal((d, n_classes)) + 0.02 * rng.standard_normal((n, n_classes))
    return sp.csr_array(X), scores.argmax(axis=1)


X, Y = blobs()
X3, Y3 = blobs(n_classes=3)
NAMES = np.array(["no", "yes"])


def classifier(**parameters: Any) -> LinearClassifier:
    return LinearClassifier(**{"alpha": 1e-3, "max_iter": 5, "tol": None, "n_jobs": 1} | parameters)


# ---- one digest ----------------------------------------------------------------------------------


@pytest.mark.parametrize("labels", ["two", "three"])
def test_engine_and_number_of_workers_do_not_show(labels: str) -> None:
    data = (X, Y) if labels == "two" else (X3, Y3)
    models = [
        classifier(engine=engine, n_jobs=n_jobs).fit(*data)
        for engine in ("serial", "lookahead", "auto")
        for n_jobs in (1, 2, None)
    ]
    assert len({model.digest_ for model in models}) == 1
    assert {model.engine_ for model in models} >= {"serial", "lookahead"}
    assert classifier(random_state=1).fit(*data).digest_ != models[0].digest_


def test_mini_batches_are_another_algorithm_with_one_digest() -> None:
    models = [classifier(engine="minibatch", n_jobs=n_jobs).fit(X, Y) for n_jobs in (1, 2)]
    assert models[0].digest_ == models[1].digest_
    assert models[0].digest_ != classifier().fit(X, Y).digest_
    assert models[0].t_ == 1 + 5 * -(-X.shape[0] // 64)


def test_more_workers_than_cores_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serialeq.problems.linear.base.available_cores", lambda: 2)
    model = classifier(n_jobs=64, engine="lookahead").fit(X, Y)
    assert model.n_workers_ == 2
    assert model.engine_reason_ == "as asked; 64 workers asked for, 2 cores"


def test_in_float64_every_other_engine_may_be_asked_for() -> None:
    serial = classifier(arithmetic="float64", engine="serial").fit(X, Y)
    assert serial.lattice_ is None
    for engine in ("dataflow", "locked"):
        model = classifier(arithmetic="float64", engine=engine).fit(X, Y)
        assert (model.engine_, model.digest_) == (engine, serial.digest_)
    serial = classifier(loss="log_loss", arithmetic="float64", engine="serial").fit(X, Y)
    lattice = classifier(loss="log_loss").fit(X, Y)
    assert lattice.digest_ != serial.digest_
    np.testing.assert_allclose(lattice.coef_, serial.coef_, atol=0.02 * abs(serial.coef_).max())
    assert classifier(arithmetic="float64", engine="hogwild").fit(X, Y).score(X, Y) > 0.8
    with pytest.raises(SerialeqError, match=r"engine: expected one of serial, .*, got 'hogwild'"):
        classifier(engine="hogwild").fit(X, Y)


# ---- what it learns ------------------------------------------------------------------------------


def test_it_learns_what_scikit_learn_learns() -> None:
    common = {"loss": "log_loss", "alpha": 1e-3, "max_iter": 30, "tol": None, "random_state": 0}
    theirs = SGDClassifier(**common).fit(X, Y)
    ours = LinearClassifier(**common, n_jobs=1).fit(X, Y)
    assert ours.score(X, Y) > 0.9
    assert ours.score(X, Y) == pytest.approx(theirs.score(X, Y), abs=0.03)
    together = np.corrcoef(ours.decision_function(X), theirs.decision_function(X))[0, 1]
    assert together > 0.99


def test_margins_and_labels_are_the_model() -> None:
    model = classifier().fit(X, NAMES[Y])
    margins = X @ model.coef_.T + model.intercept_
    np.testing.assert_allclose(model.decision_function(X), margins.ravel(), rtol=1e-12)
    np.testing.assert_array_equal(model.predict(X), NAMES[(margins.ravel() > 0).astype(int)])
    assert (model.coef_.shape, model.intercept_.shape) == ((1, 30), (1,))
    model = classifier().fit(X3, Y3)
    assert (model.coef_.shape, model.intercept_.shape) == ((3, 30), (3,))
    np.testing.assert_array_equal(model.predict(X3), model.decision_function(X3).argmax(axis=1))
    assert model.score(X3, Y3) > 0.8
    regressor = LinearRegressor(n_jobs=1).fit(X, model.coef_[0] @ X.T)
    assert (regressor.coef_.shape, regressor.intercept_.shape) == ((30,), (1,))
    np.testing.assert_allclose(
        regressor.predict(X), X @ regressor.coef_ + regressor.intercept_, rtol=1e-12
    )


def test_dense_and_sparse_differ_in_the_intercept_alone() -> None:
    # Its step is smaller in sparse data, as in scikit-learn. Without it, and with blocks of the
    # same size, the bits are the same.
    digests = {
        classifier(fit_intercept=False, block_size=16).fit(data, Y).digest_
        for data in (X, X.toarray(), sp.csc_matrix(X))
    }
    assert len(digests) == 1


@pytest.mark.parametrize("loss", ["log_loss", "modified_huber"])
def test_probabilities(loss: str) -> None:
    model = classifier(loss=loss, max_iter=20).fit(X, Y)
    p = model.predict_proba(X)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    np.testing.assert_array_equal(p.argmax(axis=1), model.predict(X))
    margins = model.decision_function(X)
    expected = 1 / (1 + np.exp(-margins)) if loss == "log_loss" else (margins.clip(-1, 1) + 1) / 2
    np.testing.assert_allclose(p[:, 1], expected)


def test_probabilities_of_three_classes_add_up_to_one() -> None:
    model = classifier(loss="modified_huber").fit(X3, Y3)
    far = -100 * np.sign(model.coef_.sum(axis=0))[None, :]
    for data in (X3, far):
        np.testing.assert_allclose(model.predict_proba(data).sum(axis=1), 1)


def test_other_losses_have_no_probabilities() -> None:
    for loss in ("hinge", "squared_hinge", "perceptron"):
        assert not hasattr(LinearClassifier(loss), "predict_proba")
    with pytest.raises(AttributeError, match="predict_proba"):
        LinearClassifier("hinge").predict_proba(X)


def test_class_weights_are_sample_weights() -> None:
    weights = {"no": 0.5, "yes": 3.0}
    by_class = classifier(class_weight=weights).fit(X, NAMES[Y])
    by_sample = classifier().fit(X, NAMES[Y], np.where(Y == 1, 3.0, 0.5))
    assert by_class.digest_ == by_sample.digest_
    assert by_class.digest_ != classifier().fit(X, NAMES[Y]).digest_
    rare = np.flatnonzero((np.arange(Y.size) % 5 == 0) | (Y == 0))
    plain = classifier(alpha=0.1).fit(X[rare], Y[rare])
    balanced = classifier(alpha=0.1, class_weight="balanced").fit(X[rare], Y[rare])
    assert balanced.predict(X[rare]).mean() > plain.predict(X[rare]).mean()


def test_samples_without_weight_are_not_there() -> None:
    zero = np.arange(Y.size) % 2
    flipped = np.where(zero == 1, Y, 1 - Y)
    assert classifier().fit(X, Y, zero).digest_ == classifier().fit(X, flipped, zero).digest_


def test_several_labels_at_once() -> None:
    labels = np.column_stack([Y3 == 0, Y3 != 1, Y3 == 2]).astype(int)
    model = classifier(max_iter=20).fit(X3, labels)
    predicted = model.predict(X3)
    assert predicted.shape == labels.shape
    assert (predicted == labels).mean() > 0.85
    np.testing.assert_array_equal(predicted, model.decision_function(X3) > 0)
    for k in (0, 2):  # each label is trained as if it were alone
        alone = classifier(max_iter=20, block_size=16).fit(X3, labels[:, k])
        np.testing.assert_array_equal(alone.coef_[0], model.coef_[k])
    with pytest.raises(SerialeqError, match="class_weight: expected None for multi-label data"):
        classifier(class_weight="balanced").fit(X3, labels)


def test_a_text_pipeline() -> None:
    spam = ["buy cheap pills now", "cheap offer buy", "win money now", "cheap money offer"] * 5
    ham = ["meeting at noon", "see the report", "lunch at the office", "report of the meeting"] * 5
    labels = ["spam"] * len(spam) + ["ham"] * len(ham)
    pipeline = make_pipeline(TfidfVectorizer(), LinearClassifier(n_jobs=2, max_iter=20))
    pipeline.fit(spam + ham, labels)
    assert pipeline.score(spam + ham, labels) == 1
    assert pipeline.predict(["cheap pills", "office meeting"]).tolist() == ["spam", "ham"]


def test_grid_search() -> None:
    search = GridSearchCV(classifier(n_jobs=1), {"alpha": [1e-3, 0.5]}, cv=3).fit(X, Y)
    scores = search.cv_results_["mean_test_score"]
    assert scores.min() > 0.5
    assert scores[0] != scores[1]
    best = classifier(**search.best_params_, n_jobs=2).fit(X, Y)
    assert search.best_estimator_.digest_ == best.digest_


# ---- going on ------------------------------------------------------------------------------------


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


# ---- bad input -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"engine": "warp"}, "engine: expected one of serial, .* or auto, got 'warp'"),
        ({"loss": "huge"}, "loss: expected one of hinge, .*, got 'huge'"),
        ({"penalty": "l1"}, "penalty: expected one of l2, None, got 'l1'"),
        ({"alpha": 0.0}, "alpha: expected more than 0 .* learning_rate='optimal', got alpha=0.0"),
        ({"penalty": None}, "alpha: expected more than 0 and penalty='l2'"),
        ({"alpha": 0.0, "learning_rate": "pegasos"}, "alpha: .* learning_rate='pegasos'"),
        ({"alpha": -1.0}, "alpha: expected at least 0.0, got -1.0"),
        ({"alpha": np.nan}, "alpha: expected a finite number, got nan"),
        ({"learning_rate": "adaptive"}, "learning_rate: expected one of optimal, .*'adaptive'"),
        ({"learning_rate": "constant", "eta0": 0.0}, "eta0: expected more than 0.0, got 0.0"),
        ({"arithmetic": "float16"}, "arithmetic: expected one of lattice, float64"),
        ({"order": "blocked"}, "order: expected one of reshuffled, shuffled, given, got 'blocked'"),
        ({"order": [300]}, r"order: expected samples in 0..299, got values from 300 to 300"),
        ({"max_iter": 0}, "max_iter: expected at least 1, got 0"),
        ({"max_iter": 1.5}, "max_iter: expected an integer, got 1.5"),
        ({"tol": "small"}, "tol: expected a finite number, got 'small'"),
        ({"average": -1}, "average: expected at least 0, got -1"),
        ({"average": "x"}, "average: expected an integer, got 'x'"),
        ({"batch_size": 0}, "batch_size: expected at least 1, got 0"),
        ({"block_size": 3}, "block_size: expected one of 1, 2, 4, 8, 16, 32, 64, got 3"),
        ({"lattice_bits": (30, 1)}, r"lattice_bits: expected 1 to \d+ bits .* got \(30, 1\)"),
        ({"validation_fraction": 1.0}, "validation_fraction: expected above 0 and below 1"),
        ({"n_jobs": 0}, "n_jobs: expected a positive integer, -1 or None, got 0"),
    ],
    ids=str,
)  # fmt: skip
def test_wrong_parameters_are_named(parameters: dict[str, Any], told: str) -> None:
    with pytest.raises(SerialeqError, match=told):
        classifier(**parameters).fit(X, Y)


def test_integers_beyond_floats_are_named() -> None:
    with pytest.raises(SerialeqError, match=r"average: expected a number below 2\*\*1024"):
        classifier(average=10**400).fit(X, Y)


def test_losses_of_classification_are_not_for_regression() -> None:
    with pytest.raises(SerialeqError, match=r"loss: expected one of squared_error, .*'hinge'"):
        LinearRegressor("hinge").fit(X, Y)


def test_wrong_data_are_named() -> None:
    holed = X.toarray()
    holed[3, 4] = np.nan
    for model in (classifier(), LinearRegressor()):
        with pytest.raises(ValueError, match="contains NaN"):
            model.fit(holed, Y)
        with pytest.raises(ValueError, match=r"inconsistent numbers of samples: \[300, 299\]"):
            model.fit(X, Y[1:])
        with pytest.raises(ValueError, match="Negative values in data passed to `sample_weight`"):
            model.fit(X, Y, -np.ones(Y.size))
        with pytest.raises(NotFittedError):
            model.predict(X)
    with pytest.raises(ValueError, match=r"y: expected at least two classes, got 1 class: \[7\]"):
        classifier().fit(X, np.full(Y.size, 7))
    with pytest.raises(ValueError, match="continuous"):
        classifier().fit(X, Y + 0.5 * X[:, [0]].toarray().ravel())
    model = classifier().fit(X, Y)
    with pytest.raises(ValueError, match="X has 29 features, but LinearClassifier is expecting 30"):
        model.predict(X[:, :29])
    with pytest.raises(ValueError, match="X has 29 features"):
        model.partial_fit(X[:, :29], Y)
    with pytest.raises(SerialeqError, match="validation_fraction: "):
        classifier(early_stopping=True, validation_fraction=0.999).fit(X[:2], [0, 1])


def test_wrong_classes_in_partial_fit() -> None:
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        classifier().partial_fit(X, Y)
    model = classifier().partial_fit(X, Y, classes=[0, 1])
    with pytest.raises(ValueError, match="not the same as on last call to partial_fit"):
        model.partial_fit(X, Y, classes=[0, 1, 2])
    with pytest.raises(ValueError, match=r"y: expected classes \[0 1\], got \[0 1 2\]"):
        model.partial_fit(X3, Y3)
    with pytest.raises(ValueError, match="class_weight 'balanced' is not supported"):
        classifier(class_weight="balanced").partial_fit(X, Y, classes=[0, 1])


def test_features_beyond_the_first_fits_range_are_refused() -> None:
    model = classifier().partial_fit(X, Y, classes=[0, 1])
    digest = model.digest_
    with pytest.raises(DataError, match=r"X: expected features up to 1, .* first fit, got \d+"):
        model.partial_fit(X * 1_000, Y)
    assert model.partial_fit(X, Y).digest_ != digest  # it is still of use
    scaled = classifier(learning_rate="constant", eta0=1e-8).fit(X * 1_000, Y)
    assert scaled.lattice_.scale == 1_024  # the recorded factor


def test_leaving_the_lattice_says_what_to_do() -> None:
    rows, y = np.full((200, 20), 1.0), np.arange(200) % 2
    model = classifier(learning_rate="constant", eta0=1.0, lattice_bits=(8, 30))
    with pytest.raises(SerialeqError, match=r"lattice: at update \d+ of the epoch") as error:
        model.fit(rows, y)
    assert re.search(
        r"lower the step \(eta0\).* normalise rows and targets.*lattice_bits", str(error.value)
    )


def test_an_outlier_that_would_erase_the_rest_is_refused() -> None:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((300, 5))
    X[7, 2] = 1e6
    y = X[:, 0] > 0
    with pytest.raises(DataError, match=r"X: \d+ % of the values vanish .*StandardScaler"):
        classifier().fit(X, y)
    assert classifier(arithmetic="float64", alpha=1.0).fit(X, y).coef_.all()


@pytest.mark.parametrize("n_samples", [4096, 5000, 8192])
def test_one_small_column_is_no_reason_to_refuse_and_one_large_one_is(n_samples: int) -> None:
    X = np.random.default_rng(0).standard_normal((n_samples, 16))
    y = X[:, 1] > 0
    X[:, 0] *= 1e-6
    assert classifier(max_iter=1, tol=None).fit(X, y).coef_.size == 16
    X[:, 0] *= 1e12
    with pytest.raises(DataError, match=r"X: 9\d % of the values vanish"):
        classifier().fit(X, y)


def test_targets_of_any_size_are_learnt() -> None:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((300, 5))
    y = 2e5 + 5e4 * X @ rng.standard_normal(5)
    assert LinearRegressor().fit(X, y).score(X, y) > 0.999


def test_strong_penalties_train() -> None:
    X, y = np.random.default_rng(0).standard_normal((100, 4)), np.arange(100) % 2
    for alpha in (1.0, 10.0):
        assert np.isfinite(classifier(alpha=alpha).fit(X, y).coef_).all()


def test_a_failed_step_leaves_the_model_as_it_was() -> None:
    X, y = np.eye(4), np.array([0, 1, 0, 1])
    model = classifier().partial_fit(X, y, classes=[0, 1])
    before = model.digest_, list(model.history_), model.t_
    with pytest.raises(DataError):
        model.partial_fit(1e6 * X, y)
    assert (model.digest_, model.history_, model.t_) == before
    again = classifier().partial_fit(X, y, classes=[0, 1]).partial_fit(X, y)
    assert model.partial_fit(X, y).digest_ == again.digest_


def test_float64_divergence_is_an_error() -> None:
    X, y = 100.0 * np.random.default_rng(0).standard_normal((200, 3)), np.arange(200.0)
    model = LinearRegressor(arithmetic="float64", eta0=10.0, tol=None, max_iter=50)
    with pytest.raises(DivergenceError, match="lower the step"), np.errstate(all="ignore"):
        model.fit(X, y)

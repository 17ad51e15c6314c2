"""The estimators of linear models: scikit-learn's conventions, one digest, errors by name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from problems.linear.samples import NAMES, X3, Y3, X, Y, classifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from serialeq import LinearClassifier, LinearRegressor, SerialeqError

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
    monkeypatch.setattr("serialeq.training.trainer.available_cores", lambda: 2)
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

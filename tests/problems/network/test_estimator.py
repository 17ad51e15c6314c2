"""`DropoutMLPClassifier`: scikit-learn's conventions, one digest, errors by name."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils.estimator_checks import parametrize_with_checks

from serialeq import DivergenceError, DropoutMLPClassifier, SerialeqError


@parametrize_with_checks([DropoutMLPClassifier(32, learning_rate=0.1, max_iter=20)])
def test_conventions_of_scikit_learn(estimator: Any, check: Any) -> None:
    check(estimator)


def rings(n: int = 400, n_classes: int = 3, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return points in the plane and, with noise, their distance from the origin as a class."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, 2))
    radius = np.linalg.norm(X, axis=1) + 0.05 * rng.standard_normal(n)
    return X, np.searchsorted(np.quantile(radius, np.arange(1, n_classes) / n_classes), radius)


X, Y = rings()
X2, Y2 = rings(n_classes=2)


def classifier(**parameters: Any) -> DropoutMLPClassifier:
    return DropoutMLPClassifier(**{"hidden_units": 64, "max_iter": 10, "n_jobs": 1} | parameters)


@pytest.mark.parametrize("order", ["blocked", "shuffled", "reshuffled", "given"])
def test_engine_and_number_of_workers_do_not_show(order: str) -> None:
    models = [
        classifier(engine=engine, n_jobs=n_jobs, order=order).fit(X, Y)
        for engine in ("serial", "dataflow", "auto")
        for n_jobs in (1, 2, None)
    ]
    assert len({model.digest_ for model in models}) == 1
    assert {model.engine_ for model in models} >= {"serial", "dataflow"}
    assert classifier(random_state=1, order=order).fit(X, Y).digest_ != models[0].digest_


def test_more_workers_than_cores_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serialeq.training.trainer.available_cores", lambda: 2)
    model = classifier(n_jobs=64, engine="dataflow").fit(X, Y)
    assert model.n_workers_ == 2
    assert model.engine_reason_ == "as asked; 64 workers asked for, 2 cores"


def test_it_learns_what_no_linear_model_can() -> None:
    test, labels = rings(seed=1)
    model = classifier(n_groups=8, max_iter=100).fit(X, Y)
    assert model.score(test, labels) > 0.85


def test_sparse_and_dense_rows_are_one_model() -> None:
    holed = np.where(np.abs(X) < 0.5, 0.0, X)
    dense, sparse = classifier().fit(holed, Y), classifier().fit(sp.csr_matrix(holed), Y)
    assert dense.digest_ == sparse.digest_
    np.testing.assert_array_equal(dense.predict(holed), sparse.predict(sp.csr_array(holed)))


def test_probabilities() -> None:
    for rows, labels in ((X, Y), (X2, Y2)):
        model = classifier().fit(rows, np.array(["a", "b", "c"])[labels])
        p = model.predict_proba(rows)
        assert p.shape == (400, model.classes_.size)
        np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-6)
        np.testing.assert_array_equal(model.classes_[p.argmax(axis=1)], model.predict(rows))
    assert model.decision_function(X2).shape == (400,)
    np.testing.assert_allclose(p[:, 1], 1 / (1 + np.exp(-model.decision_function(X2))), rtol=1e-5)


def test_the_squared_error_has_no_probabilities() -> None:
    for rows, labels in ((X, Y), (X2, Y2)):
        model = classifier(loss="squared_error", n_groups=8, max_iter=60).fit(rows, labels)
        assert model.score(rows, labels) > 0.85
    assert not hasattr(model, "predict_proba")
    with pytest.raises(AttributeError, match="predict_proba"):
        model.predict_proba(X2)


def test_coefficients_are_those_of_an_ordinary_network() -> None:
    model = classifier(n_kept=1).fit(X, Y)
    (hidden, output), (hidden_bias, output_bias) = model.coefs_, model.intercepts_
    assert (hidden.shape, output.shape) == ((2, 64), (64, 3))
    z = np.maximum(X @ hidden + hidden_bias, 0) @ output + output_bias
    np.testing.assert_array_equal(model.predict(X), z.argmax(axis=1))


def test_history() -> None:
    assert [record["loss"] for record in classifier(max_iter=2).fit(X, Y).history_] == [None, None]
    model = classifier(with_loss=True).fit(X, Y)
    losses = [record["loss"] for record in model.history_]
    assert len(losses) == model.n_iter_ == 10
    assert losses[-1] < losses[0]
    expected = -np.log(model.predict_proba(X)[np.arange(400), Y]).mean()
    assert losses[-1] == pytest.approx(expected, rel=1e-4)
    assert model.digest_ == classifier().fit(X, Y).digest_


def test_clones_and_pickles() -> None:
    model = classifier(dtype="float64", masks="independent", order="shuffled").fit(X, Y)
    twin = clone(model)
    assert twin.get_params() == model.get_params()
    assert twin.fit(X, Y).digest_ == model.digest_
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    seeded = [classifier(random_state=np.random.RandomState(5)).fit(X, Y) for _ in range(2)]
    assert seeded[0].digest_ == seeded[1].digest_ != classifier().fit(X, Y).digest_


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"hidden_units": 60}, "n_groups: expected a divisor of hidden_units=60, got 16"),
        ({"hidden_units": 0}, "hidden_units: expected at least 1, got 0"),
        ({"hidden_units": 10**400}, r"hidden_units: expected a number below 2\*\*1024"),
        ({"n_groups": 2.0}, "n_groups: expected an integer, got 2.0"),
        ({"n_kept": 32}, "n_kept: expected 1 to n_groups=16, got 32"),
        ({"n_kept": 3}, "n_kept: expected a divisor of n_groups=16"),
        ({"masks": "none"}, "masks: expected one of partition, independent, got 'none'"),
        ({"loss": "hinge"}, "loss: expected one of log_loss, squared_error, got 'hinge'"),
        ({"learning_rate": 0.0}, "learning_rate: expected more than 0, got 0.0"),
        ({"initial_square": np.nan}, "initial_square: expected a finite number, got nan"),
        ({"initial_square": 1e-60}, "initial_square: expected a number of float32, got 1e-60"),
        ({"learning_rate": 1e60}, r"learning_rate: expected a number of float32, got 1e\+60"),
        ({"random_state": -1}, "random_state: expected at least 0, got -1"),
        ({"max_iter": 0}, "max_iter: expected at least 1, got 0"),
        ({"dtype": "float16"}, "dtype: expected one of float32, float64, got 'float16'"),
        ({"order": "sorted"}, "order: expected one of blocked, .* got 'sorted'"),
        ({"order": [400]}, r"order: expected samples in 0..399, got values from 400 to 400"),
        ({"engine": "warp"}, "engine: expected one of serial, .* or auto, got 'warp'"),
        ({"engine": "lookahead"}, "engine: expected one of serial, .*, got 'lookahead'"),
        ({"n_jobs": 0}, "n_jobs: expected a positive integer, -1 or None, got 0"),
    ],
    ids=str,
)  # fmt: skip
def test_wrong_parameters_are_named(parameters: dict[str, Any], told: str) -> None:
    with pytest.raises(SerialeqError, match=told):
        classifier(**parameters).fit(X, Y)


def test_wrong_data_are_named() -> None:
    holed = X.copy()
    holed[3, 1] = np.nan
    with pytest.raises(ValueError, match="contains NaN"):
        classifier().fit(holed, Y)
    with pytest.raises(ValueError, match=r"inconsistent numbers of samples: \[400, 399\]"):
        classifier().fit(X, Y[1:])
    with pytest.raises(ValueError, match=r"y: expected at least two classes, got 1 class: \[7\]"):
        classifier().fit(X, np.full(400, 7))
    with pytest.raises(ValueError, match="continuous"):
        classifier().fit(X, X[:, 0])
    with pytest.raises(NotFittedError):
        classifier().predict(X)
    with pytest.raises(ValueError, match="X has 1 features, but DropoutMLPClassifier is expecting"):
        classifier().fit(X, Y).predict(X[:, :1])
    with pytest.raises(DivergenceError, match="training diverged"):
        classifier(loss="squared_error").fit(1e30 * X, Y)

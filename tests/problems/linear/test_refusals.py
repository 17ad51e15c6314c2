"""What the linear estimators refuse: parameters, data and divergence, by name."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from problems.linear.samples import X3, Y3, X, Y, classifier
from sklearn.exceptions import NotFittedError

from serialeq import DataError, DivergenceError, LinearRegressor, SerialeqError


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"engine": "warp"}, "engine: expected one of serial, .* or auto, got 'warp'"),
        ({"loss": "huge"}, "loss: expected one of hinge, .*, got 'huge'"),
        ({"penalty": "l1"}, "penalty: expected one of l2, None, got 'l1'"),
        ({"alpha": 0.0}, "alpha: expected more than 0 .* learning_rate='optimal', got alpha=0.0"),
        ({"penalty": None}, "alpha: expected more than 0 and penalty='l2'"),
        ({"alpha": 0.0, "learning_rate": "pegasos"}, "alpha: .* learning_rate='pegasos'"),
        ({"alpha": -1.0}, "alpha: expected at least 0, got -1.0"),
        ({"alpha": np.nan}, "alpha: expected a finite number, got nan"),
        ({"learning_rate": "adaptive"}, "learning_rate: expected one of optimal, .*'adaptive'"),
        ({"learning_rate": "constant", "eta0": 0.0}, "eta0: expected more than 0, got 0.0"),
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
        ({"validation_fraction": 1.0}, "validation_fraction: expected less than 1, got 1.0"),
        ({"lattice_bits": 8}, "lattice_bits: expected bits of features and of factors, .* got 8"),
        ({"class_weight": 2}, "class_weight: expected 'balanced' or weights by label, got 2"),
        ({"fit_intercept": "no"}, "fit_intercept: expected True or False, got 'no'"),
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

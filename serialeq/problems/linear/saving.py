"""Linear models as arrays and a description, and back (see `serialeq.training.saving`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from serialeq.training.saving import Described, describe, parameters_of, plain_labels, remade

from .lattice import Lattice

_STATE = "state_"


def describe_linear(estimator: Any) -> Described:
    """Return the arrays and the description from which `restore_linear` makes the model again."""
    classifies = hasattr(estimator, "classes_")
    others = {_STATE + name: array for name, array in estimator._trained.items()}
    if classifies:
        others["classes"] = plain_labels(estimator.classes_)
    trained = {"coef": np.atleast_2d(estimator.coef_), "intercept": estimator.intercept_}
    minibatch = estimator.engine_ == "minibatch"  # all other engines do the same as serial
    parameters = parameters_of(estimator, *(() if minibatch else ("batch_size",)))
    lattice = estimator.lattice_
    arrays, about = describe("linear", estimator, parameters, trained, others)
    return arrays, about | {
        "task": "classification" if classifies else "regression",
        "algorithm": "minibatch" if minibatch else "sgd",
        "multilabel": classifies and estimator._multilabel,
        "n_features": int(estimator.n_features_in_),
        "updates": estimator._updates,
        "lattice": lattice
        and {
            "feature_bits": lattice.feature_bits,
            "factor_bits": lattice.factor_bits,
            "feature_scale": lattice.scale,
            "largest_feature": lattice.most,
            "largest_weight": lattice.limit,
        },
    }


def restore_linear(
    kind: type,
    arrays: dict[str, np.ndarray],
    about: dict[str, Any],
    history: Sequence[dict[str, Any]] = (),
) -> Any:
    """Return a fitted classifier or regressor.

    With the history, `partial_fit` goes on where the training ended.
    """
    coef, intercept = arrays["coef"], arrays["intercept"]
    minibatch = {"engine": "minibatch"} if about["algorithm"] == "minibatch" else {}
    estimator = remade(kind, about, **minibatch)
    expected = 1
    if about["task"] == "classification":
        estimator.classes_, estimator._multilabel = arrays["classes"], about["multilabel"]
        expected = estimator.classes_.size
        expected = 1 if expected == 2 and not estimator._multilabel else expected
    if coef.shape != (expected, about["n_features"]) or intercept.shape != (expected,):
        raise ValueError(f"expected coef of {expected} rows, got shape {coef.shape}")
    estimator.coef_, estimator.intercept_ = estimator._public(coef, intercept)
    estimator.n_features_in_, estimator.history_ = about["n_features"], list(history)
    estimator.n_iter_, estimator._updates = len(history), about["updates"]
    estimator.t_, estimator.digest_ = 1.0 + about["updates"], about["digest"]
    estimator._average_from = int(estimator.average)
    estimator._trained = {
        name.removeprefix(_STATE): array for name, array in arrays.items()
        if name.startswith(_STATE)
    }  # fmt: skip
    told = about["lattice"]
    estimator.lattice_ = told and Lattice(
        told["feature_bits"],
        told["factor_bits"],
        told["feature_scale"],
        told["largest_feature"],
        told["largest_weight"],
    )
    return estimator

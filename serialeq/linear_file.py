"""Linear models as arrays and a description, for model directories; no pickles."""

from __future__ import annotations

from typing import Any

import numpy as np

from .digest import digest_arrays
from .estimators.linear import LinearClassifier, LinearRegressor
from .text_features import TextFeatures

_TRAINED = ("coef", "intercept")


def describe(
    estimator: Any, vectoriser: TextFeatures | None, zero_based: bool
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Return the arrays and the description from which `restore` makes the model again."""
    inputs: dict[str, np.ndarray] = dict(vectoriser.arrays()) if vectoriser else {}
    if hasattr(estimator, "classes_"):
        inputs["classes"] = estimator.classes_
    features: dict[str, Any] = {"kind": "svmlight", "zero_based": zero_based}
    if vectoriser:
        features = {"kind": vectoriser.kind, "parameters": vectoriser.parameters}
    minibatch = estimator.engine_ == "minibatch"  # all other engines do the same as serial
    left_out = {"engine", "n_jobs", "verbose"} | (set() if minibatch else {"batch_size"})
    lattice = estimator.lattice_
    about = {
        "kind": "linear",
        "task": "classification" if hasattr(estimator, "classes_") else "regression",
        "digest": estimator.digest_,
        "input_digest": digest_arrays(inputs),
        "equivalent": estimator.engine_ != "hogwild",
        "algorithm": "minibatch" if minibatch else "sgd",
        "parameters": {
            name: value
            for name, value in estimator.get_params().items()
            if name not in left_out | {"order"}
        },
        "features": features,
        "n_features": int(estimator.n_features_in_),
        "lattice": lattice
        and {
            "feature_bits": lattice.feature_bits,
            "factor_bits": lattice.factor_bits,
            "feature_scale": lattice.scale,
        },
        "trained": list(_TRAINED),
    }
    trained = {"coef": np.atleast_2d(estimator.coef_), "intercept": estimator.intercept_}
    return trained | inputs, about


def restore(
    arrays: dict[str, np.ndarray], about: dict[str, Any]
) -> tuple[Any, TextFeatures | None]:
    """Return a fitted estimator and what makes matrices from texts."""
    coef, intercept = (arrays[name] for name in _TRAINED)
    estimator: Any
    if about["task"] == "regression":
        estimator = LinearRegressor(about["parameters"]["loss"])
        expected = 1
    else:
        estimator = LinearClassifier(about["parameters"]["loss"])
        estimator.classes_, estimator._multilabel = arrays["classes"], False
        expected = 1 if estimator.classes_.size == 2 else estimator.classes_.size
    if coef.shape != (expected, about["n_features"]) or intercept.shape != (expected,):
        raise ValueError(f"expected coef of {expected} rows, got shape {coef.shape}")
    estimator.intercept_ = intercept
    estimator.coef_, estimator.n_features_in_ = coef, about["n_features"]
    kind = about["features"]["kind"]
    if kind == "svmlight":
        return estimator, None
    return estimator, TextFeatures.restore(kind, about["features"]["parameters"], arrays)

"""Linear models as arrays and a description, for model directories; no pickles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .digest import digest_arrays
from .estimators.linear import LinearClassifier, LinearRegressor
from .problems.lattice import Lattice
from .samples import class_weights
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
    state = {f"state_{name}": array for name, array in estimator._trained.items()}
    inputs |= state
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
        "updates": estimator._updates,
        "lattice": lattice
        and {
            "feature_bits": lattice.feature_bits,
            "factor_bits": lattice.factor_bits,
            "feature_scale": lattice.scale,
            "largest_feature": lattice.most,
            "largest_weight": lattice.limit,
        },
        "trained": list(_TRAINED),
    }
    trained = {"coef": np.atleast_2d(estimator.coef_), "intercept": estimator.intercept_}
    return trained | inputs, about


def restore(
    arrays: dict[str, np.ndarray], about: dict[str, Any], history: Sequence[dict[str, Any]] = ()
) -> tuple[Any, TextFeatures | None]:
    """Return a fitted estimator and what makes matrices from texts.

    With the history, `partial_fit` goes on where the training ended.
    """
    coef, intercept = (arrays[name] for name in _TRAINED)
    estimator: Any
    parameters = about["parameters"] | {"order": about.get("order", "reshuffled")}
    if about["algorithm"] == "minibatch":
        parameters["engine"] = "minibatch"
    if about["task"] == "regression":
        estimator = LinearRegressor(**parameters)
        expected = 1
    else:
        estimator = LinearClassifier(**parameters)
        estimator.classes_, estimator._multilabel = arrays["classes"], False
        estimator.class_weight = class_weights(parameters["class_weight"], arrays["classes"])
        expected = 1 if estimator.classes_.size == 2 else estimator.classes_.size
    if coef.shape != (expected, about["n_features"]) or intercept.shape != (expected,):
        raise ValueError(f"expected coef of {expected} rows, got shape {coef.shape}")
    estimator.intercept_ = intercept
    estimator.coef_, estimator.n_features_in_ = coef, about["n_features"]
    if about["task"] == "regression":
        estimator.coef_ = coef[0]
    estimator.history_ = list(history)
    estimator.n_iter_, estimator._updates = len(history), about["updates"]
    estimator.t_, estimator.digest_ = 1.0 + about["updates"], about["digest"]
    estimator._average_from = int(estimator.average)
    prefix = "state_"
    estimator._trained = {
        name.removeprefix(prefix): arrays[name] for name in arrays if name.startswith(prefix)
    }
    told = about["lattice"]
    estimator.lattice_ = told and Lattice(
        told["feature_bits"],
        told["factor_bits"],
        told["feature_scale"],
        told["largest_feature"],
        told["largest_weight"],
    )
    kind = about["features"]["kind"]
    if kind == "svmlight":
        return estimator, None
    return estimator, TextFeatures.restore(kind, about["features"]["parameters"], arrays)

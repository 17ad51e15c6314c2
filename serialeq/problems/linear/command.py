"""What the command line reads and tells of linear models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np

from serialeq.errors import SerialeqError
from serialeq.problems.command import Data, Report
from serialeq.problems.samples import SamplesCommand
from serialeq.training.estimator import Estimator
from serialeq.training.parameters import Flag, Parameter

from .facts import memory_told


class Command(SamplesCommand):
    """Samples with labels of classes, or with numbers."""

    regression: Annotated[
        bool, Parameter("Predict numbers (LinearRegressor), instead of classes.", Flag())
    ] = False

    def estimator(self, classes: list[type[Estimator]], given: Mapping[str, Any]) -> Estimator:
        """Return a classifier, or with --regression a regressor."""
        if self.regression and "class_weight" in given:
            raise SerialeqError("class_weight: expected none with --regression")
        return classes[self.regression](**given)

    def read(self, estimator: Any) -> Data:
        """Read the samples; weights of classes are told by their labels."""
        data = super().read(estimator)
        if not self.regression:
            weights = class_weights(estimator.class_weight, data.arguments[1])
            estimator.set_params(class_weight=weights)
        return data

    def report(self, estimator: Any, data: Data) -> Report:
        """Tell the objective, the lattice and the memory of a plan, too."""
        about, lines, _ = super().report(estimator, data)
        plan = estimator.plan_bytes_
        if plan:
            lines = [("plan", memory_told(plan)), *lines]
        lines = [*lines, ("lattice", str(estimator.lattice_ or "none (float64)"))]
        objective = estimator.final_losses()[0]
        return Report({"objective": objective} | about, lines, {"plan_bytes": plan})


def class_weights(given: Any, y: np.ndarray) -> Any:
    """Return weights of labels from "label=weight,label=weight"; what else is given, as it is."""
    if not isinstance(given, str) or given == "balanced":
        return given
    labels = {str(label): label for label in np.unique(y).tolist()}
    weights = {}
    for part in given.split(","):
        label, _, weight = part.rpartition("=")
        try:
            value = float(weight)
        except ValueError:
            value = -1.0
        if label not in labels or not 0 <= value < np.inf:
            raise SerialeqError(
                "class_weight: expected balanced, or a label of the data = a weight of at least "
                f"0, got {part!r}"
            )
        weights[labels[label]] = value
    return weights

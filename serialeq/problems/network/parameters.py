"""Hyper-parameters of a network with dropout."""

from __future__ import annotations

from dataclasses import KW_ONLY
from typing import Annotated

import numpy as np

from serialeq.errors import SerialeqError
from serialeq.training.parameters import Declared, Number, OneOf, Parameter, Whole


class NetworkParameters(Declared):
    """What `serialeq.problems.network.problem.DropoutNetwork` is trained with."""

    hidden_units: Annotated[
        int,
        Parameter(
            "A multiple of n_groups; of 16 times it (8 in float64), to leave no lane of a vector "
            "empty.",
            Whole(1),
        ),
    ] = 256
    _: KW_ONLY
    n_groups: Annotated[
        int, Parameter("Groups of hidden units; as many as units: masks of single units.", Whole(1))
    ] = 16
    n_kept: Annotated[
        int, Parameter("Groups that a sample keeps and trains; all: no dropout.", Whole(1))
    ] = 4
    masks: Annotated[
        str,
        Parameter(
            "partition: every epoch cuts the groups at random into parts of n_kept, which has to "
            "divide n_groups, and each sample keeps one, so that parts train in parallel; "
            "independent: each sample draws its own groups. Each mask has the same distribution.",
            OneOf("partition", "independent"),
        ),
    ] = "partition"
    loss: Annotated[
        str,
        Parameter(
            "log_loss, the cross entropy after a softmax (two classes: one logistic output), or "
            "squared_error.",
            OneOf("log_loss", "squared_error"),
        ),
    ] = "log_loss"
    learning_rate: Annotated[
        float,
        Parameter(
            "Step of AdaGrad, which keeps a sum of squares for each row of weights: for each "
            "group, the weights out of a feature, or out of a unit.",
            Number(0, above=True),
        ),
    ] = 0.05
    initial_square: Annotated[
        float, Parameter("What these sums start from.", Number(0, above=True))
    ] = 1e-4
    dtype: Annotated[
        str, Parameter("Of the weights: float32 or float64.", OneOf("float32", "float64"))
    ] = "float32"

    def check_parameters(self) -> None:
        """Raise SerialeqError for the first parameter that is wrong, or does not fit another."""
        super().check_parameters()
        for name in ("learning_rate", "initial_square"):
            given = getattr(self, name)
            with np.errstate(over="ignore"):
                rounded = np.dtype(self.dtype).type(given)
            if not 0.0 < rounded < np.inf:
                raise SerialeqError(f"{name}: expected a number of {self.dtype}, got {given!r}")
        units, groups, kept = self.hidden_units, self.n_groups, self.n_kept
        if units % groups:
            raise SerialeqError(
                f"n_groups: expected a divisor of hidden_units={units}, got {groups}"
            )
        if kept > groups:
            raise SerialeqError(f"n_kept: expected 1 to n_groups={groups}, got {kept}")
        if self.masks == "partition" and groups % kept:
            raise SerialeqError(
                f"n_kept: expected a divisor of n_groups={groups} with masks='partition', "
                f"got {kept}"
            )

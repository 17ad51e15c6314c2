"""Hyper-parameters of a linear model."""

from __future__ import annotations

from dataclasses import KW_ONLY
from numbers import Integral
from typing import Annotated, Any

import numpy as np

from serialeq.errors import SerialeqError
from serialeq.training.parameters import Declared, Flag, Number, OneOf, Parameter, Whole

from .cost import BLOCKS
from .losses import CLASSIFICATION

STEP_RULES = ("optimal", "constant", "invscaling", "pegasos")


def _check_average(name: str, value: Any) -> None:
    Whole(0)(name, int(value) if isinstance(value, (bool, np.bool_)) else value)


def _check_bits(name: str, value: Any) -> None:
    pair = value if isinstance(value, (tuple, list)) else ()
    if len(pair) != 2 or not all(isinstance(bits, Integral) for bits in pair):
        raise SerialeqError(
            f"{name}: expected bits of features and of factors, a pair of integers, got {value!r}"
        )


class LinearParameters(Declared):
    """What `serialeq.problems.linear.problem.LinearModel` is trained with."""

    loss: Annotated[
        str,
        Parameter(
            "hinge (a linear SVM), log_loss, modified_huber, squared_hinge or perceptron; of a "
            "regression, and of classes as numbers, squared_error, huber, epsilon_insensitive or "
            "squared_epsilon_insensitive.",
            OneOf(*CLASSIFICATION),
        ),
    ] = "hinge"
    _: KW_ONLY
    penalty: Annotated[str | None, Parameter("l2, or None for none.", OneOf("l2", None))] = "l2"
    alpha: Annotated[float, Parameter("Weight of the penalty alpha / 2 |w|^2.", Number(0))] = 1e-4
    fit_intercept: Annotated[
        bool,
        Parameter(
            "Train an intercept; its steps are a hundredth of the others' on sparse data, as in "
            "scikit-learn.",
            Flag(),
        ),
    ] = True
    epsilon: Annotated[
        float, Parameter("Of the Huber and epsilon-insensitive losses.", Number(0))
    ] = 0.1
    learning_rate: Annotated[
        str,
        Parameter(
            "Step size of update t = 1, 2, …: optimal, 1 / (alpha (t0 + t - 1)) with Bottou's t0; "
            "constant, eta0; invscaling, eta0 / t^power_t; or pegasos, 1 / (alpha (t + 1)).",
            OneOf(*STEP_RULES),
        ),
    ] = "optimal"
    eta0: Annotated[float, Parameter("First step size of constant, invscaling.", Number(0))] = 0.01
    power_t: Annotated[float, Parameter("Exponent of invscaling.", Number())] = 0.5
    average: Annotated[
        bool | int,
        Parameter(
            "Keep the mean of the weights after each update (Polyak and Ruppert), from the update "
            "of that number on, and predict with it. It has the bits of the serial run, too.",
            _check_average,
        ),
    ] = False
    batch_size: Annotated[
        int, Parameter("Samples per update of the engine minibatch.", Whole(1))
    ] = 64
    arithmetic: Annotated[
        str,
        Parameter(
            "lattice: features, factors and weights on a lattice where float64 sums are exact, "
            "which is what makes lookahead possible; or plain float64.",
            OneOf("lattice", "float64"),
        ),
    ] = "lattice"
    lattice_bits: Annotated[
        tuple[int, int] | None,
        Parameter("Bits of features and of factors; by default chosen from the data.", _check_bits),
    ] = None
    block_size: Annotated[
        int | None,
        Parameter(
            "Samples per block of lookahead and of the two-level shuffle: a power of two up to "
            "64; by default the cheapest one.",
            OneOf(*BLOCKS),
        ),
    ] = None

    def check_parameters(self) -> None:
        """Raise SerialeqError for the first parameter that is wrong, or does not fit another."""
        super().check_parameters()
        if self.learning_rate in ("constant", "invscaling"):
            Number(0, above=True)("eta0", self.eta0)
        elif self.strength == 0:  # of which the other steps are made
            raise SerialeqError(
                f"alpha: expected more than 0 and penalty='l2' with learning_rate="
                f"{self.learning_rate!r}, got alpha={self.alpha!r}, penalty={self.penalty!r}"
            )

    @property
    def strength(self) -> float:
        """Weight of the penalty; 0 without one."""
        return 0.0 if self.penalty is None else float(self.alpha)

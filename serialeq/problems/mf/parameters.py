"""Hyper-parameters of a matrix factorisation."""

from __future__ import annotations

from dataclasses import KW_ONLY
from typing import Annotated, Any, Self

from serialeq.errors import SerialeqError
from serialeq.training.parameters import Declared, Flag, Number, OneOf, Parameter, Whole


class _Penalty(Number):
    """A penalty, or one for users and one for items."""

    def __call__(self, name: str, value: Any) -> None:
        """Raise SerialeqError unless it is one."""
        pair = value if isinstance(value, (tuple, list)) else (value, value)
        if len(pair) != 2:
            raise SerialeqError(f"{name}: expected a number or a pair of numbers, got {value!r}")
        for number in pair:
            super().__call__(name, number)


Schedule = Annotated[
    str,
    Parameter(
        "How the step shrinks: decay, rate * decay**epoch; constant; inverse, rate / (1 + "
        "decay * t) per update with t in epochs; or adagrad, per row, as in LIBMF.",
        OneOf("decay", "constant", "inverse", "adagrad"),
    ),
]
Decay = Annotated[float, Parameter("Parameter of the schedule.", Number(0))]
Dtype = Annotated[
    str, Parameter("Of the factors: float32 or float64.", OneOf("float32", "float64"))
]


class FactorizationParameters(Declared):
    """What `serialeq.problems.mf.problem.Factorization` is trained with."""

    n_factors: Annotated[int, Parameter("Rank.", Whole(1))] = 32
    n_epochs: Annotated[int, Parameter("Passes over the ratings.", Whole(0))] = 20
    learning_rate: Annotated[float, Parameter("Step size.", Number(0))] = 0.05
    _: KW_ONLY
    schedule: Schedule = "decay"
    decay: Decay = 0.85
    l2: Annotated[
        float | tuple[float, float],
        Parameter("L2 penalty; or a pair, of users and of items.", _Penalty(0)),
    ] = 0.05
    l2_per: Annotated[
        str,
        Parameter(
            "Whether each rating adds its rows' penalties (rows weigh as much as they have "
            "ratings), or each row is penalised once.",
            OneOf("rating", "row"),
        ),
    ] = "rating"
    bias: Annotated[
        str,
        Parameter(
            "all: subtract the mean rating and trained user and item biases; global: the mean "
            "only; none.",
            OneOf("all", "global", "none"),
        ),
    ] = "all"
    nonnegative: Annotated[bool, Parameter("Keep the factors >= 0.", Flag())] = False
    init_scale: Annotated[
        float,
        Parameter(
            "Factors start uniform in (-init_scale, init_scale); in (0, init_scale) if "
            "nonnegative; in (0, 2 sqrt(mean / n_factors)) with bias none, where products have to "
            "start near the mean.",
            Number(0),
        ),
    ] = 0.05
    dtype: Dtype = "float32"

    @classmethod
    def of(cls, kind: Any, **others: Any) -> Self:
        """Return the parameters that another kind has by the same names, and others."""
        same = {name: getattr(kind, name) for name in cls.declarations() if hasattr(kind, name)}
        return cls(**same | others)

    @property
    def penalties(self) -> tuple[float, float]:
        """Penalties μ_u and μ_v of users and items."""
        pair = self.l2 if isinstance(self.l2, (tuple, list)) else (self.l2, self.l2)
        return float(pair[0]), float(pair[1])

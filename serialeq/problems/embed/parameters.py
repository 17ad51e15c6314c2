"""Hyper-parameters of word vectors."""

from __future__ import annotations

from dataclasses import KW_ONLY
from typing import Annotated

from serialeq.problems.mf.parameters import Decay, Dtype, Schedule
from serialeq.training.parameters import Declared, Number, Parameter, Whole


class EmbeddingParameters(Declared):
    """How texts are counted, and what becomes of the counts."""

    n_components: Annotated[
        int, Parameter("Length of the vectors.", Whole(1), option="dimensions")
    ] = 64
    n_epochs: Annotated[int, Parameter("Passes over the pairs.", Whole(0))] = 20
    learning_rate: Annotated[float, Parameter("Step size.", Number(0))] = 0.1
    _: KW_ONLY
    window: Annotated[
        int,
        Parameter(
            "How many words apart a pair may be, at most 20. A pair at distance d counts 1/d.",
            Whole(1, 20),  # as counts are integers over lcm(1, …, window) until the end
        ),
    ] = 5
    min_count: Annotated[int, Parameter("Words that occur less often are left out.", Whole(1))] = 5
    x_max: Annotated[
        float,
        Parameter(
            "Count from which pairs weigh the same. 10 suits some millions of words; GloVe's 100 "
            "some billions.",
            Number(1e-9),
        ),
    ] = 10.0
    alpha: Annotated[float, Parameter("Exponent of the weights of rarer pairs.", Number(0))] = 0.75
    init_scale: Annotated[
        float, Parameter("Vectors start uniform in (-init_scale, init_scale).", Number(0))
    ] = 0.05
    schedule: Schedule = "adagrad"
    decay: Decay = 0.85
    dtype: Dtype = "float32"

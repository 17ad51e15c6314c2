"""Hyper-parameters of topics."""

from __future__ import annotations

from dataclasses import KW_ONLY
from typing import Annotated

from serialeq.problems.mf.parameters import Decay, Dtype, Schedule
from serialeq.training.parameters import Declared, Number, Parameter, Whole


class TopicParameters(Declared):
    """What documents are factorised with."""

    n_components: Annotated[int, Parameter("Number of topics.", Whole(1), option="topics")] = 10
    n_epochs: Annotated[int, Parameter("Passes over the data.", Whole(0))] = 20
    learning_rate: Annotated[
        float,
        Parameter(
            "Step size; the entries are divided by their mean first, so it suits counts and "
            "tf-idf.",
            Number(0),
        ),
    ] = 0.1
    _: KW_ONLY
    n_zeros: Annotated[int, Parameter("Zeros drawn for each stored entry.", Whole(0))] = 10
    l2: Annotated[
        float,
        Parameter(
            "Penalty of documents' and words' factors, for each entry, in units of the mean entry.",
            Number(0),
        ),
    ] = 0.01
    schedule: Schedule = "adagrad"
    decay: Decay = 0.85
    dtype: Dtype = "float32"

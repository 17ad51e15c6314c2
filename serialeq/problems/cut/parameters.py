"""Hyper-parameters of a multiway cut."""

from __future__ import annotations

from dataclasses import KW_ONLY
from typing import Annotated

from serialeq.training.parameters import Declared, Number, Parameter, Whole


class CutParameters(Declared):
    """What `serialeq.problems.cut.problem.GraphCut` is trained with, and its graph made by."""

    n_epochs: Annotated[
        int,
        Parameter(
            "Passes over the edges. Faint boundaries between large parts may need more, with a "
            "decay nearer to 1.",
            Whole(0),
        ),
    ] = 300
    learning_rate: Annotated[
        float,
        Parameter(
            "Step of the first epoch: how far the heaviest edge moves a share at most.", Number(0)
        ),
    ] = 1.0
    _: KW_ONLY
    decay: Annotated[
        float, Parameter("The step of epoch t is learning_rate * decay**t.", Number(0))
    ] = 0.98
    beta: Annotated[
        float,
        Parameter(
            "Of an image: neighbours whose values differ by d are joined with weight "
            "exp(-beta d**2 / (2 mean d**2)) + 1e-6.",
            Number(0),
        ),
    ] = 1.0

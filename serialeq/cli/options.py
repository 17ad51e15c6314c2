"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Jobs = Annotated[int | None, typer.Option(help="Workers; all cores by default.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]
Seed = Annotated[int, typer.Option(help="Seed of order, initial factors and held-out part.")]
Out = Annotated[Path | None, typer.Option(help="Directory for the model.")]
TestFraction = Annotated[float, typer.Option(help="Part of the data to hold out.")]
Text = Annotated[Path | None, typer.Option(help="Instead of DATA: lines of label TAB text.")]
Features = Annotated[str | None, typer.Option(help="With --text: tfidf (the default) or hashing.")]
HashedFeatures = Annotated[int, typer.Option(help="Number of features of --features hashing.")]
Loss = Annotated[
    str | None,
    typer.Option(
        help="hinge (the default), log_loss, modified_huber, squared_hinge, perceptron; "
        "squared_error (the default of --regression), huber, epsilon_insensitive, "
        "squared_epsilon_insensitive."
    ),
]
Alpha = Annotated[float, typer.Option(help="Weight of the L2 penalty.")]
BlockSize = Annotated[
    int | None, typer.Option(help="Samples per block of lookahead: 1, 2, 4, … 64.")
]
Regression = Annotated[bool, typer.Option("--regression", help="Labels are numbers to predict.")]
OrderName = Annotated[str, typer.Option(help="blocked, shuffled, reshuffled or given.")]
EngineName = Annotated[
    str, typer.Option(help="auto, serial, dataflow, groups, cyclades, locked or hogwild.")
]
Every = Annotated[
    int | None, typer.Option("--checkpoint-every", help="Write a checkpoint every so many epochs.")
]
Seconds = Annotated[
    float | None,
    typer.Option("--checkpoint-seconds", help="Write one every so many seconds; 60 by default."),
]
DigestEvery = Annotated[
    int, typer.Option("--digest-every", help="With --out: hash the state every so many epochs.")
]
Keep = Annotated[
    bool, typer.Option("--keep-checkpoints", help="Keep them all, for verify --epochs.")
]

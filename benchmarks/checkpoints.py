"""What a run directory costs: ``python -m benchmarks.checkpoints``.

Trainings with and without a checkpoint each second, with digests of every epoch and of every k-th
one, in turns; and the speed of fingerprints.
"""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from benchmarks.datasets import Split
from benchmarks.kinds.mf import make_problem
from benchmarks.timing import race, seconds
from serialeq import RunRecorder, digest_arrays, generate_ratings
from serialeq.problems.mf.problem import Factorization
from serialeq.training.callbacks import Callback
from serialeq.training.fit import fit


def main(
    ratings: Annotated[int, typer.Option(help="Ratings to train on.")] = 1_000_000,
    factors: Annotated[int, typer.Option(help="Rank.")] = 32,
    length: Annotated[float, typer.Option("--seconds", help="Of each training.")] = 3.0,
    rounds: Annotated[int, typer.Option(help="Turns of each way.")] = 7,
    jobs: Annotated[int | None, typer.Option(help="Workers; all cores by default.")] = None,
    digest_every: Annotated[int, typer.Option(help="The k of every k-th epoch.")] = 10,
) -> None:
    """Compare trainings that are recorded with one that is not."""
    data = generate_ratings(ratings)
    make = partial(make_problem, Split(data, data), n_factors=factors)
    run(make(), 3, jobs, 0.0)  # compiles
    n_epochs = max(int(length / (run(make(), 30, jobs) / 30)), 1)
    ways: dict[str, tuple[float | None, int]] = {
        "not recorded": (None, 1),
        "digests only": (1e9, 1),
        "checkpoint a second": (1.0, 1),
        f"checkpoint a second, digest every {digest_every}": (1.0, digest_every),
    }
    timings = race(
        {name: partial(lambda way: run(make(), n_epochs, jobs, *way), way)
         for name, way in ways.items()},
        rounds,
    )  # fmt: skip
    for name in ways:
        ratio = timings.speed("not recorded", name)
        print(
            f"{name}: {timings.median(name):.3f} s, {1e3 * timings.median(name) / n_epochs:.2f} ms "
            f"an epoch, ratio {ratio.paired:.3f} ({ratio.low:.3f} to {ratio.high:.3f})"
        )
    ratio = timings.speed("digests only", "checkpoint a second")
    print(f"checkpoints over digests only: ratio {ratio.paired:.3f}")
    arrays = make().data()
    size = sum(array.nbytes for array in arrays.values())
    spent = np.median([seconds(lambda: digest_arrays(arrays)) for _ in range(rounds)])
    print(f"fingerprint: median {size / spent / 1e6:.0f} MB/s of {size / 1e6:.0f} MB")


def run(
    problem: Factorization, n_epochs: int, jobs: int | None, every: float | None = None,
    digest_every: int = 1,
) -> float:  # fmt: skip
    """Return the seconds of a training, with a checkpoint every so many; None: not recorded."""
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as directory:
        callbacks: list[Callback] = []
        if every is not None:
            path = Path(directory) / "run"
            callbacks = [RunRecorder(path, seconds=every, digest_every=digest_every)]
        return seconds(
            partial(fit, problem, "blocked", n_epochs=n_epochs, n_jobs=jobs, callbacks=callbacks)
        )


if __name__ == "__main__":
    typer.run(main)

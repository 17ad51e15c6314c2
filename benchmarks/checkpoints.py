"""What a run directory costs: ``python -m benchmarks.checkpoints``.

Trainings with and without a checkpoint each second, with digests of every epoch and of every k-th
one, in turns; and the speed of fingerprints.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from serialeq import RunRecorder, digest_arrays, generate_ratings
from serialeq.problems.mf.problem import Factorization
from serialeq.training.fit import fit


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ratings", type=int, default=1_000_000)
    parser.add_argument("--factors", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--jobs", type=int, default=None)
    parser.add_argument("--digest-every", type=int, default=10)
    options = parser.parse_args()
    data = generate_ratings(options.ratings)

    def problem() -> Factorization:
        return Factorization(
            data.users, data.items, data.values, data.shape, n_factors=options.factors
        )

    def run(n_epochs: int, seconds: float | None, every: int = 1) -> float:
        with tempfile.TemporaryDirectory(dir=Path.cwd()) as directory:
            path = Path(directory) / "run"
            callbacks = []
            if seconds is not None:
                callbacks = [RunRecorder(path, seconds=seconds, digest_every=every)]
            made = problem()
            began = time.perf_counter()
            fit(made, "blocked", n_epochs=n_epochs, n_jobs=options.jobs, callbacks=callbacks)
            return time.perf_counter() - began

    contestants: dict[str, tuple[Any, ...]] = {
        "not recorded": (None,),
        "digests only": (1e9,),
        "checkpoint a second": (1.0,),
        f"checkpoint a second, digest every {options.digest_every}": (1.0, options.digest_every),
    }
    run(3, 0.0)
    n_epochs = max(int(options.seconds / (run(30, None) / 30)), 1)
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for number in range(options.rounds):
        for name in (*contestants,) if number % 2 else (*contestants,)[::-1]:
            seconds[name].append(run(n_epochs, *contestants[name]))
    base = seconds["not recorded"]
    for name, found in seconds.items():
        ratios = [one / other for one, other in zip(found, base, strict=True)]
        epoch = 1e3 * median(found) / n_epochs
        print(
            f"{name}: {median(found):.3f} s, {epoch:.2f} ms an epoch, "
            f"ratio {median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f})"
        )
    pairs = zip(seconds["checkpoint a second"], seconds["digests only"], strict=True)
    ratios = [one / other for one, other in pairs]
    print(f"checkpoints over digests only: ratio {median(ratios):.3f}")
    arrays = problem().data()
    size = sum(array.nbytes for array in arrays.values())
    speeds = []
    for _ in range(options.rounds):
        began = time.perf_counter()
        digest_arrays(arrays)
        speeds.append(size / (time.perf_counter() - began) / 1e6)
    print(f"fingerprint: median {median(speeds):.0f} MB/s of {size / 1e6:.0f} MB")


if __name__ == "__main__":
    main()

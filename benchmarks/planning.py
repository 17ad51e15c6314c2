"""Planning takes time and memory in proportion to the data.

Each measurement has a process of its own, so that memory can be told. Linux only: reads
``/proc/self``.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.datasets import SEED, Split
from benchmarks.kinds.mf import make_problem
from benchmarks.runners import prepare_once
from serialeq.cli.report import notices
from serialeq.native.team import WorkerTeam
from serialeq.problems.mf.ratings import Ratings
from serialeq.training.compare import Contestant

ORDERS = ("blocked", "given")
_RATINGS_PER_USER = 200  # as Netflix's
_N_ITEMS = 17_770
_BYTES = 12  # of a rating: user, item, value
_REPEATS = 3


def measure(sizes: list[float], factors: int, jobs: int) -> list[dict[str, Any]]:
    """Return a row for each size (in millions of ratings) and each kind of order."""
    rows = []
    for size in sizes:
        for order in ORDERS:
            notices.print(f"{size:g} million ratings, {order} order")
            arguments = [str(round(size * 1e6)), order, str(factors), str(jobs)]
            command = [sys.executable, "-m", "benchmarks.planning", *arguments]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            rows.append(json.loads(done.stdout))
    return rows


def uniform_ratings(n: int) -> Ratings:
    """Return ratings of users and items drawn uniformly, in random order."""
    n_users = max(n // _RATINGS_PER_USER, 100)
    rng = np.random.default_rng(SEED)
    return Ratings(
        rng.integers(n_users, size=n, dtype=np.int32),
        rng.integers(_N_ITEMS, size=n, dtype=np.int32),
        rng.integers(1, 6, size=n, dtype=np.int8).astype(np.float32),
        np.arange(n_users),
        np.arange(_N_ITEMS),
    )


def measure_here(n: int, order: str, n_factors: int, jobs: int) -> dict[str, Any]:
    """Return nanoseconds per rating and peak memory of all that precedes the first epoch."""
    entry = Contestant("dataflow", order, jobs)
    with WorkerTeam(jobs) as team:
        _prepare(uniform_ratings(100_000), n_factors, entry, team)  # compiles
        before = _memory("VmRSS")
        ratings = uniform_ratings(n)
        Path("/proc/self/clear_refs").write_text("5")  # forgets the peak so far
        model, *first = _prepare(ratings, n_factors, entry, team)
        peak = _memory("VmHWM") - before
        repeats = [_prepare(ratings, n_factors, entry, team)[1:] for _ in range(_REPEATS - 1)]
    build, plan, pack = np.median([first, *repeats], axis=0) / n * 1e9
    return {
        "ratings": n,
        "order": order,
        "factors": n_factors,
        "jobs": jobs,
        "build_ns": build,
        "plan_ns": plan,
        "pack_ns": pack,
        "peak_bytes": peak,
        "peak_over_data_and_model": peak / (_BYTES * n + model),
    }


def _prepare(
    ratings: Ratings, n_factors: int, entry: Contestant, team: WorkerTeam
) -> tuple[int, float, float, float]:
    """Return the bytes of the model, and the seconds to build the problem, to plan, to pack."""
    start = time.perf_counter()
    problem = make_problem(Split(ratings, ratings), n_factors=n_factors)
    build = time.perf_counter() - start
    _, plan, pack = prepare_once(problem, entry, team)
    model = sum(ratings.shape) * n_factors * problem.dtype.itemsize
    return model, build, plan, pack


def _memory(name: str) -> int:
    """Return a line of the process's status, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:")) * 1024


if __name__ == "__main__":
    n, order, n_factors, jobs = sys.argv[1:]
    print(json.dumps(measure_here(int(n), order, int(n_factors), int(jobs))))

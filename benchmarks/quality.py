"""What the speed is good for: held-out error per epoch, and time to reach one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Any

from benchmarks import libmf_peer
from benchmarks.datasets import Dataset, Split
from benchmarks.libmf_peer import Libmf, LibmfSetting
from benchmarks.runners import FAST, QUALITY, Setting, held_out_rmse, make_problem, open_session
from benchmarks.timing import Turn, race, seconds
from serialeq.cli.report import notices
from serialeq.native.team import WorkerTeam
from serialeq.training.compare import Contestant

TARGETS = {Dataset.ML_1M: 0.86}
"""Held-out RMSE to be reached; the settings `FAST` are tuned for it."""

_ITERATIONS = (1, 2, 3, 4, 5, 7, 10, 15, 20)  # of LIBMF: each number is a run of its own


def curves(split: Split, n_factors: int, jobs: int, epochs: int) -> dict[str, dict[int, float]]:
    """Return the held-out RMSE after each epoch, by kind of order, and LIBMF's."""
    notices.print(f"rank {n_factors}: held-out error, {epochs} epochs")
    found = {}
    for order in ("shuffled", "reshuffled", "blocked"):
        errors = _errors(split, n_factors, order, QUALITY, epochs)
        found[f"serialeq, {order}"] = dict(enumerate(errors, start=1))
    if libmf_peer.is_available(len(split.train)):
        peer = Libmf(split, n_factors, jobs)
        found["libmf"] = {n: peer.fit(n)[1] for n in _ITERATIONS if n <= epochs}
    return found


def time_to_target(
    split: Split, n_factors: int, jobs: int, rounds: int, epochs: int, target: float
) -> dict[str, Any] | None:
    """Time training from raw arrays until the held-out RMSE is at most `target`.

    The number of epochs that it takes is found beforehand and evaluation is not timed. Returns
    None if it takes more than `epochs`.
    """
    notices.print(f"rank {n_factors}: time to held-out RMSE {target}")
    errors = _errors(split, n_factors, "blocked", FAST, epochs)
    ours = _first_at_most(target, lambda n: errors[n - 1], epochs)
    if ours is None:
        return None
    turns: dict[str, Turn] = {
        "serialeq": partial(_train_from_scratch, split, n_factors, jobs, ours)
    }
    found: dict[str, Any] = {"rmse": target, "serialeq": _side(FAST, ours, errors[ours - 1])}
    if libmf_peer.is_available(len(split.train)):
        peer = Libmf(split, n_factors, jobs, libmf_peer.FAST)
        theirs = _first_at_most(target, peer.usual_rmse, epochs)
        if theirs is not None:
            turns["libmf"] = lambda: peer.fit(theirs)[0]
            found["libmf"] = _side(libmf_peer.FAST, theirs, peer.usual_rmse(theirs))
    timings = race(turns, rounds)
    for name in turns:
        found[name] |= {"seconds": timings.median(name), "spread": timings.quartiles(name)}
    if "libmf" in turns:
        found["speed"] = asdict(timings.speed("serialeq", "libmf"))
    return found


def _side(setting: Setting | LibmfSetting, epochs: int, rmse: float) -> dict[str, Any]:
    return {"setting": asdict(setting), "epochs": epochs, "rmse": rmse}


def _first_at_most(target: float, error: Callable[[int], float], epochs: int) -> int | None:
    """Return the first number of epochs whose error is at most `target`."""
    return next((n for n in range(1, epochs + 1) if error(n) <= target), None)


def _errors(split: Split, n_factors: int, order: str, setting: Setting, epochs: int) -> list[float]:
    problem = make_problem(split, n_factors, setting)
    error = held_out_rmse(split)
    with WorkerTeam(1) as team:
        session = open_session(problem, Contestant("serial", order, 1), team)
        errors = []
        for epoch in range(epochs):
            session.run_epoch(epoch)
            errors.append(error(problem))
    return errors


def _train_from_scratch(split: Split, n_factors: int, jobs: int, epochs: int) -> float:
    """Return the seconds from the raw arrays to the trained factors."""

    def train() -> None:
        with WorkerTeam(jobs) as team:
            problem = make_problem(split, n_factors, FAST)
            session = open_session(problem, Contestant("dataflow", "blocked", jobs), team)
            for epoch in range(epochs):
                session.run_epoch(epoch)

    return seconds(train)

"""Factorisations of ratings, and LIBMF; what is tuned is tuned on MovieLens-1M with 32 factors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Any

from benchmarks import libmf_peer
from benchmarks.datasets import SEED, Dataset, Split, load
from benchmarks.kinds import Effort, Extras, Peer, Setting, Source
from benchmarks.libmf_peer import Libmf
from benchmarks.quality import curve
from benchmarks.timing import race, seconds
from serialeq.cli.report import notices
from serialeq.problems.mf.parameters import FactorizationParameters
from serialeq.problems.mf.problem import Entries, Factorization
from serialeq.training.compare import Contestant
from serialeq.training.fit import fit

DATA = tuple(Dataset)

QUALITY = {"learning_rate": 0.03, "decay": 0.9, "l2": 0.04, "init_scale": 0.03}
"""Lowest held-out error after 20 epochs. LIBMF has the same model, without biases."""

FAST = {"learning_rate": 0.08, "decay": 0.6, "l2": 0.025, "init_scale": 0.03}
"""Fewest epochs to a held-out error of 0.86."""

TARGETS = {Dataset.ML_1M: 0.86}
"""Held-out RMSE to be reached; the settings `FAST` are tuned for it."""

_ITERATIONS = (1, 2, 3, 4, 5, 7, 10, 15, 20)  # of LIBMF: each number is a run of its own


def source(name: str, quick: bool) -> Source:
    """Return the ratings of that name, a tenth of them held out."""
    split, test = (found := load(Dataset(name), quick)), found.test
    return Source(
        f"{name}, {len(split.train):,} ratings, {split.train.shape}",
        partial(make_problem, split),
        lambda problem: problem.rmse(test.users, test.items, test.values),
        "RMSE",
        partial(_peers, split),
        partial(_extras, split, TARGETS.get(Dataset(name))),
    )


def make_problem(split: Split, **setting: Any) -> Factorization:
    """Return a new problem over the training ratings."""
    train = split.train
    entries = Entries(train.users, train.items, train.values, train.shape)
    parameters = FactorizationParameters.from_record(QUALITY | setting)
    return Factorization(entries, parameters, seed=SEED)


def _rank(setting: Setting) -> int:
    return int(setting.get("n_factors", FactorizationParameters().n_factors))


def _libmf(split: Split, setting: Setting, jobs: int, tuned: Any = libmf_peer.QUALITY) -> Libmf:
    return Libmf(split, _rank(setting), jobs, tuned)


def _peers(split: Split, jobs: int, setting: Setting) -> dict[Contestant, Peer]:
    """Return LIBMF with one thread and with `jobs`, if it can take part."""
    if not libmf_peer.is_available(len(split.train)):
        notices.print("libmf is not installed, or the data too small for it: it does not take part")
        return {}
    return {Contestant("libmf", "own", n): _libmf(split, setting, n) for n in sorted({1, jobs})}


def _extras(split: Split, target: float | None, setting: Setting, effort: Effort) -> Extras:
    """Return LIBMF's errors, and how long both take to the target."""
    facts: dict[str, Any] = {"serialeq": QUALITY | dict(setting)}
    curves = {}
    if libmf_peer.is_available(len(split.train)):
        peer = _libmf(split, setting, effort.jobs)
        facts["libmf"] = asdict(libmf_peer.QUALITY)
        curves["libmf"] = {n: peer.quality(n) for n in _ITERATIONS if n <= effort.epochs}
    if target is not None:
        facts |= _time_to(target, split, setting, effort)
    return Extras(curves, facts)


def _time_to(target: float, split: Split, setting: Setting, effort: Effort) -> dict[str, Any]:
    """Time training from raw arrays until the held-out RMSE is at most `target`.

    The number of epochs that it takes is found beforehand and evaluation is not timed. Who does
    not get there in all epochs is left out.
    """
    notices.print(f"time to held-out RMSE {target}")
    test = split.test
    make = partial(make_problem, split, **FAST | dict(setting))
    errors = curve(
        make, lambda problem: problem.rmse(test.users, test.items, test.values), "blocked",
        effort.epochs,
    )  # fmt: skip
    ways: dict[str, tuple[Callable[[int], float], Callable[[int], float], Any]] = {
        "serialeq": (errors.__getitem__, partial(_train, make, effort.jobs), FAST)
    }
    if libmf_peer.is_available(len(split.train)):
        peer = _libmf(split, setting, effort.jobs, libmf_peer.FAST)
        ways["libmf"] = peer.usual_rmse, lambda n: peer.fit(n)[0], asdict(libmf_peer.FAST)
    turns, found = {}, {}
    for name, (error, train, tuned) in ways.items():
        epochs = next((n for n in range(1, effort.epochs + 1) if error(n) <= target), None)
        if epochs is not None:
            turns[name] = partial(train, epochs)
            found[name] = {"target": target, "epochs": epochs, "setting": tuned}
    if not turns:
        return {}
    timings = race(turns, effort.rounds)
    for name, told in found.items():
        told |= {"seconds": timings.median(name), "spread": timings.quartiles(name)}
    told = {f"{name}, arrays to target": one for name, one in found.items()}
    if len(turns) == 2:
        told["time to target, serialeq / libmf"] = asdict(timings.speed("serialeq", "libmf"))
    return told


def _train(make: Callable[[], Factorization], jobs: int, epochs: int) -> float:
    """Return the seconds from the raw arrays to the trained factors."""
    return seconds(
        lambda: fit(
            make(), "blocked", engine="dataflow", n_epochs=epochs, n_jobs=jobs, seed=SEED,
            with_loss=False,
        )
    )  # fmt: skip

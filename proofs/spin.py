"""The executor's protocol: SPIN tries every schedule and every interleaving."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from .check import HERE, Check, lacking


class Run(NamedTuple):
    """A search: the options of the model, and the error that it must find (none: an empty one)."""

    name: str
    workers: int
    threads: int
    steps: int
    error: str = ""
    liveness: bool = False
    options: tuple[str, ...] = ()


SEES_ALL = r"assertion violated.*needed"
RUNS_ONCE = r"assertion violated.*\bran\b"
STOPS = r"assertion violated.*late"
NEVER_ENDS = r"acceptance cycle"
WHOLE = ("SPLIT=0",)  # kernel calls are not cut in two: fewer states

RUNS = (
    Run("safe", 2, 2, 3),
    Run("safe", 3, 2, 3, options=WHOLE),
    Run("safe", 3, 3, 2, options=WHOLE),
    Run("ends", 2, 2, 3, liveness=True),
    Run("ends, dealt out in turn", 3, 2, 3, liveness=True, options=(*WHOLE, "SPREAD=1")),
    Run("mutant: publish before the update", 2, 2, 2, SEES_ALL, options=("MUTANT=1",)),
    Run("mutant: counter stored without release", 2, 2, 2, SEES_ALL, options=("MUTANT=2",)),
    Run("mutant: counter loaded without acquire", 2, 2, 2, SEES_ALL, options=("MUTANT=3",)),
    Run("mutant: no wait", 2, 2, 2, SEES_ALL, options=("MUTANT=4",)),
    Run("mutant: cached counter never read again", 2, 2, 2, NEVER_ENDS, True, ("MUTANT=5",)),
    Run("mutant: no claims", 2, 2, 2, RUNS_ONCE, options=("MUTANT=6",)),
    Run("mutant: claim given back without release", 2, 2, 2, SEES_ALL, options=("MUTANT=7",)),
    Run("mutant: stop flag ignored", 2, 2, 2, STOPS, options=("MUTANT=8",)),
    Run("known limit: claims are not fair", 2, 2, 2, NEVER_ENDS, True, ("CONTENTION=1",)),
)


def checks() -> Iterator[Check]:
    """Yield one check for each search."""
    missing = lacking(("spin", "gcc"))
    for run in RUNS:
        size = f"{run.workers} workers, {run.threads} threads, {run.steps} segments"
        name = run.name if run.error else f"{run.name}: {size}"
        yield Check("spin", name, partial(_search, run), missing)


def _search(run: Run, directory: Path) -> str:
    place = directory / "spin"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    sizes = (f"WORKERS={run.workers}", f"THREADS={run.threads}", f"STEPS={run.steps}")
    model = [f"-D{option}" for option in (*sizes, f"LIVENESS={run.liveness:d}", *run.options)]
    _call(place, "spin", *model, "-a", str(HERE / "executor.pml"))
    safety = [] if run.liveness else ["-DSAFETY"]
    speed = "-O0" if run.error else "-O2"
    _call(place, "gcc", speed, "-w", *safety, "-DCOLLAPSE", "-DMEMLIM=2000", "-o", "pan", "pan.c")
    found = _call(place, "./pan", "-m100000", *(["-a", "-f"] if run.liveness else []))
    first = re.search(r"^pan:1: (.*)", found, re.M)
    if run.error:
        if first is None:
            return "no error found"
        return "" if re.search(run.error, first[1]) else f"another error: {first[1]}"
    if first is not None:
        return first[1]
    complete = "errors: 0" in found and "Search not completed" not in found
    return "" if complete and "depth too small" not in found else f"incomplete: {found.strip()}"


def _call(place: Path, *command: str) -> str:
    outcome = subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=300)
    if outcome.returncode and command[0] != "./pan":
        raise RuntimeError(f"{' '.join(command)}: {outcome.stdout}{outcome.stderr}")
    return outcome.stdout

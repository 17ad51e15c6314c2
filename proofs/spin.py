"""The protocols of executor and team: SPIN tries every schedule and every interleaving."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from proofs.check import HERE, Check, lacking


class Run(NamedTuple):
    """A search: model, its options, and the error that it must find (none: an empty one)."""

    name: str
    model: str
    options: str
    error: str = ""
    liveness: bool = False


SEES_ALL = r"assertion violated.*needed"
RUNS_ONCE = r"assertion violated.*\bran\b"
STOPS = r"assertion violated.*late"
NEVER_ENDS = r"acceptance cycle"
TOLD_THE_LAST = r"assertion violated.*\btold\b"
IN_ITS_TURN = r"assertion violated.*current"
DONE_IS_SEEN = r"assertion violated.*latest_view"
WAITS_FOR_EVER = r"invalid end state"

EXECUTOR = (
    ("safe", "WORKERS=2 THREADS=2 STEPS=3", False),
    ("safe", "WORKERS=3 THREADS=2 STEPS=3 SPLIT=0", False),
    ("safe", "WORKERS=3 THREADS=3 STEPS=2 SPLIT=0", False),
    ("ends", "WORKERS=2 THREADS=2 STEPS=3", True),
    ("ends", "WORKERS=3 THREADS=2 STEPS=3 SPLIT=0 SPREAD=1", True),
)
EXECUTOR_MUTANTS = (
    ("publish before the update", "MUTANT=1", SEES_ALL),
    ("counter stored without release", "MUTANT=2", SEES_ALL),
    ("counter loaded without acquire", "MUTANT=3", SEES_ALL),
    ("no wait", "MUTANT=4", SEES_ALL),
    ("cached counter never read again", "MUTANT=5", NEVER_ENDS),
    ("no claims", "MUTANT=6", RUNS_ONCE),
    ("claim given back without release", "MUTANT=7", SEES_ALL),
    ("stop flag ignored", "MUTANT=8", STOPS),
    ("known limit: claims are not fair", "CONTENTION=1", NEVER_ENDS),
)
TEAM = ("THREADS=2 TURNS=3 MOST=0", "THREADS=2 TURNS=2 MOST=1", "THREADS=1 TURNS=3 MOST=2")
TEAM_MUTANTS = (
    ("task in the queue before its thread is told", TOLD_THE_LAST),
    ("thread told without release", TOLD_THE_LAST),
    ("task that comes twice done twice", IN_ITS_TURN),
    ("asleep without claiming itself", WAITS_FOR_EVER),
    ("job reported before it is done", DONE_IS_SEEN),
    ("job reported without release", DONE_IS_SEEN),
    ("told again after an interruption", IN_ITS_TURN),
    ("not handed out after an interruption", WAITS_FOR_EVER),
    ("threads told that are not asked", IN_ITS_TURN),
)


def _runs() -> Iterator[Run]:
    for name, options, liveness in EXECUTOR:
        yield Run(f"executor, {name}: {options}", "executor", options, liveness=liveness)
    for name, option, error in EXECUTOR_MUTANTS:
        options = f"WORKERS=2 THREADS=2 STEPS=2 {option}"
        yield Run(f"executor, mutant: {name}", "executor", options, error, error == NEVER_ENDS)
    for options in TEAM:
        yield Run(f"team, safe: {options}", "team", options)
    for number, (name, error) in enumerate(TEAM_MUTANTS, 1):
        options = f"THREADS=2 TURNS=2 MOST=1 MUTANT={number}"
        yield Run(f"team, mutant: {name}", "team", options, error)


def checks() -> Iterator[Check]:
    """Yield one check for each search."""
    missing = lacking(("spin", "gcc"))
    for run in _runs():
        yield Check("spin", run.name, partial(_search, run), missing)


def _search(run: Run, directory: Path) -> str:
    place = directory / "spin"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    options = [f"-D{option}" for option in (*run.options.split(), f"LIVENESS={run.liveness:d}")]
    _call(place, "spin", *options, "-a", str(HERE / f"{run.model}.pml"))
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

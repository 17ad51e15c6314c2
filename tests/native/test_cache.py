"""Compiled code is kept on disk, and never outlives the source that it came from."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from harness import python_environment

import serialeq
from serialeq.native.cache import cache_directory, mark_used, sweep

SCRIPT = """
import ctypes
import numpy as np
from numba.core.event import install_recorder
from serialeq.hypergraph import Hypergraph
from serialeq.order import given_order
from serialeq.planning.prediction import critical_path
from user_kernel import Context, add_one

with install_recorder("numba:run_pass") as passes, install_recorder("numba:compile") as compiles:
    star = Hypergraph([0, 0, 0, 0], [0, 1, 2, 3, 4], 1)
    bound = add_one.bind(Context(values=np.zeros(3)))
    entry = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 3)(bound.address)
    entry(bound.block, 0, 3)
    path = critical_path(given_order(star, np.arange(4)))
did = "compiled" if passes.buffer or compiles.buffer else "loaded"
print(path, bound.context.values.sum(), did)
"""

USER_KERNEL = """
from typing import NamedTuple
import numpy as np
from serialeq.native.kernel import kernel

class Context(NamedTuple):
    values: np.ndarray

@kernel
def add_one(c, start, stop):
    for k in range(start, stop):
        c.values[k] += 1.0
"""

HOUR = 3600.0


class Copy:
    """A copy of the package that may be edited, with a cache of its own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        source = Path(serialeq.__file__).parent
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(source, directory / "serialeq", ignore=ignore)
        (directory / "user_kernel.py").write_text(USER_KERNEL)

    def run(self) -> str:
        environment = python_environment(
            PYTHONPATH=str(self.directory),
            PYTHONDONTWRITEBYTECODE="1",
            SERIALEQ_CACHE_DIR=str(self.directory / "cache"),
        )
        command = [sys.executable, "-P", "-c", SCRIPT]
        return subprocess.check_output(command, env=environment, text=True).strip()

    def edit(self, file: str, old: str, new: str) -> None:
        path = self.directory / file
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))

    def compiled(self) -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in self.directory.rglob("*.nb[ci]")}


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path)


def test_compiled_code_is_kept_and_follows_the_source(copy: Copy) -> None:
    assert copy.run() == "4 3.0 compiled"
    compiled = copy.compiled()
    assert {path.name.split("-")[0].split(".")[-1] for path in compiled} >= {
        "_longest_chain",
        "add_one",
    }
    folders = {path.parent.name.split("-")[0] for path in compiled}
    assert folders >= {"planning.prediction", "user_kernel"}

    copy.edit("serialeq/problems/mf/estimator.py", '"""', '"""More. ')
    copy.edit("serialeq/cli/main.py", '"""', '"""More. ')
    for folder in (used := {path.parent for path in compiled}):
        os.utime(folder, (0, 0))
    assert copy.run() == "4 3.0 loaded"
    assert copy.compiled() == compiled, "the second process compiled again"
    assert min(folder.stat().st_mtime for folder in used) > time.time() - HOUR, "not marked as used"

    # A helper of `critical_path` in another file, which Numba's own cache does not look at.
    old, new = "indptr[sample], indptr[sample + 1]", "indptr[sample], indptr[sample]"
    copy.edit("serialeq/native/incidence.py", old, new)
    assert copy.run() == "1 3.0 compiled"

    copy.edit("serialeq/native/incidence.py", f"return {new}", f"return {old}")
    assert copy.run() == "4 3.0 loaded"
    copy.edit("user_kernel.py", "+= 1.0", "+= 2.0")
    assert copy.run() == "4 6.0 compiled"


def test_two_processes_at_once_compile_and_clean_up(copy: Copy) -> None:
    kept, gone = plant(cache := copy.directory / "cache/compiled")
    with ThreadPoolExecutor(2) as pool:
        runs = [pool.submit(copy.run) for _ in range(2)]
    assert {run.result().split()[1] for run in runs} == {"3.0"}
    assert copy.run() == "4 3.0 loaded"
    assert [name for name in kept if not (cache / name).exists()] == []
    assert [name for name in gone if (cache / name).exists()] == []


def test_a_folder_in_use_is_marked_once_a_day_and_stays(tmp_path: Path) -> None:
    kept, gone = plant(tmp_path)
    (tmp_path / (link := "link-0123456789abcdef")).symlink_to(tmp_path / "planning.locks")
    mark_used(str(tmp_path / gone[0]))
    mark_used(str(tmp_path / kept[0]))
    mark_used(str(tmp_path / "nothing"))
    sweep(tmp_path)
    assert (tmp_path / "planning.locks/f-0.py311.nbi").exists()
    assert {path.name for path in tmp_path.iterdir()} == {*kept, gone[0], link}
    assert time.time() - (tmp_path / gone[0]).stat().st_mtime < 60
    assert time.time() - (tmp_path / kept[0]).stat().st_mtime > HOUR
    sweep(tmp_path / "nothing")


def plant(directory: Path) -> tuple[list[str], list[str]]:
    """Make folders that a sweep has to keep, and others that it has to remove."""
    days = {
        "planning.locks-0123456789abcdef": 0.9,
        "planning.locks-0123456789abcdee": 29.9,
        "0123456789abcdef": 29.9,
        "planning.locks": 100,
        "notes-0123456789abcde": 100,
        "notes of mine-0123456789abcdef": 100,
        "notes-0123456789abcdef.txt": 100,
        "planning.locks-0123456789abcdec": 30.1,
        "0123456789abcdee": 30.1,
    }
    for name, age in days.items():
        (directory / name).mkdir(parents=True)
        (directory / name / "f-0.py311.nbi").touch()
        os.utime(directory / name, (then := time.time() - 24 * HOUR * age, then))
    return list(days)[:-2], list(days)[-2:]


def test_the_cache_is_where_it_is_asked_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERIALEQ_CACHE_DIR", "here")
    assert cache_directory() == Path("here") / "compiled"
    monkeypatch.delenv("SERIALEQ_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", "there")
    assert cache_directory() == Path("there") / "serialeq" / "compiled"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_directory() == Path.home() / ".cache/serialeq/compiled"

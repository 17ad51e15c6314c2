"""Compiled code is kept on disk, and never outlives the source that it came from."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from harness import python_environment

import serialeq
from serialeq.native.jit import cache_directory, source_digest

SCRIPT = """
import ctypes
import numpy as np
from serialeq.hypergraph import Hypergraph
from serialeq.order import given_order
from serialeq.planning.prediction import critical_path
from user_kernel import Context, add_one

star = Hypergraph([0, 0, 0, 0], [0, 1, 2, 3, 4], 1)
bound = add_one.bind(Context(values=np.zeros(3)))
entry = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 3)(bound.address)
entry(bound.block, 0, 3)
print(critical_path(given_order(star, np.arange(4))), bound.context.values.sum())
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
        assert text.count(old) == 1
        path.write_text(text.replace(old, new))

    def compiled(self) -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in self.directory.rglob("*.nb[ci]")}


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path)


def test_compiled_code_is_kept_and_follows_the_source(copy: Copy) -> None:
    assert copy.run() == "4 3.0"
    compiled = copy.compiled()
    assert {path.name.split("-")[0].split(".")[-1] for path in compiled} >= {
        "_longest_chain",
        "add_one",
    }

    assert copy.run() == "4 3.0"
    assert copy.compiled() == compiled, "the second process compiled again"

    # A helper of `critical_path` in another file, which Numba's own cache does not look at.
    old, new = "indptr[sample], indptr[sample + 1]", "indptr[sample], indptr[sample]"
    copy.edit("serialeq/native/incidence.py", old, new)
    assert copy.run() == "1 3.0"

    copy.edit("serialeq/native/incidence.py", f"return {new}", f"return {old}")
    copy.edit("user_kernel.py", "+= 1.0", "+= 2.0")
    assert copy.run() == "4 6.0"


def test_the_cache_is_named_after_the_source(monkeypatch: pytest.MonkeyPatch) -> None:
    digest = source_digest()
    assert len(digest) == 64
    monkeypatch.setenv("SERIALEQ_CACHE_DIR", "here")
    assert cache_directory() == Path("here") / "compiled" / digest[:16]
    monkeypatch.delenv("SERIALEQ_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", "there")
    assert cache_directory() == Path("there") / "serialeq" / "compiled" / digest[:16]
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_directory() == Path.home() / ".cache/serialeq/compiled" / digest[:16]

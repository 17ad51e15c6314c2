"""Digests of source change with what they are of, and with nothing else."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest
from harness import run_python

import serialeq
from serialeq.native import source

PACKAGE = Path(serialeq.__file__).parent
FILES = sorted(str(path.relative_to(PACKAGE)) for path in PACKAGE.rglob("*.py"))
COMPILED = [
    file
    for file in FILES
    if re.search(r"^@(jit|inline|kernel)\b", (PACKAGE / file).read_text(), re.MULTILINE)
]
PROBLEMS = [file for file in FILES if re.fullmatch(r"problems/\w+/problem\.py", file)]

IMPORTS = """
import importlib, json, os, sys
import networkx, numba.extending, scipy.sparse, sklearn.utils

for name in sys.argv[1:]:
    if not os.fork():
        importlib.import_module(name)
        loaded = [m.__file__ for n, m in sys.modules.items() if n.split(".")[0] == "serialeq"]
        print(json.dumps([name, loaded]), flush=True)
        os._exit(0)
    os.wait()
"""


class Copy:
    """A copy of the package that may be edited."""

    def __init__(self, directory: Path) -> None:
        self.package = directory / "serialeq"
        shutil.copytree(PACKAGE, self.package, ignore=shutil.ignore_patterns("__pycache__"))

    def source(self) -> Any:
        """Return the copy's module `source`, as a new process sees it."""
        spec = spec_from_file_location("copied", self.package / "native/source.py")
        assert spec is not None
        assert spec.loader is not None
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    def codes(self) -> dict[str, str]:
        code_digest = self.source().code_digest
        return {file: code_digest(self.package / file) for file in FILES}

    def bits(self, problem: str | Path) -> str:
        return self.source().bits_digest(self.package / problem)

    def changed(self, file: str, of: Callable[[], Any]) -> Any:
        """Return what becomes of a digest, or which of many change, when a file is edited."""
        before, path = of(), self.package / file
        content = path.read_bytes()
        path.write_bytes(content + b"# edited\n")
        after = of()
        path.write_bytes(content)
        if isinstance(before, dict):
            return {key for key in before if before[key] != after[key]}
        return before != after


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path)


def names(paths: set[str], package: Path) -> set[str]:
    found = {str(Path(path).relative_to(package)) for path in paths}
    return {name for name in found if not name.endswith("__init__.py")}


def test_closures_are_what_python_imports() -> None:
    modules = {f"serialeq.{file[:-3].replace('/', '.')}": file for file in COMPILED + PROBLEMS}
    lines = run_python(IMPORTS, *modules).splitlines()
    assert len(lines) == len(modules) > 30
    always = {"problems/registry.py", "errors.py"}  # which the package itself imports
    for module, loaded in map(json.loads, lines):
        expected = names(set(loaded), PACKAGE) - always
        found = names(source.closure([PACKAGE / modules[module]]), PACKAGE) - always
        assert found == expected, module


@pytest.mark.parametrize(
    "file",
    [
        "__init__.py",
        "cli/main.py",
        "digest.py",
        "problems/cut/command.py",
        "problems/linear/estimator.py",
        "problems/mf/estimator.py",
        "reading/features.py",
        "runs/manifest.py",
        "training/fit.py",
    ],
)
def test_what_is_not_compiled_throws_no_compiled_code_away(copy: Copy, file: str) -> None:
    changed = copy.changed(file, copy.codes)
    assert file in changed
    assert not changed & {*COMPILED}


def test_a_helper_throws_away_what_imports_it(copy: Copy) -> None:
    changed = copy.changed("native/simd.py", copy.codes) & {*COMPILED}
    kernels = {f"problems/{kind}/kernel.py" for kind in ("mf", "linear", "network")}
    assert changed >= {*kernels, "engines/executor.py", "native/simd.py", "problems/linear/gram.py"}
    assert not changed & {"order.py", "problems/cut/kernel.py", "problems/topics/kernel.py"}
    assert not any(file.startswith("planning/") for file in changed)
    assert copy.changed("native/jit.py", copy.codes) >= {*COMPILED}  # the policy


def test_a_kernel_is_nothing_to_other_problems(copy: Copy) -> None:
    changed = copy.changed("problems/cut/kernel.py", copy.codes)
    assert changed >= {"problems/cut/kernel.py", "problems/cut/problem.py"}
    assert not any(file.startswith(("native/", "problems/mf/")) for file in changed)


def test_a_kernel_of_a_user_depends_on_its_neighbours_and_what_they_import(copy: Copy) -> None:
    file = copy.package.parent / "user/kernels.py"
    file.parent.mkdir()
    file.write_text("from serialeq import kernel\n")
    (file.parent / "helper.py").write_text("try:\n    import serialeq.problems.cut.grids\nfinally:")

    def code() -> str:
        return copy.source().code_digest(file)

    assert copy.changed("../user/helper.py", code)
    assert copy.changed("problems/cut/grids.py", code)
    assert copy.changed("native/team.py", code)
    assert not copy.changed("cli/main.py", code)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("from .simd import lanes", {"native/simd.py"}),
        ("from . import simd, jit as j", {"native/simd.py", "native/jit.py"}),
        ("from ..planning import locks", {"planning/locks.py"}),
        ("from serialeq.native import simd as v", {"native/simd.py"}),
        ("from serialeq.problems.cut import (  # (a)\n    grids,\n)", {"problems/cut/grids.py"}),
        ("from serialeq.native import jit, \\\n    simd", {"native/jit.py", "native/simd.py"}),
        ("import os, serialeq.order as o", {"order.py"}),
        ("from serialeq.order import Order", {"order.py"}),
        ("import numpy, near\nfrom near import order\nfrom serialeqs.order import x", set()),
        ("from serialeq.nowhere import order\nfrom . import nothing", set()),
        ("if TYPE_CHECKING:\n    from serialeq.order import Order", set()),
        ("def late():\n    from . import simd\n    import serialeq.order", set()),
        ("x = 1  # from . import simd", set()),
    ],
)
def test_forms_of_imports(copy: Copy, text: str, expected: set[str]) -> None:
    file = copy.package / "native/new.py"
    file.write_text(text)
    (copy.package.parent / "near.py").touch()
    assert names({*copy.source()._read(str(file)).imports}, copy.package) == expected


def test_bits_follow_what_decides_them(copy: Copy) -> None:
    def bits() -> str:
        return copy.bits("problems/mf/problem.py")

    for file in (
        *("order.py", "problem.py", "hypergraph.py", "planning/locks.py", "planning/lockstep.py"),
        *("engines/executor.py", "native/elementary.py", "problems/mf/kernel.py", "errors.py"),
        *("problems/mf/problem.py", "problems/mf/estimator.py"),
    ):
        assert copy.changed(file, bits), file
    for file in (
        *("cli/main.py", "__init__.py", "runs/manifest.py", "testing/chain.py"),
        *("problems/linear/kernel.py", "problems/cut/problem.py", "problems/figure.py"),
    ):
        assert not copy.changed(file, bits), file
    command = (copy.package / "problems/cut/command.py").read_text()
    assert "from serialeq.problems.figure import" in command  # and yet
    assert not copy.changed("problems/figure.py", lambda: copy.bits("problems/cut/problem.py"))


@pytest.mark.parametrize("problem", PROBLEMS)
def test_bits_need_no_commands(problem: str) -> None:
    files = names(source.closure([PACKAGE / problem]), PACKAGE)
    assert problem in files
    assert not [file for file in files if file.split("/")[0] in ("cli", "runs", "reading")]


def test_bits_of_a_problem_from_elsewhere(copy: Copy, tmp_path: Path) -> None:
    def write(folder: str, helper: str = "") -> Path:
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / "helper.py").write_text(helper)
        file = tmp_path / folder / "problem.py"
        file.write_text("from serialeq.problems.cut.grids import x")
        return file

    file = write("here")
    bits = copy.bits(file)
    assert copy.bits(write("there")) == bits != copy.bits(write("there", "x = 2"))
    assert copy.changed("problems/cut/grids.py", lambda: copy.bits(file))
    assert not copy.changed("problems/cut/kernel.py", lambda: copy.bits(file))
    assert not copy.changed("problems/mf/kernel.py", lambda: copy.bits("<stdin>"))
    assert copy.changed("order.py", lambda: copy.bits("<stdin>"))


def test_digests_do_not_tell_where_the_package_lies(copy: Copy) -> None:
    assert copy.codes() == {file: source.code_digest(PACKAGE / file) for file in FILES}

"""The tree stays small: lines of the package, of a file, and parameters of a function."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MOST = {"serialeq": 16_500, "benchmarks": 2_900}
COMPILED = {"jit", "inline", "kernel", "intrinsic"}


def files(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


@pytest.mark.parametrize("folder", MOST)
def test_lines_of_a_folder(folder):
    assert sum(len(path.read_text().splitlines()) for path in files(folder)) <= MOST[folder]


@pytest.mark.parametrize("folder", ["serialeq", "benchmarks", "lecture", "tests"])
def test_lines_of_a_file(folder):
    long = {path.name: n for path in files(folder) if (n := path.read_text().count("\n")) > 350}
    assert not long


def many_parameters(source: str) -> list[str]:
    """Return the functions that Python calls with more than 8 parameters."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef):
            given = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
            names = [argument.arg for argument in given if argument.arg not in ("self", "cls")]
            decorators = {ast.unparse(d).partition("(")[0] for d in node.decorator_list}
            if len(names) > 8 and not decorators & COMPILED:
                found.append(node.name)
    return found


@pytest.mark.parametrize("folder", ["serialeq", "benchmarks", "lecture"])
def test_parameters_of_functions(folder):
    found = {path.name: names for path in files(folder)
             if (names := many_parameters(path.read_text()))}  # fmt: skip
    assert not found


def test_that_test_can_fail():
    names = ", ".join("abcdefghi")
    assert many_parameters(f"def f({names}): pass") == ["f"]
    assert many_parameters(f"@jit\ndef f({names}): pass") == []
    assert many_parameters(f"def f(self, {names[:-3]}): pass") == []

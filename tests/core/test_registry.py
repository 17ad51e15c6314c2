"""One place names the kinds of problems; what is said of them elsewhere follows from it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import serialeq
from serialeq.problems import registry
from serialeq.problems.command import Command, File
from serialeq.testing import example, golden_digest
from serialeq.training.estimator import Estimator
from serialeq.training.parameters import Parameter

PACKAGE = Path(serialeq.__file__).parent
README = PACKAGE.parent / "README.md"
KINDS = {kind.word: kind for kind in registry.OWN}
EXCEPTIONS = {
    "cli/demo.py": "shows one problem with every engine, and has to choose which",
}


def classes(kind):
    return [registry.imported(place) for place in kind.estimators]


@pytest.mark.parametrize("word", KINDS)
def test_a_kind_is_what_the_registry_says(word):
    kind = KINDS[word]
    assert kind.estimators
    for cls in classes(kind):
        assert issubclass(cls, Estimator)
        assert cls.kind == word
        assert cls.__doc__
    command = registry.imported(kind.command)
    assert issubclass(command, Command)
    assert command.files()
    for declared in [*command.declarations().values(), *classes(kind)[0].declarations().values()]:
        assert isinstance(declared.parameter, Parameter)
        assert declared.parameter.help.endswith(".")
        assert isinstance(declared.parameter, File) or callable(declared.parameter.check)
    assert example(word, 2).hypergraph.n_samples > example(word).hypergraph.n_samples


@pytest.mark.parametrize("word", KINDS)
def test_golden_digests_are_the_registered_ones(word):
    assert golden_digest(word) == KINDS[word].golden
    assert f"| {word} | `{KINDS[word].golden}` |" in README.read_text()


def test_public_names_are_the_registered_ones():
    assert sorted(registry.__all__) == sorted(registry.places(registry.OWN))
    assert set(registry.__all__) <= set(serialeq.__all__)
    for name in serialeq.__all__:
        assert getattr(serialeq, name) is not None
    with pytest.raises(AttributeError, match="'serialeq' has no attribute 'nothing'"):
        getattr(serialeq, "nothing")  # noqa: B009


def test_the_registry_is_small():
    lines = (PACKAGE / "problems/registry.py").read_text().splitlines()
    assert len(lines) <= 120


def names_in(path: Path) -> set[str]:
    """Return identifiers, imported modules and string constants of a file, docstrings left out."""
    tree = ast.parse(path.read_text())
    docs = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            docs.add(id(node.value))
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            found.add(node.value)
        elif isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.ImportFrom):
            found |= set((node.module or "").split(".")) | {alias.name for alias in node.names}
    return found


def test_no_other_file_names_a_problem():
    forbidden = set(KINDS) | set(registry.places(registry.OWN))
    forbidden |= {type(example(word)).__name__ for word in KINDS}
    forbidden |= {kind.formerly for kind in KINDS.values() if kind.formerly}
    culprits = {}
    for path in PACKAGE.rglob("*.py"):
        where = path.relative_to(PACKAGE).as_posix()
        own = where.startswith(tuple(f"problems/{word}/" for word in KINDS))
        if not own and where != "problems/registry.py":
            culprits |= {where: found} if (found := names_in(path) & forbidden) else {}
    assert culprits.keys() == EXCEPTIONS.keys(), culprits


def test_that_test_can_fail(tmp_path):
    file = tmp_path / "some.py"
    file.write_text('"""The word mf in a docstring."""\nfrom .mf.problem import x\ny = "cut"\n')
    assert {"mf", "cut", "problem"} <= names_in(file)
    file.write_text('"""The words mf and cut."""\n')
    assert names_in(file) == set()

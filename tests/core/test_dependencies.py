"""What the package imports is declared."""

from __future__ import annotations

import ast
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
DISTRIBUTION = {"sklearn": "scikit-learn"}
OPTIONAL = {"matplotlib": "plot", "hypothesis": "test"}


def imported() -> set[str]:
    found = set()
    for path in (ROOT / "serialeq").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                found.add(str(node.module).partition(".")[0])
    return found - set(sys.stdlib_module_names) - {"serialeq"}


def test_every_import_is_a_declared_dependency():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    needed = {line.partition(">=")[0] for line in project["dependencies"]}
    llvm = {"llvmlite"}  # comes with numba, and has to fit it
    assert imported() - OPTIONAL.keys() - llvm == {
        {v: k for k, v in DISTRIBUTION.items()}.get(name, name) for name in needed
    }
    for module, extra in OPTIONAL.items():
        assert any(line.startswith(module) for line in extras[extra])

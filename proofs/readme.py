"""README.md: the theorems and the code that its tables name exist."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from proofs.check import HERE, Check


def checks() -> Iterator[Check]:
    """Yield the one check."""
    yield Check("readme", "names in the tables exist", _check)


def _check(directory: Path) -> str:
    unknown = []
    for row in re.findall(r"^\|.*\|$", (HERE / "README.md").read_text(), re.M):
        files = re.findall(r"\[\w+\.\w+\]\((\w+\.\w+)\)", row)
        text = "".join((HERE / file).read_text() for file in files)
        theorems = re.findall(r"`(\w+)`", row)
        unknown += [name for name in theorems if files and not re.search(rf"\b{name}\b", text)]
        for file, name in re.findall(r"`(serialeq/[\w/]+\.py): (\w+)`", row):
            code = HERE.parent / file
            known = code.exists() and re.search(rf"\b(def|class) {name}\b", code.read_text())
            unknown += [] if known else [f"{file}: {name}"]
    return f"unknown: {unknown}" if unknown else ""

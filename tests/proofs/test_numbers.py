"""Every numbered result of proofs/analysis.md and proofs/limits.md has a check here.

A wrong constant, sign or indicator ("slip") is tried beside each, and has to be noticed.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PROOFS = Path(__file__).parents[2] / "proofs"


@pytest.mark.parametrize("name", ["analysis.md", "limits.md"])
def test_every_number_has_a_check_and_every_check_a_number(name: str) -> None:
    text = (PROOFS / name).read_text("utf-8")
    table = (PROOFS / "README.md").read_text("utf-8")
    code = "".join(path.read_text("utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    here = set(re.findall(r"^def (test_\w+)", code, re.M))
    named = re.findall(r"`(test_\w+)`", text)
    assert set(named) <= here
    rows = [row for row in table.splitlines() if row.startswith("|") and f"]({name})" in row]
    assert {test for row in rows for test in re.findall(r"`(test_\w+)`", row)} == set(named)
    numbers = re.findall(r"\\tag\{(L?\d+\.?\d*)\}", text)
    assert len(numbers) == len(set(numbers)) > 5
    cited = [re.findall(r"\((L?\d+\.?\d*)\)", row.split("|")[3]) for row in rows]
    assert all(cited)
    assert {number for row in cited for number in row} == set(numbers)

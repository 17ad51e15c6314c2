"""The test toolkit as a package: its names, and what works without hypothesis."""

from __future__ import annotations

import pytest
from harness import run_python


def test_all_but_the_strategies_work_without_hypothesis() -> None:
    code = """
import sys
sys.modules["hypothesis"] = None
import serialeq.testing as t
for name in set(t.__all__) - {"cases", "hypergraphs", "orders", "problems", "worker_counts"}:
    getattr(t, name)
try:
    t.cases
except ImportError:
    print("none")
"""
    assert run_python(code) == "none\n"


def test_public_names() -> None:
    import serialeq.testing as toolkit

    for name in toolkit.__all__:
        assert getattr(toolkit, name).__doc__
    assert dir(toolkit) == sorted(toolkit.__all__)
    with pytest.raises(AttributeError, match=r"'serialeq\.testing' has no attribute 'nothing'"):
        _ = toolkit.nothing

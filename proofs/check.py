"""What a check is."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent


class Check(NamedTuple):
    """One thing to check.

    Attributes
    ----------
    tool : str
    name : str
        For a mutant: the rule that it breaks.
    run : callable
        ``run(directory)`` works in a scratch directory shared by all checks, which run in order.
        It returns what is wrong; nothing (an empty string) if all is as expected.
    missing : str
        What is not installed that the check needs; empty if nothing.
    """

    tool: str
    name: str
    run: Callable[[Path], str]
    missing: str = ""


def lacking(programs: tuple[str, ...] = (), modules: tuple[str, ...] = ()) -> str:
    """Return which of these are not installed."""
    absent = [name for name in programs if shutil.which(name) is None]
    absent += [name for name in modules if importlib.util.find_spec(name) is None]
    return ", ".join(absent)

"""Planning takes time and memory in proportion to the data: a process for each measurement."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from serialeq.cli.report import notices

ORDERS = ("blocked", "given")


def measure(sizes: list[float], factors: int, jobs: int) -> list[dict[str, Any]]:
    """Return a row for each size (in millions of ratings) and each kind of order."""
    rows = []
    for size in sizes:
        for order in ORDERS:
            notices.print(f"{size:g} million ratings, {order} order")
            arguments = [str(round(size * 1e6)), order, str(factors), str(jobs)]
            command = [sys.executable, "-m", "benchmarks.planning_worker", *arguments]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            rows.append(json.loads(done.stdout))
    return rows

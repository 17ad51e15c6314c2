"""Commands of the benchmarks, as the tests run them."""

from __future__ import annotations

import json
from typing import Any

from typer.testing import CliRunner

from benchmarks.__main__ import app


def run_json(*arguments: str) -> dict[str, Any]:
    """Return what a command prints with ``--json``."""
    result = CliRunner().invoke(app, [*arguments, "--json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)

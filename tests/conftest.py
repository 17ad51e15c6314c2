import io
import sys

import pytest
from hypothesis import HealthCheck, settings

from serialeq.cli import main

# The examples are the same in every run: what fails, fails again.
settings.register_profile(
    "ci",
    deadline=None,
    derandomize=True,
    database=None,
    max_examples=100,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("ci")


@pytest.fixture
def call(monkeypatch, capsys):
    """Run a command line in this process and return its stdout and stderr."""

    def run(*arguments, status=0, stdin=""):
        monkeypatch.setattr(sys, "argv", ["serialeq", *map(str, arguments)])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        with pytest.raises(SystemExit) as left:
            main()
        out, err = capsys.readouterr()
        assert left.value.code == status, err
        return out, err

    return run

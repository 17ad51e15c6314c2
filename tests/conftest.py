import contextlib
import io
import signal
import subprocess
import sys
import threading

import pytest
from hypothesis import HealthCheck, settings

from serialeq.cli.main import main

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

# Tests interrupt programs. A shell that runs this in the background has had interruptions ignored,
# and programs inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

_PATIENCE = 120  # seconds


@pytest.fixture
def launch():
    """Start a program that is killed after a while, or when the test ends: it might never end."""
    with contextlib.ExitStack() as stack:

        def start(command, **options):
            process = stack.enter_context(subprocess.Popen(command, **options))
            killer = threading.Timer(_PATIENCE, process.kill)
            killer.start()
            stack.callback(killer.cancel)
            stack.callback(process.kill)
            return process

        yield start


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

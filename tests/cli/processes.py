"""The command line in processes of its own."""

import subprocess
import sys

SERIALEQ = [sys.executable, "-m", "serialeq.cli"]


def call(*arguments, status=0, **options):
    done = subprocess.run(
        [*SERIALEQ, *map(str, arguments)], capture_output=True, text=True, timeout=120, **options
    )
    assert done.returncode == status, done.stderr
    return done

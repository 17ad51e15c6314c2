"""Files out of packages of Debian."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from serialeq.errors import DataError


def unpack(package: str, directory: Path, otherwise: str) -> Path:
    """Download a package into `directory`, and return where its files are.

    Raises
    ------
    DataError
        If it cannot be fetched; the message ends with what to do `otherwise`.
    """
    print(f"fetching {package} from Debian", file=sys.stderr)
    _run(["apt-get", "download", package], package, directory, otherwise)
    packages = list(directory.glob("*.deb"))
    if len(packages) != 1:
        raise DataError(f"cannot fetch {package}: apt-get left no package; {otherwise}")
    _run(["dpkg-deb", "-x", str(packages[0]), "package"], package, directory, otherwise)
    return directory / "package"


def _run(command: list[str], package: str, directory: Path, otherwise: str) -> None:
    try:
        done = subprocess.run(command, cwd=directory, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise DataError(f"cannot fetch {package}: {error}; {otherwise}") from error
    if done.returncode:
        reason = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        raise DataError(f"cannot fetch {package}: {' '.join(command)}: {reason[0]}; {otherwise}")

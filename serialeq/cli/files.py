"""What files a run was trained on, and whether they are still what they were."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from serialeq.errors import DataError, SerialeqError


def fingerprints(paths: Mapping[str, Path]) -> dict[str, Any]:
    """Return path, size and sha256 of each file."""
    found = {}
    for name, path in paths.items():
        try:
            with open(path, "rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
                size = file.tell()
        except OSError as error:
            reason = error.strerror or error
            raise DataError(f"{path}: expected a readable file, got: {reason}") from error
        found[name] = {"path": str(path.resolve()), "bytes": size, "sha256": digest}
    return found


def found_again(
    recorded: Mapping[str, Any], moved: Sequence[Path] | None
) -> tuple[dict[str, Path], dict[str, Any]]:
    """Return where recorded files are now, and their fingerprints.

    DataError: if one has changed.
    """
    paths = {name: Path(file["path"]) for name, file in recorded.items()}
    if moved:
        if len(moved) != len(paths):
            raise SerialeqError(f"data: expected {len(paths)} files ({', '.join(paths)})")
        paths = dict(zip(paths, moved, strict=True))
    files = fingerprints(paths)
    for name, file in files.items():
        for field in ("bytes", "sha256"):
            if file[field] != recorded[name][field]:
                raise DataError(
                    f"{file['path']}: {field}: the data ({name}) changed since the run: expected "
                    f"{recorded[name][field]}, as manifest.json says, got {file[field]}"
                )
    return paths, files

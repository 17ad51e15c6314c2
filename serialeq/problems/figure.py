"""Pictures, with matplotlib (the extra ``plot``)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from serialeq.errors import SerialeqError


def new_figure(width: float, height: float) -> Any:
    """Return a figure of so many inches; SerialeqError without matplotlib."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise SerialeqError("plot: needs matplotlib: pip install 'serialeq[plot]'") from error
    return Figure(figsize=(width, height), layout="constrained")


def check_picture(name: str, value: Any) -> None:
    """Raise SerialeqError unless a picture can be written to a path: before hours of work."""
    known = new_figure(1, 1).canvas.get_supported_filetypes()
    path, ending = Path(value), Path(value).suffix.lstrip(".").lower()
    if ending and ending not in known:
        raise SerialeqError(
            f"{name}: cannot write {path}: expected one of .{', .'.join(known)}, got .{ending}"
        )
    if not path.parent.is_dir():
        raise SerialeqError(f"{name}: cannot write {path}: expected a directory, got none")


def save_figure(figure: Any, path: Path) -> None:
    """Write a figure into a file; SerialeqError if that cannot be done."""
    try:
        figure.savefig(path, dpi=150)
    except (OSError, ValueError) as error:
        raise SerialeqError(f"plot: cannot write {path}: {error}") from error

"""The lecture as a page: ``python -m lecture --out report``."""

from __future__ import annotations

import platform
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from serialeq.cli.report import notices
from serialeq.errors import SerialeqError
from serialeq.native.team import available_cores, count_workers

from .charts import require_matplotlib
from .page import make_directory, write_page
from .sections import PARTS, check_key, make_sections
from .settings import Settings

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def lecture(
    out: Annotated[Path, typer.Option(help="Directory for the page and its CSV files.")],
    only: Annotated[str | None, typer.Option(help=f"One of {', '.join(PARTS)}.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Within three minutes.")] = False,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Workers measured; all cores by default.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of data and orders.")] = 0,
) -> None:
    """Recompute what the lecture states and plots; write one HTML page."""
    if only is not None:
        check_key(only)
    require_matplotlib()  # better now than after minutes, as the directory
    make_directory(out)
    settings = Settings(quick, seed, min(count_workers(jobs), available_cores()))
    sections = []
    for section in make_sections(settings, only):
        notices.print(f"done: {section.title}")
        sections.append(section)
    command = f"python -m lecture --seed {seed} --jobs {settings.n_jobs}"
    command += (" --quick" if quick else "") + (f" --only {only}" if only else "")
    about = [
        ("command", command),
        ("seed", str(seed)),
        ("workers measured", str(settings.n_jobs)),
        ("machine", f"{platform.machine()}, {available_cores()} cores"),
        *((name, version(name)) for name in ("serialeq", "numpy", "numba")),
    ]
    print(write_page(out, sections, about))


if __name__ == "__main__":
    try:
        app()
    except SerialeqError as error:
        sys.exit(f"lecture: {error}")

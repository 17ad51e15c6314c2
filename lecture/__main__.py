"""The command line's ``serialeq lecture``: the lecture as a page."""

from __future__ import annotations

import platform
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from serialeq.cli.options import Jobs, Seed
from serialeq.native.team import available_cores, count_workers


def lecture(
    out: Annotated[Path, typer.Option(help="Directory for the page and its CSV files.")],
    only: Annotated[
        str | None, typer.Option(help="stragglers, hogwild, noise, problems or equivalence.")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Within three minutes.")] = False,
    jobs: Jobs = None,
    seed: Seed = 0,
) -> None:
    """Recompute what the lecture states and plots; write one HTML page."""
    from serialeq.cli.report import notices
    from serialeq.problems.mf.training import check_number

    from .charts import require_matplotlib
    from .page import make_directory, write_page
    from .sections import check_key, make_sections
    from .settings import LabSettings

    if only is not None:
        check_key(only)
    check_number("seed", seed, 0, integer=True)
    require_matplotlib()  # better now than after minutes, as the directory
    make_directory(out)
    settings = LabSettings(quick, seed, min(count_workers(jobs), available_cores()))
    sections = []
    for section in make_sections(settings, only):
        notices.print(f"done: {section.title}")
        sections.append(section)
    command = f"serialeq lecture --seed {seed} --jobs {settings.n_jobs}"
    command += (" --quick" if quick else "") + (f" --only {only}" if only else "")
    about = [
        ("command", command),
        ("seed", str(seed)),
        ("workers measured", str(settings.n_jobs)),
        ("machine", f"{platform.machine()}, {available_cores()} cores"),
        *((name, version(name)) for name in ("serialeq", "numpy", "numba")),
    ]
    print(write_page(out, sections, about))

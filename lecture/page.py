"""One self-contained HTML page: sections of prose, tables and figures, with a CSV per figure.

The page asks the network for nothing: figures are inline SVG, formulas are MathML, and there is
neither script nor font.
"""

from __future__ import annotations

import csv
import hashlib
import io
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from serialeq.errors import SerialeqError


@dataclass(frozen=True)
class Table:
    """Rows under named columns.

    Attributes
    ----------
    title : str
    columns : sequence of str
    rows : sequence of sequences
        Numbers are written as they are into a CSV file, and with four digits on the page.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise SerialeqError(
                    f"rows: expected {len(self.columns)} cells in {self.title!r}, got {len(row)}"
                )


@dataclass(frozen=True)
class Figure:
    """A picture and the numbers in it.

    Attributes
    ----------
    name : str
        Of the CSV file beside the page, without suffix.
    caption : str
        HTML.
    svg : str
        One ``<svg>`` element (see `lecture.charts`).
    table : Table
        The numbers that are drawn.
    """

    name: str
    caption: str
    svg: str
    table: Table


@dataclass(frozen=True)
class Section:
    """A part of the page.

    Attributes
    ----------
    key : str
        Unique on the page: the anchor.
    title : str
    parts : sequence of str, Table or Figure
        A string is well-formed HTML: paragraphs, lists, MathML.
    """

    key: str
    title: str
    parts: Sequence[str | Table | Figure]


def write_page(
    directory: Path, sections: Sequence[Section], about: Iterable[tuple[str, str]]
) -> Path:
    """Write ``index.html`` and a CSV file per figure; return the page's path.

    Parameters
    ----------
    directory : Path
        Made if it is not there.
    sections : sequence of Section
    about : iterable of (str, str)
        What the head of the page says: seed, machine, versions.

    Raises
    ------
    SerialeqError
        If two sections have one key, two figures one name, or the directory cannot be written.
    """
    figures = [part for s in sections for part in s.parts if isinstance(part, Figure)]
    _check_unique("section", [section.key for section in sections])
    _check_unique("figure", [figure.name for figure in figures])
    page = directory / "index.html"
    make_directory(directory)
    try:
        for figure in figures:
            csv_path(directory, figure).write_text(as_csv(figure.table), encoding="utf-8")
        page.write_text(render(sections, about), encoding="utf-8")
    except OSError as error:
        raise SerialeqError(f"out: cannot write {directory}: {error}") from error
    return page


def make_directory(directory: Path) -> None:
    """Make the directory of a page: better to fail before minutes of work than after them.

    Raises
    ------
    SerialeqError
        If it cannot be made, or nothing can be written into it.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SerialeqError(f"out: cannot write {directory}: {error}") from error
    if not os.access(directory, os.W_OK | os.X_OK):
        raise SerialeqError(f"out: cannot write {directory}: permission denied")


def csv_path(directory: Path, figure: Figure) -> Path:
    """Return where a figure's numbers are."""
    return directory / f"{figure.name}.csv"


def as_csv(table: Table) -> str:
    """Return a table as CSV; numbers with all their digits."""
    text = io.StringIO()
    out = csv.writer(text, lineterminator="\n")
    out.writerow(table.columns)
    out.writerows(table.rows)
    return text.getvalue()


def render(sections: Sequence[Section], about: Iterable[tuple[str, str]]) -> str:
    """Return the page."""
    contents = "".join(
        f'<li><a href="#part-{escape(s.key)}">{escape(s.title)}</a></li>\n' for s in sections
    )
    facts = "".join(f"<dt>{escape(name)}</dt><dd>{escape(told)}</dd>\n" for name, told in about)
    body = "\n".join(_section(section) for section in sections)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8"/>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1"/>\n'
        f"<title>{_TITLE}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f"<h1>{_TITLE}</h1>\n<p>{_INTRODUCTION}</p>\n"
        f"<dl>\n{facts}</dl>\n<nav>\n<ol>\n{contents}</ol>\n</nav>\n{body}\n</body>\n</html>\n"
    )


def _section(section: Section) -> str:
    parts = "\n".join(_part(part) for part in section.parts)
    return (
        f'<section id="part-{escape(section.key)}">\n<h2>{escape(section.title)}</h2>\n'
        f"{parts}\n</section>"
    )


def _part(part: str | Table | Figure) -> str:
    if isinstance(part, str):
        return part
    if isinstance(part, Table):
        return _table(part)
    digest = hashlib.sha256(as_csv(part.table).encode()).hexdigest()
    return (
        f'<figure id="{escape(part.name)}">\n{part.svg}\n<figcaption>{part.caption} '
        f'<span class="data">Data: <a href="{escape(part.name)}.csv">{escape(part.name)}.csv</a>, '
        f"sha256 {digest[:16]}</span></figcaption>\n</figure>"
    )


def _table(table: Table) -> str:
    head = "".join(f"<th>{escape(column)}</th>" for column in table.columns)
    rows = "\n".join(
        "<tr>" + "".join(_cell(value) for value in row) + "</tr>" for row in table.rows
    )
    return (
        f"<table>\n<caption>{escape(table.title)}</caption>\n<thead><tr>{head}</tr></thead>\n"
        f"<tbody>\n{rows}\n</tbody>\n</table>"
    )


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return f"<td>{escape(value)}</td>"
    return f'<td class="number">{shown(value)}</td>'


def shown(value: Any) -> str:
    """Return a number as the page shows it: integers in full, others with four digits."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if float(value).is_integer() and abs(value) < 1e9:
        return f"{int(value):,}"
    return f"{value:.4g}"


def _check_unique(what: str, names: Sequence[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise SerialeqError(f"page: expected every {what} once, got {name!r} twice")


_TITLE = "Lifting Synchronization Barriers: the lecture, recomputed"

_INTRODUCTION = (
    "What the lecture states or plots, computed by serialeq's own code. Every figure has its "
    "numbers in a CSV file beside this page. <em>Measured</em> is what this machine did; "
    "<em>simulated</em> is what a model says, and is drawn with dashed lines."
)

_STYLE = """
body { max-width: 54rem; margin: 2rem auto; padding: 0 1rem; color: #222; background: #fff;
  font: 1rem/1.55 system-ui, sans-serif; }
h1 { font-size: 1.7rem; } h2 { margin-top: 3rem; border-bottom: 1px solid #ccc; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0 1rem; font-size: .9rem; }
dt { color: #666; } dd { margin: 0; overflow-wrap: anywhere; }
figure { margin: 1.5rem 0; } figure svg { max-width: 100%; height: auto; }
figcaption { font-size: .9rem; color: #444; } .data { color: #777; white-space: nowrap; }
table { display: block; overflow-x: auto; border-collapse: collapse; margin: 1.5rem 0;
  font-size: .9rem; }
table caption { text-align: left; font-weight: 600; padding-bottom: .3rem; }
th, td { padding: .15rem .7rem; border-bottom: 1px solid #ddd; text-align: left; }
th { vertical-align: bottom; } td.number { text-align: right; white-space: nowrap;
  font-variant-numeric: tabular-nums; }
math[display="block"] { margin: .8rem 0; }
"""

"""Figures as inline SVG, drawn by matplotlib (the extra ``plot``) from the table behind them."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from math import log10
from typing import Any

from serialeq.errors import SerialeqError

from .page import Figure, Table

_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#555555")
"""Okabe and Ito 2008: told apart by the colour-blind as well."""

_PAGE = 8.6  # inches: what the page is wide
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")

_LOOKS: dict[str, dict[str, Any]] = {
    "measured": {"marker": "o", "linestyle": "-"},
    "simulated": {"marker": "", "linestyle": "--"},
    "theory": {"marker": "", "linestyle": "-"},
    "points": {"marker": "o", "linestyle": ""},
    "guide": {"marker": "", "linestyle": ":", "color": "0.6"},
}


@dataclass(frozen=True)
class Curve:
    """One line of a figure.

    Attributes
    ----------
    label : str
        In the legend.
    x, y : sequences or arrays of numbers
    look : {"measured", "simulated", "theory", "points", "guide"}
        Line with points, dashed, line, points, grey dots.
    colour : int, optional
        Number of the colour, by default the curve's place in the figure: the same for measured
        and simulated curves of one thing.
    """

    label: str
    x: Any
    y: Any
    look: str = "measured"
    colour: int | None = None


@dataclass(frozen=True)
class Panel:
    """Curves in one pair of axes.

    Attributes
    ----------
    x_label, y_label : str
        With units.
    curves : sequence of Curve
    title : str
    log_x, log_y : int
        Base of a logarithmic axis; 0: linear.
    """

    x_label: str
    y_label: str
    curves: Sequence[Curve]
    title: str = ""
    log_x: int = 0
    log_y: int = 0


def chart(name: str, caption: str, panels: Sequence[Panel]) -> Figure:
    """Draw panels side by side, with one legend for all.

    The table has a row for each point: panel (if there are several), curve, look, x and y.

    Raises
    ------
    SerialeqError
        If matplotlib is missing.
    """
    several = len(panels) > 1
    rows = [
        [*([panel.title] if several else []), curve.label, curve.look, _plain(x), _plain(y)]
        for panel in panels
        for curve in panel.curves
        for x, y in zip(curve.x, curve.y, strict=True)
    ]
    axes = ["x", "y"] if several else [panels[0].x_label, panels[0].y_label]
    columns = [*(["panel"] if several else []), "curve", "kind", *axes]
    return Figure(name, caption, _draw(name, panels), Table(name, columns, rows))


def _plain(number: Any) -> int | float:
    """Return a Python number, as NumPy's print their type."""
    return number.item() if hasattr(number, "item") else number


def require_matplotlib() -> Any:
    """Return matplotlib.

    Raises
    ------
    SerialeqError
        If it is missing.
    """
    try:
        import matplotlib.figure
    except ImportError as error:
        raise SerialeqError("page: needs matplotlib: pip install 'serialeq[plot]'") from error
    return matplotlib


def _draw(name: str, panels: Sequence[Panel]) -> str:
    matplotlib = require_matplotlib()
    settings = {"svg.hashsalt": name, "font.size": 10, "axes.spines.top": False,
                "axes.spines.right": False}  # fmt: skip
    with matplotlib.rc_context(settings):
        width = 7.0 if len(panels) == 1 else _PAGE
        drawing = matplotlib.figure.Figure(figsize=(width, 4.2), layout="constrained")
        same_y = len({panel.y_label for panel in panels}) == 1
        handles: dict[str, Any] = {}
        for i, panel in enumerate(panels, 1):
            axes = drawing.add_subplot(1, len(panels), i)
            axes.set_ylabel("" if same_y and i > 1 else panel.y_label)
            for label, line in _draw_panel(axes, panel):
                first = handles.setdefault(label, line)
                if line.get_color() != first.get_color():  # the look says it all, not the colour
                    handles[label] = copy(line)
                    handles[label].set_color("0.4")
        columns = min(len(handles), 3 if len(panels) == 1 else 4)
        drawing.legend(
            handles.values(), handles.keys(), loc="outside upper center", ncols=columns,
            frameon=False,
        )  # fmt: skip
        text = io.StringIO()
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        drawing.savefig(text, format="svg", metadata=nothing)
    return _inline(text.getvalue(), name)


def _draw_panel(axes: Any, panel: Panel) -> list[tuple[str, Any]]:
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

    handles = []
    for i, curve in enumerate(panel.curves):
        colour = _COLOURS[(i if curve.colour is None else curve.colour) % len(_COLOURS)]
        look = {"color": colour, "markersize": 4} | _LOOKS[curve.look]
        (line,) = axes.plot(curve.x, curve.y, **look)
        handles.append((curve.label, line))
    for axis, base in (("x", panel.log_x), ("y", panel.log_y)):
        ticks = getattr(axes, f"{axis}axis")
        if not base:
            ticks.set_major_locator(MaxNLocator(integer=axis == "x"))
            continue
        getattr(axes, f"set_{axis}scale")("log", base=base)
        low, high = getattr(axes, f"get_{axis}lim")()
        if base == 10 and high < 100 * low:
            ticks.set_major_locator(LogLocator(10, (1.0, 2.0, 5.0)))
        ticks.set_major_formatter(FuncFormatter(_halves if base == 2 else _plainly))
        ticks.set_minor_formatter(NullFormatter())
    axes.set_xlabel(panel.x_label)
    axes.set_title(panel.title, fontsize="medium")
    axes.grid(color="0.92", linewidth=0.6)
    axes.set_axisbelow(True)
    return handles


def _plainly(value: float, _: int) -> str:
    if 1e-3 <= value < 1e6:
        return f"{value:,g}"
    return "10" + str(round(log10(value))).translate(_SUPERSCRIPT)


def _halves(value: float, _: int) -> str:
    return f"{value:,g}" if value >= 1 else f"1/{1 / value:,g}"


def _inline(svg: str, name: str) -> str:
    """Return the element alone, its ids made unique on a page with several."""
    svg = svg[svg.index("<svg") :].strip()
    svg = re.sub(r'\bid="', f'id="{name}-', svg)
    return re.sub(r'(url\(|xlink:href=")#', rf"\1#{name}-", svg)

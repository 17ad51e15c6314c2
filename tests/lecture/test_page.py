"""The page: well-formed, asks the network for nothing, a CSV file behind every figure."""

import csv
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from typer.testing import CliRunner

from lecture import formulas
from lecture.__main__ import app
from lecture.charts import Curve, Panel, chart
from lecture.page import Section, Table, render, shown, write_page
from lecture.sections import PARTS, make_sections
from lecture.settings import Settings
from serialeq.errors import SerialeqError
from serialeq.native.team import available_cores

_LOADING = {"src", "srcset", "data", "action", "poster", "background", "formaction"}
_NAMESPACES = {"xmlns", "xmlns:xlink"}


class References(HTMLParser):
    """Collects what a browser would fetch, the elements, and the ids."""

    def __init__(self):
        super().__init__()
        self.fetched, self.links, self.tags, self.ids = [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value)
            if name in _LOADING or (tag in ("link", "image", "use") and "href" in name):
                self.fetched.append(value)
            elif "href" in name:
                self.links.append(value)
            elif name not in _NAMESPACES and value and "url(" in value:
                self.fetched += re.findall(r"url\(([^)]*)\)", value)


def read_csv(path: Path) -> list[list[str]]:
    return list(csv.reader(path.read_text().splitlines()))


def check_page(directory: Path) -> None:
    """Assert that the page in a directory is whole and self-contained."""
    page = (directory / "index.html").read_text()
    document = ElementTree.fromstring(page.partition("\n")[2])  # XML too: every tag is closed
    found = References()
    found.feed(page)
    assert not set(found.tags) & {"script", "link", "img", "iframe", "object", "embed", "image"}
    assert all(target.startswith("#") for target in found.fetched), found.fetched
    assert "@import" not in page
    style = page[page.index("<style>") : page.index("</style>")]
    assert "url(" not in style
    assert len(found.ids) == len(set(found.ids))
    for target in found.fetched + [link for link in found.links if link.startswith("#")]:
        assert target[1:] in found.ids
    files = {link for link in found.links if not link.startswith("#")}
    assert files == {path.name for path in directory.glob("*.csv")}
    figures = list(document.iter("figure"))
    assert len(figures) == len(files)
    for figure in figures:
        assert len(figure.findall("{http://www.w3.org/2000/svg}svg")) == 1
        rows = read_csv(directory / f"{figure.get('id')}.csv")
        assert len(rows) > 1
        assert {len(row) for row in rows} == {len(rows[0])}
        assert all(np.isfinite(float(cell)) for row in rows[1:] for cell in row[-2:])


def example(name="a-figure"):
    panel = Panel("x, s", "y", [Curve("one", np.arange(1, 4), [1.0, 0.5, 4.0])], log_y=2)
    return chart(name, "A caption.", [panel])


def test_page_is_whole(tmp_path):
    sections = [
        Section(
            "a-figure", "A < B", ["<p>Prose.</p>", example(), Table("T & U", ["a"], [["<x>"]])]
        ),
        Section("two", "Two", [example("another")]),
    ]
    path = write_page(tmp_path / "new" / "report", sections, [("seed", "0")])
    check_page(path.parent)
    assert "A &lt; B" in path.read_text()


@pytest.mark.parametrize(
    "damage",
    [
        "<p>open",
        '<img src="https://example.org/a.png"/>',
        '<a href="gone.csv">x</a>',
        '<p style="background: url(a.png)"/>',
        '<p id="part-one"/>',
        '<p id="a-figure"/>',
        "<figure/>",
    ],
)
def test_a_damaged_page_is_noticed(tmp_path, damage):
    write_page(tmp_path, [Section("one", "One", [example(), damage])], [])
    with pytest.raises((AssertionError, ElementTree.ParseError)):
        check_page(tmp_path)


def test_figures_are_the_same_every_time():
    assert example().svg == example().svg


def test_csv_holds_what_is_drawn(tmp_path):
    write_page(tmp_path, [Section("one", "One", [example()])], [])
    rows = read_csv(tmp_path / "a-figure.csv")
    assert rows[0] == ["curve", "kind", "x, s", "y"]
    assert rows[1:] == [
        ["one", "measured", str(x), str(y)] for x, y in [(1, 1.0), (2, 0.5), (3, 4.0)]
    ]


def test_names_have_to_be_unique(tmp_path):
    section = Section("one", "One", [example()])
    with pytest.raises(SerialeqError, match="every section once, got 'one' twice"):
        write_page(tmp_path, [section, section], [])
    with pytest.raises(SerialeqError, match="every figure once, got 'a-figure' twice"):
        write_page(tmp_path, [section, Section("two", "Two", [example()])], [])


def test_tables_have_full_rows():
    with pytest.raises(SerialeqError, match="expected 2 cells in 'T', got 1"):
        Table("T", ["a", "b"], [[1]])


@pytest.mark.parametrize(
    ("value", "told"),
    [(3, "3"), (3.0, "3"), (12345, "12,345"), (0.123456, "0.1235"), (True, "yes"), (None, "–")],
)
def test_numbers_on_the_page(value, told):
    assert shown(value) == told


def test_unknown_part():
    with pytest.raises(SerialeqError, match=r"only: expected one of stragglers, .* got 'x'"):
        next(make_sections(Settings(), "x"))
    assert list(PARTS) == ["stragglers", "hogwild", "noise", "problems", "equivalence"]


def test_out_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SerialeqError, match="out: cannot write"):
        write_page(tmp_path / "file", [], [])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--only", "nothing"], "only: expected one of stragglers, hogwild, noise, "),
        (["--out", "/dev/null/report"], "out: cannot write /dev/null/report"),
    ],
)
def test_wrong_arguments_are_told_at_once(tmp_path, arguments, message):
    with pytest.raises(SerialeqError, match=message):
        CliRunner().invoke(
            app, ["--out", str(tmp_path / "new"), *arguments], catch_exceptions=False
        )
    assert not (tmp_path / "new").exists()


def test_errors_are_one_line(tmp_path):
    run = subprocess.run(
        [sys.executable, "-m", "lecture", "--out", str(tmp_path / "new"), "--only", "nothing"],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert run.returncode == 1
    assert run.stderr.startswith("lecture: only: expected one of stragglers, ")
    assert run.stderr.count("\n") == 1


def test_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(SerialeqError, match=r"needs matplotlib: pip install 'serialeq\[plot\]'"):
        example()


@pytest.mark.parametrize("name", [n for n in dir(formulas) if n.isupper() and n[0] != "_"])
def test_formulas_are_mathml_of_full_arity(name):
    found = ElementTree.fromstring(getattr(formulas, name))
    arities = {"mfrac": 2, "msub": 2, "msup": 2, "mover": 2, "munder": 2, "munderover": 3}
    space = "{http://www.w3.org/1998/Math/MathML}"
    assert found.tag == space + "math"
    for element in found.iter():
        tag = element.tag.removeprefix(space)
        assert len(element) == arities.get(tag, len(element)), tag
        if tag in ("mi", "mo", "mn"):
            assert element.text
    braces = "".join(found.itertext())
    assert braces.count("(") == braces.count(")")
    assert braces.count("{") == braces.count("}")


def test_empty_page_is_whole():
    ElementTree.fromstring(render([], []).partition("\n")[2])


# ---- in a browser --------------------------------------------------------------------------------

BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
_OWN_HOSTS = ("google.com", "googleapis.com", "gvt1.com")  # what the browser asks for itself


def browse(page: Path, scratch: Path) -> tuple[list[str], set[str]]:
    """Return what a headless browser prints on its console, and which hosts a page asks."""
    log = scratch / "net.json"
    flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr"]
    flags += ["--disable-background-networking", "--disable-component-update", "--no-first-run"]
    flags += [f"--user-data-dir={scratch / 'profile'}", f"--log-net-log={log}", "--dump-dom"]
    run = subprocess.run(
        [BROWSER, *flags, page.as_uri()], capture_output=True, text=True, timeout=120
    )
    assert run.returncode == 0, run.stderr
    assert "</body>" in run.stdout
    console = [line for line in run.stderr.splitlines() if ":CONSOLE" in line]
    hosts = re.findall(r'"url":"(?:https?|wss?)://([^"/]*)', log.read_text())
    return console, {host for host in hosts if not host.endswith(_OWN_HOSTS)}


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason="needs chromium")
def test_the_browser_check_sees_what_is_wrong(tmp_path):
    wrong = '<img src="https://example.invalid/a.png"/><script>undefined.x</script>'
    page = write_page(tmp_path, [Section("one", "One", [example(), wrong])], [])
    console, hosts = browse(page, tmp_path)
    assert any("TypeError" in line for line in console)
    assert hosts == {"example.invalid"}


def test_one_part_alone_is_a_whole_page(tmp_path):
    arguments = ["--quick", "--only", "stragglers", "--jobs", "1"]
    result = CliRunner().invoke(app, [*arguments, "--out", str(tmp_path)], catch_exceptions=False)
    assert result.stdout.strip() == str(tmp_path / "index.html")
    check_page(tmp_path)
    page = (tmp_path / "index.html").read_text()
    assert "python -m lecture --seed 0 --jobs 1 --quick --only stragglers" in page


@pytest.mark.slow
@pytest.mark.parametrize("key", [key for key in PARTS if key != "stragglers"])
def test_other_parts_alone_are_whole_pages(tmp_path, key):
    sections = list(make_sections(Settings(quick=True, n_jobs=min(2, available_cores())), key))
    write_page(tmp_path, sections, [])
    check_page(tmp_path)


@pytest.mark.slow
def test_command_line(tmp_path):
    run = subprocess.run(
        [sys.executable, "-m", "lecture", "--quick", "--out", str(tmp_path)],
        capture_output=True, text=True, timeout=290,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    check_page(tmp_path)
    if BROWSER is not None:
        scratch = tmp_path / "browser"
        scratch.mkdir()
        assert browse(tmp_path / "index.html", scratch) == ([], set())

"""ARCHITECTURE.md names files and what they define; the glossary's words are in use."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "ARCHITECTURE.md").read_text()
WALKS = dict(re.findall(r"\n### ([^\n]+)\n(.*?)(?=\n##|\Z)", TEXT, re.DOTALL))


def test_there_are_five_walks():
    assert len(WALKS) == 5


@pytest.mark.parametrize("walk", WALKS)
def test_a_walk_names_files_that_define_what_it_says(walk):
    steps = re.findall(r"^(\d+)\. `([^`]+)` — ((?:`\w+`(?:, )?)+):? ?(.*)$", WALKS[walk], re.M)
    assert [int(number) for number, *_ in steps] == list(range(1, len(steps) + 1))
    assert len(steps) == len(re.findall(r"^\d+\. ", WALKS[walk], re.M)) >= 5
    files = [file for _, file, *_ in steps]
    assert len(set(files)) == len(files)
    for _, file, names, more in steps:
        source = (ROOT / file).read_text()
        for name in re.findall(r"`(\w+)`", names):
            assert re.search(rf"^(def|class) {name}\b", source, re.M), (file, name)
        for name in re.findall(r"`(\w+)`", more):
            assert re.search(rf"\b{name}\b", source), (file, name)


def test_the_tree_has_the_folders_named():
    (tree,) = re.findall(r"```\n(serialeq/.*?)```", TEXT, re.DOTALL)
    for name in re.findall(r"^  (\w+)/", tree, re.M):
        assert (ROOT / "serialeq" / name).is_dir(), name
    for name in re.findall(r"^(\w+)/", tree, re.M):
        assert (ROOT / name).is_dir(), name
    flat = {path.stem for path in (ROOT / "serialeq").glob("*.py")} - {"__init__"}
    assert flat == set(re.search(r"^  (errors [\w ]+?)  ", tree, re.M)[1].split())


def test_layers_import_downwards_only():
    layers = ["native", "planning", "engines", "training", "runs", "problems", "cli"]
    for height, layer in enumerate(layers):
        for path in (ROOT / "serialeq" / layer).rglob("*.py"):
            found = re.findall(r"^\s*from serialeq\.(\w+)", path.read_text(), re.M)
            above = set(found) & set(layers[height + 1 :])
            assert not above, (path, above)
    for path in (ROOT / "serialeq/reading").rglob("*.py"):
        found = re.findall(r"^\s*from serialeq\.(\w+)", path.read_text(), re.M)
        assert set(found) <= {"errors", "native", "reading"}, (path, found)

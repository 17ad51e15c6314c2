"""Files line by line: where the bytes come from, and what a line is."""

from __future__ import annotations

import bz2
import gzip
import io
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serialeq.errors import DataError
from serialeq.problems.mf.reading import read_ratings
from serialeq.reading import lines
from serialeq.reading.svmlight import read_svmlight
from serialeq.reading.texts import read_labelled_texts, read_texts

PACKED = {"plain": bytes, ".gz": gzip.compress, ".bz2": bz2.compress, "-": bytes}
READERS = {
    "ratings": (b"u,a,1\nv,b,2\n", lambda path: read_ratings(path).values.tolist()),
    "svmlight": (b"1 1:2\n2 2:3\n", lambda path: read_svmlight(path).y.tolist()),
    "texts": (b"1\xc3\xa9\n2\n", read_texts),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("kind", PACKED)
def test_sources(reader: str, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content, read = READERS[reader]
    if kind == "-":
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
        path = "-"
    else:
        path = str(tmp_path / f"file{kind}")
        Path(path).write_bytes(PACKED[kind](content))
    found = read(path)
    assert found == ([1.0, 2.0] if reader != "texts" else ["1é", "2"])
    assert not sys.stdin.closed


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("kind", [".gz", ".bz2"])
def test_damaged(reader: str, kind: str, tmp_path: Path) -> None:
    content, read = READERS[reader]
    path = tmp_path / f"file{kind}"
    for packed in (PACKED[kind](content * 100)[:-9], content):
        path.write_bytes(packed)
        with pytest.raises(DataError, match="expected a readable file, got: "):
            read(str(path))


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(alphabet="aé\r\n\ufeff "), size=st.integers(1, 9), mark=st.booleans())
def test_blocks(
    text: str, size: int, mark: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "text"
    path.write_bytes(text.encode("utf-8-sig" if mark else "utf-8"))
    monkeypatch.setattr(lines, "_BLOCK_BYTES", size)
    expected = io.StringIO(text if mark else text.removeprefix("\ufeff"), newline=None).readlines()
    expected = [line.removesuffix("\n") for line in expected]
    blocks = list(lines.read_blocks(str(path)))
    assert lines.read_lines(str(path)) == expected
    assert [line for start, block in blocks for line in block] == expected
    assert all(block == expected[start - 1 :][: len(block)] for start, block in blocks)


@pytest.mark.parametrize("size", [3, 1 << 22])
def test_bad_bytes_after_blocks(size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "_BLOCK_BYTES", size)
    path = tmp_path / "text"
    path.write_bytes(b"\xef\xbb\xbfone\r\ntwo\rthree\nfour \xff\n")
    with pytest.raises(DataError, match="line 4: expected UTF-8 text, got the byte 0xff"):
        read_texts(str(path))


@pytest.mark.parametrize("label", ["", "a" * 501, "a\0"])
def test_labels(label: str) -> None:
    with pytest.raises(DataError, match="expected a label of 1 to 500 characters without NUL"):
        lines.check_label(label)
    lines.check_label("é" * 500)


@pytest.mark.parametrize("label", ["one", "nan", "inf", "1_000"])
def test_labels_that_are_no_numbers(label: str, tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_text(f"1e3\ta\n\n{label}\tb\n")
    with pytest.raises(DataError, match="line 3: expected a finite number as label, got "):
        read_labelled_texts(str(path), numbers=True)
    assert read_labelled_texts(str(path))[0].tolist() == ["1e3", label]

"""Files line by line: one opener, one decoder, one check of labels.

Whatever is wrong with a file is a `DataError` that names the line, what was expected and what
came.
"""

from __future__ import annotations

import bz2
import codecs
import gzip
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, BinaryIO

from serialeq.errors import DataError

_BLOCK_BYTES = 1 << 22
_MAX_LABEL = 500  # every label in an array takes the room of the longest
_OPENERS: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open}


@contextmanager
def open_bytes(path: str) -> Iterator[BinaryIO]:
    """Open a file for the time of a block; ``.gz`` and ``.bz2`` are unpacked, ``-`` is stdin.

    DataError: if the file cannot be opened, or cannot be read in the block.
    """
    opener = next((_OPENERS[end] for end in _OPENERS if path.endswith(end)), open)
    try:
        with nullcontext(sys.stdin.buffer) if path == "-" else opener(path, "rb") as file:
            yield file
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{path}: expected a readable file, got: {reason}") from error


def read_blocks(path: str) -> Iterator[tuple[int, list[str]]]:
    """Yield lines without their ends, some megabytes at a time, and the number of the first.

    UTF-8, with or without a byte order mark; lines end in LF, CR LF or CR. See `open_bytes`.

    DataError: if the file cannot be read or is not UTF-8.
    """
    start = 1
    with open_bytes(path) as file:
        while block := file.read(_BLOCK_BYTES):
            block += file.readline()
            if start == 1:
                block = block.removeprefix(codecs.BOM_UTF8)
            lines = _decode(path, start, block).split("\n")
            if not lines[-1]:
                lines.pop()
            yield start, lines
            start += len(lines)


def read_lines(path: str) -> list[str]:
    """Return all lines of a file; see `read_blocks`."""
    return [line for _, lines in read_blocks(path) for line in lines]


def _decode(path: str, start: int, block: bytes) -> str:
    try:
        text = block.decode()
    except UnicodeDecodeError as error:
        good = _decode(path, start, block[: error.start])
        problem = f"expected UTF-8 text, got the byte 0x{block[error.start]:02x}"
        raise located(path, start + good.count("\n"), problem) from error
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def check_label(label: str, noun: str = "a label") -> None:
    """Raise DataError unless an array of strings can hold the label."""
    if not 0 < len(label) <= _MAX_LABEL or "\0" in label:  # NumPy drops a NUL at the end
        expected = f"expected {noun} of 1 to {_MAX_LABEL} characters without NUL"
        raise DataError(f"{expected}, got {shown(label)}")


def located(path: str, line: int, problem: object) -> DataError:
    """Return the error of a line."""
    return DataError(f"{path}, line {line}: {problem}")


def shown(value: object) -> str:
    """Return a value as error messages show it."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}…"

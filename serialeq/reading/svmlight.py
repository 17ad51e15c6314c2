"""Samples of linear models from files: svmlight, and lines of text.

Whatever is wrong with a file is a `DataError` that names the line, what was expected and what
came.
"""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import sys
import zlib
from collections.abc import Callable
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import scipy.sparse as sp

from serialeq.errors import DataError
from serialeq.problems.mf.ratings import LIMIT, shown

_MAX_LABEL = 500  # every label in an array takes the room of the longest
_MOST_UNUSED = 1 << 24  # columns of a matrix with few entries: 128 MB of weights
_UNREADABLE = (OSError, EOFError, zlib.error)


class Svmlight(NamedTuple):
    """What a svmlight file holds."""

    X: Any
    """csr_array of float64."""
    y: np.ndarray
    zero_based: bool
    """The features are numbered from 0 and not from 1."""
    n_ignored: int
    """Entries of features that the model does not have."""


class Texts(NamedTuple):
    """Labels and texts, and from which lines."""

    labels: list[str]
    texts: list[str]
    lines: list[int]


def read_svmlight(
    path: str,
    n_features: int | None = None,
    zero_based: bool | None = None,
    *,
    integer_labels: bool = False,
) -> Svmlight:
    """Read svmlight (LIBSVM) format: ``label index:value index:value …  # comment``.

    Parameters
    ----------
    path : str
        gzip or bzip2 if the name ends in ``.gz`` or ``.bz2``; ``-`` for stdin.
    n_features : int, optional
        Ignore features from this number on. By default there are as many as the file uses.
    zero_based : bool, optional
        Whether features are numbered from 0. By default they are if a feature 0 occurs.
    integer_labels : bool
        Insist on integers as labels, and return them as int64.

    Raises
    ------
    DataError
        If the file cannot be read, or a line is not a sample; names the line.
    """
    try:
        with _open(path) as file:
            try:
                X, y = _parse(file)
            except (ValueError, OverflowError):
                file.seek(0)
                raise _find_bad_line(path, file.read().split(b"\n")) from None
            place = _Places(path, file)
            X, zero_based = _numbered(X, n_features, zero_based, place)
            if integer_labels:
                y = _integers(y, place)
            n_ignored = 0
            if n_features is not None and X.shape[1] > n_features:
                n_ignored, X = X.nnz, X[:, :n_features]
                n_ignored -= X.nnz
            return Svmlight(X, y, zero_based, n_ignored)
    except _UNREADABLE as error:
        raise _unreadable(path, error) from error


def read_labelled_texts(path: str) -> Texts:
    """Read lines of label, tab and text (UTF-8); blank lines are skipped.

    Raises
    ------
    DataError
        If the file cannot be read, or a line has no tab; names the line.
    """
    texts = Texts([], [], [])
    for number, line in enumerate(_read_lines(path), 1):
        if not line.strip():
            continue
        label, tab, text = line.partition("\t")
        label = label.strip()
        if not tab:
            raise _located(path, number, f"expected label, tab and text, got {shown(line)}")
        if not 0 < len(label) <= _MAX_LABEL or "\0" in label:  # NumPy drops a NUL at the end
            expected = f"expected a label of 1 to {_MAX_LABEL} characters without NUL"
            raise _located(path, number, f"{expected}, got {shown(label)}")
        texts.labels.append(label)
        texts.texts.append(text)
        texts.lines.append(number)
    if not texts.lines:
        raise DataError(f"{path}: expected lines of label, tab and text, got an empty file")
    return texts


def read_texts(path: str) -> list[str]:
    """Read one text per line, or label, tab and text per line if the first line has a tab.

    Without labels every line counts, also a blank one.
    """
    lines = _read_lines(path)
    if not lines:
        raise DataError(f"{path}: expected lines of text, got an empty file")
    return _texts_of(path, lines)


def _texts_of(path: str, lines: list[str]) -> list[str]:
    if "\t" not in lines[0]:
        return lines
    for number, line in enumerate(lines, 1):
        if line.strip() and "\t" not in line:
            expected = "expected label, tab and text as in line 1"
            raise _located(path, number, f"{expected}, got {shown(line)}")
    return [line.partition("\t")[2] for line in lines if line.strip()]


def numbers_of(path: str, texts: Texts) -> np.ndarray:
    """Return the labels as finite numbers.

    Raises
    ------
    DataError
        If a label is none; names the line.
    """
    values = np.empty(len(texts.labels))
    for i, label in enumerate(texts.labels):
        try:
            values[i] = float(label)
        except ValueError:
            values[i] = np.nan
        if not np.isfinite(values[i]):
            problem = f"expected a finite number as label, got {shown(label)}"
            raise _located(path, texts.lines[i], problem)
    return values


def _open(path: str) -> BinaryIO:
    if path == "-":
        return io.BytesIO(sys.stdin.buffer.read())
    openers: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open}
    return next((openers[end] for end in openers if path.endswith(end)), open)(path, "rb")


def _read_lines(path: str) -> list[str]:
    try:
        with _open(path) as file:
            content = file.read().removeprefix(codecs.BOM_UTF8)
    except _UNREADABLE as error:
        raise _unreadable(path, error) from error
    try:
        text = _unify_newlines(content.decode())
    except UnicodeDecodeError as error:
        line = 1 + _unify_newlines(content[: error.start].decode()).count("\n")
        problem = f"expected UTF-8 text, got the byte 0x{content[error.start]:02x}"
        raise _located(path, line, problem) from error
    lines = text.split("\n")
    return lines if lines[-1] else lines[:-1]


def _unify_newlines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def _located(path: str, line: int, problem: str) -> DataError:
    return DataError(f"{path}, line {line}: {problem}")


def _unreadable(path: str, error: BaseException) -> DataError:
    reason = getattr(error, "strerror", None) or error
    return DataError(f"{path}: expected a readable file, got: {reason}")


# ---- svmlight --------------------------------------------------------------------------------


def _parse(file: BinaryIO) -> tuple[Any, np.ndarray]:
    from sklearn.datasets import load_svmlight_file

    return load_svmlight_file(file, zero_based=True)


def _find_bad_line(path: str, lines: list[bytes]) -> DataError:
    """Return the error of the first line that fails, found by bisection: lines are independent."""
    begin, end = 0, len(lines)
    while end - begin > 1:
        middle = (begin + end) // 2
        if _problem(lines[begin:middle]):
            end = middle
        else:
            begin = middle
    shows = shown(lines[begin].rstrip(b"\r").decode(errors="replace"))
    problem = _problem(lines[begin : begin + 1])
    return _located(path, begin + 1, f"expected 'label index:value …', got {shows} ({problem})")


def _problem(lines: list[bytes]) -> str:
    try:
        _parse(io.BytesIO(b"\n".join(lines)))
    except (ValueError, OverflowError) as error:
        return str(error)
    return ""


class _Places:
    """Makes errors that name the line of a sample."""

    def __init__(self, path: str, file: BinaryIO) -> None:
        self._path, self._file = path, file

    def error(self, problem: str, sample: int = -1) -> DataError:
        if sample < 0:
            return DataError(f"{self._path}: {problem}")
        self._file.seek(0)
        number = 0
        while sample >= 0:
            number += 1
            sample -= bool(self._file.readline().partition(b"#")[0].strip())
        return _located(self._path, number, problem)


def _numbered(
    X: Any, n_features: int | None, zero_based: bool | None, place: _Places
) -> tuple[Any, bool]:
    """Number the features from 0 and check the values."""
    if not 0 < X.shape[0] < LIMIT:
        raise place.error(f"expected 1 to {LIMIT - 1} samples, got {X.shape[0]}")
    indices, indptr, data = X.indices, X.indptr, X.data
    least = int(indices.min()) if indices.size else 1
    zero_based = least == 0 if zero_based is None else zero_based
    if least == 0 and not zero_based:
        problem = "expected features numbered from 1 as in the data of the model, got feature 0"
        raise place.error(problem, _sample_of(indptr, int(indices.argmin())))
    bad = np.flatnonzero(~np.isfinite(data))
    if bad.size:
        problem = f"expected finite values, got {data[bad[0]]}"
        raise place.error(problem, _sample_of(indptr, int(bad[0])))
    found = int(indices.max()) + zero_based if indices.size else 0
    if n_features is None and not found:
        raise place.error("expected features, got none in any line")
    if n_features is None and found > max(_MOST_UNUSED, 8 * indices.size):
        problem = (
            "expected features numbered without large gaps, "
            f"got feature {indices.max()} in data of {indices.size} entries"
        )
        raise place.error(problem, _sample_of(indptr, int(indices.argmax())))
    compact = np.int32 if max(indices.size, found) < LIMIT else np.int64
    rows = sp.csr_array(
        (data, indices.astype(compact) - compact(not zero_based), indptr.astype(compact)),
        shape=(X.shape[0], max(found, n_features or 0)),
    )
    return rows, zero_based


def _integers(y: np.ndarray, place: _Places) -> np.ndarray:
    bad = np.flatnonzero(~(np.abs(y) < 2.0**53) | (y != np.rint(y)))
    if bad.size:
        problem = f"expected an integer as label of a class, got {y[bad[0]]:g}"
        raise place.error(problem, int(bad[0]))
    return y.astype(np.int64)


def _sample_of(indptr: np.ndarray, entry: int) -> int:
    return int(np.searchsorted(indptr, entry, side="right")) - 1

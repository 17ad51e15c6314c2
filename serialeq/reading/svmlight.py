"""Samples from svmlight files."""

from __future__ import annotations

import io
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import scipy.sparse as sp

from serialeq.errors import DataError
from serialeq.native.incidence import LIMIT

from .lines import located, open_bytes, shown

_MOST_UNUSED = 1 << 24  # columns of a matrix with few entries: 128 MB of weights


class Svmlight(NamedTuple):
    """What a svmlight file holds."""

    X: Any
    """csr_array of float64."""
    y: np.ndarray
    zero_based: bool
    """The features are numbered from 0 and not from 1."""
    n_ignored: int
    """Entries of features that the model does not have."""


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
    with open_bytes(path) as opened:
        file = io.BytesIO(opened.read()) if path == "-" else opened  # errors seek
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
    return located(path, begin + 1, f"expected 'label index:value …', got {shows} ({problem})")


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
        return located(self._path, number, problem)


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

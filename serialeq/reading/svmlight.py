"""Samples from svmlight files."""

from __future__ import annotations

import io
from bisect import bisect_left
from itertools import islice
from typing import Any, BinaryIO, NamedTuple, NoReturn

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

    The path is as for `open_bytes`. Features from `n_features` on are ignored; by default there
    are as many as the file uses. They are numbered from 0 if `zero_based`; by default if a
    feature 0 occurs. With `integer_labels` labels have to be integers, and are int64.

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
        try:
            X, zero_based = _numbered(X, n_features, zero_based)
            y = _integers(y) if integer_labels else y
        except _WrongSampleError as error:
            raise error.located(path, file) from None
    kept = X if n_features is None or n_features == X.shape[1] else X[:, :n_features]
    return Svmlight(kept, y, zero_based, X.nnz - kept.nnz)


def _parse(file: BinaryIO) -> tuple[Any, np.ndarray]:
    from sklearn.datasets import load_svmlight_file

    return load_svmlight_file(file, zero_based=True)


def _find_bad_line(path: str, lines: list[bytes]) -> DataError:
    """Return the error of the first line that fails, found by bisection: lines are independent."""
    good = bisect_left(range(1, len(lines)), True, key=lambda n: bool(_problem(lines[:n])))
    shows = shown(lines[good].rstrip(b"\r").decode(errors="replace"))
    problem = _problem(lines[good : good + 1])
    return located(path, good + 1, f"expected 'label index:value …', got {shows} ({problem})")


def _problem(lines: list[bytes]) -> str:
    try:
        _parse(io.BytesIO(b"\n".join(lines)))
    except (ValueError, OverflowError) as error:
        return str(error)
    return ""


class _WrongSampleError(Exception):
    """Problem, and the number of the sample that has it, if it is one."""

    def located(self, path: str, file: BinaryIO) -> DataError:
        """Return the error that names its line."""
        problem, *sample = self.args
        if not sample:
            return DataError(f"{path}: {problem}")
        file.seek(0)
        samples = (n for n, line in enumerate(file, 1) if line.partition(b"#")[0].strip())
        return located(path, next(islice(samples, int(sample[0]), None)), problem)


def _numbered(X: Any, n_features: int | None, zero_based: bool | None) -> tuple[Any, bool]:
    """Number the features from 0 and check the values."""
    if not 0 < X.shape[0] < LIMIT:
        raise _WrongSampleError(f"expected 1 to {LIMIT - 1} samples, got {X.shape[0]}")
    indices, indptr, data = X.indices, X.indptr, X.data

    def fail_at(entry: int, problem: str) -> NoReturn:
        raise _WrongSampleError(problem, np.searchsorted(indptr, entry, side="right") - 1)

    least = int(indices.min()) if indices.size else 1
    zero_based = least == 0 if zero_based is None else zero_based
    if least == 0 and not zero_based:
        expected = "expected features numbered from 1 as in the data of the model"
        fail_at(indices.argmin(), f"{expected}, got feature 0")
    bad = np.flatnonzero(~np.isfinite(data))
    if bad.size:
        fail_at(bad[0], f"expected finite values, got {data[bad[0]]}")
    found = int(indices.max()) + zero_based if indices.size else 0
    if n_features is None and not found:
        raise _WrongSampleError("expected features, got none in any line")
    if n_features is None and found > max(_MOST_UNUSED, 8 * indices.size):
        got = f"feature {indices.max()} in data of {indices.size} entries"
        fail_at(indices.argmax(), f"expected features numbered without large gaps, got {got}")
    compact = np.int32 if max(indices.size, found) < LIMIT else np.int64
    rows = sp.csr_array(
        (data, indices.astype(compact) - compact(not zero_based), indptr.astype(compact)),
        shape=(X.shape[0], max(found, n_features or 0)),
    )
    return rows, zero_based


def _integers(y: np.ndarray) -> np.ndarray:
    bad = np.flatnonzero(~(np.abs(y) < 2.0**53) | (y != np.rint(y)))
    if bad.size:
        problem = f"expected an integer as label of a class, got {y[bad[0]]:g}"
        raise _WrongSampleError(problem, bad[0])
    return y.astype(np.int64)

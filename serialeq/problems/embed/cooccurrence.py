"""Which words of texts occur near each other, and how often."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from math import lcm
from typing import Any

import numpy as np
import scipy.sparse as sp

from serialeq.errors import DataError
from serialeq.reading.lines import shown


def count_pairs(
    texts: Iterable[str], window: int = 5, min_count: int = 5
) -> tuple[np.ndarray, sp.csr_array]:
    """Count pairs of words that are at most `window` words apart (1 to 20).

    Words are found as scikit-learn does: lower case, of two letters or digits and more. Windows
    do not reach from one text into another. A pair at distance d adds 1/d; the sums are exact
    up to one rounding, whatever their order. Words that occur less than `min_count` times are left
    out of the vocabulary; they keep their places in the window.

    Returns
    -------
    vocabulary : array of str, shape (n_words,)
        Ascending.
    counts : csr_array of float64, shape (n_words, n_words)
        Symmetric, canonical.

    DataError: if a text is no string, or no word or pair is left.
    """
    tokens = _tokens(texts)
    frequencies = Counter(word for text in tokens for word in text)
    vocabulary = sorted(word for word, count in frequencies.items() if count >= min_count)
    if not vocabulary:
        raise DataError(
            f"texts: expected words that occur {min_count} times (min_count), got none among "
            f"{len(frequencies)} different words of {len(tokens)} texts"
        )
    numbers = {word: i for i, word in enumerate(vocabulary)}
    words = np.array([numbers.get(w, -1) for text in tokens for w in text], dtype=np.int32)
    text_of = np.repeat(np.arange(len(tokens)), [len(text) for text in tokens])
    unit, shape = lcm(*range(1, window + 1)), (len(vocabulary),) * 2
    sums = sp.csr_array(shape, dtype=np.int64)
    for distance in range(1, window + 1):
        first, second = words[:-distance], words[distance:]
        near = (first >= 0) & (second >= 0) & (text_of[:-distance] == text_of[distance:])
        ones = np.ones(np.count_nonzero(near), dtype=np.int64)
        pairs = sp.csr_array((ones, (first[near], second[near])), shape=shape)
        sums += pairs * (unit // distance)
    if not sums.nnz:
        raise DataError(f"texts: expected words within {window} words of each other, got none")
    both = sp.csr_array(sums + sums.T)
    both.sort_indices()
    counts = both.data / unit  # SciPy would multiply by the inverse
    return np.array(vocabulary), sp.csr_array((counts, both.indices, both.indptr), shape=shape)


def _tokens(texts: Iterable[str]) -> list[list[str]]:
    from sklearn.feature_extraction.text import CountVectorizer

    analyse = CountVectorizer(lowercase=True, token_pattern=r"(?u)\b\w\w+\b").build_analyzer()
    found = []
    for i, text in enumerate(texts):
        if not isinstance(text, str):
            raise DataError(f"texts[{i}]: expected a string, got {shown(text)}")
        found.append(analyse(text))
    return found


def check_counts(X: Any) -> sp.csr_array:
    """Return a square matrix of counts as canonical CSR, without the zeros that it stores.

    DataError: if it is not square, or a count is not a finite number above 0 (or is subnormal).
    """
    if X.ndim != 2 or X.shape[0] != X.shape[1]:
        raise DataError(f"X: expected a square matrix of counts, got shape {X.shape}")
    if X.dtype.kind not in "iufb":
        raise DataError(f"X: expected numbers, got a matrix of {X.dtype}")
    counts = sp.csr_array(X, dtype=np.float64, copy=True)
    counts.sum_duplicates()
    counts.eliminate_zeros()
    bad = ~(np.isfinite(counts.data) & (counts.data >= np.finfo(np.float64).tiny))
    if bad.any():
        at = int(np.argmax(bad))
        row = int(np.searchsorted(counts.indptr, at, side="right")) - 1
        raise DataError(
            f"X[{row}, {counts.indices[at]}]: expected a count above 0, got {counts.data[at]}"
        )
    if not counts.nnz:
        raise DataError(f"X: expected counts, got none in a matrix of shape {X.shape}")
    return counts

"""Words of a vocabulary: as an array, and by the likeness of their vectors."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Number
from typing import Any

import numpy as np

from serialeq.training.parameters import Whole


def pack_words(words: Sequence[Any]) -> np.ndarray:
    """Return words as lines of UTF-8, or whatever else they are as an array."""
    texts = all(isinstance(word, str) for word in words)
    if texts and not any("\n" in word for word in words):
        return np.frombuffer("\n".join(words).encode(), dtype=np.uint8)
    if texts or all(isinstance(word, Number) for word in words):
        packed = np.array(words)
        return packed.astype(np.int64) if packed.dtype == np.uint8 else packed
    return np.fromiter(words, dtype=object, count=len(words))  # which is nothing for a file


def unpack_words(packed: np.ndarray) -> list[Any]:
    """Return what `pack_words` was given."""
    return packed.tobytes().decode().split("\n") if packed.dtype == np.uint8 else packed.tolist()


def nearest(vectors: np.ndarray, words: Sequence[Any], row: int, n: int) -> list[tuple[Any, float]]:
    """Return the `n` words nearest by cosine to another, that of a row, and the cosines."""
    Whole(1)("n", n)
    own = vectors[row]
    products, squares = np.zeros(len(words)), np.zeros(len(words))
    for k in range(vectors.shape[1]):  # one order of summation on every machine
        column = vectors[:, k].astype(np.float64)
        products += column * float(own[k])
        squares += column * column
    lengths = np.sqrt(squares)
    with np.errstate(invalid="ignore", divide="ignore"):  # a vector may be 0
        cosines = products / (lengths * lengths[row])
    cosines[np.isnan(cosines)] = 0.0
    best = np.argsort(-cosines, kind="stable")
    best = best[best != row][:n]
    return [(words[i], float(cosines[i])) for i in best]

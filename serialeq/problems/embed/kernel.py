"""Pairs of words that occur near each other, and what GloVe makes of their counts.

Pennington, Socher, Manning, *GloVe: Global Vectors for Word Representation*, EMNLP 2014: two
words at distance d count 1/d, and a pair of count x weighs ``min(1, x / x_max)**alpha`` in the
squared error of log x.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from serialeq.native.elementary import exp, log
from serialeq.native.jit import jit


@jit
def pairs_in_windows(words: Any, bounds: Any, n_words: int, window: int) -> Any:
    """Return every ordered pair of words at most `window` apart in one text.

    Parameters
    ----------
    words : (n,) int32
        The words of all texts, one text after the other; −1: not in the vocabulary.
    bounds : (n_texts + 1,) int64
        Text t consists of ``words[bounds[t]:bounds[t + 1]]``.
    n_words, window : int

    Returns
    -------
    keys : (m,) int64
        ``(first * n_words + second) * (window + 1) + distance``.
    """
    keys = np.empty(words.size * window * 2, np.int64)
    m = 0
    for t in range(bounds.size - 1):
        for i in range(bounds[t], bounds[t + 1]):
            for j in range(max(bounds[t], i - window), i):
                if words[i] >= 0 and words[j] >= 0:
                    a, b = np.int64(words[i]), np.int64(words[j])
                    keys[m] = (a * n_words + b) * (window + 1) + (i - j)
                    keys[m + 1] = (b * n_words + a) * (window + 1) + (i - j)
                    m += 2
    return keys[:m]


@jit
def add_up_pairs(keys: Any, window: int, unit: int) -> Any:
    """Return the distinct pairs of sorted `keys`, and the sum of ``unit / distance`` of each.

    `unit` is a multiple of every distance, so the sums are of integers.
    """
    pairs, sums = np.empty(keys.size, np.int64), np.empty(keys.size, np.int64)
    m = -1
    for key in keys:
        pair = key // (window + 1)
        if m < 0 or pairs[m] != pair:
            m += 1
            pairs[m], sums[m] = pair, 0
        sums[m] += unit // (key % (window + 1))
    return pairs[: m + 1], sums[: m + 1]


@jit
def targets_and_weights(
    counts: Any, x_max: float, alpha: float, targets: Any, weights: Any
) -> None:
    """Set `targets` to log x and `weights` to ``min(1, x / x_max)**alpha`` of each count x.

    Computed in float64 by the package's own functions and rounded once.
    """
    log_max = log(x_max)
    for k in range(counts.size):
        logarithm = log(counts[k])
        targets[k] = logarithm
        weights[k] = exp(alpha * (logarithm - log_max)) if logarithm < log_max else 1.0

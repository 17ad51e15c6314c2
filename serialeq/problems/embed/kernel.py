"""What GloVe makes of counts of pairs of words.

Pennington, Socher, Manning, *GloVe: Global Vectors for Word Representation*, EMNLP 2014: two
words at distance d count 1/d, and a pair of count x weighs ``min(1, x / x_max)**alpha`` in the
squared error of log x.
"""

from __future__ import annotations

from typing import Any

from serialeq.native.elementary import exp, log
from serialeq.native.jit import jit


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

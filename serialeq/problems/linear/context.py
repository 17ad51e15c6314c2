"""What the kernels of linear models work on."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

BOUND, TROUBLE, WORST = 0, 1, 2
"""Places in ``state``: bound of max|v|; 1 + the first update beyond the limit; the bound there."""

SCALE, GAIN, STEP, PASSED, COUNTED = range(5)
"""Columns of ``rates``."""


class LinearContext(NamedTuple):
    """What the kernels work on: n rows, C outputs, P slices of columns, V rows of weights.

    Rows are numbered as they were laid out (`serialeq.problems.linear.layout.Layout`).
    With one output, weights are scalars; with more, rows padded to whole vectors.
    """

    samples: np.ndarray
    """(m,) int32: row at each packed position."""
    times: np.ndarray
    """(m,) int32: serial position of each packed position; (0,) in the sliced kernel."""
    ptr: np.ndarray
    """(P, n + 1) int64: where each row's entries start in each slice; (0, 0) if dense."""
    columns: np.ndarray
    """(nnz,) uint32: row of ``weights``; (0,) if dense."""
    values: np.ndarray
    """(nnz,) or, if dense, (P * n * row width,) int16 or float32."""
    targets: np.ndarray
    """(n, C) float64."""
    importance: np.ndarray
    """(n, C) float64: sample weight times class weight; (0, 0) unless `weighted`."""
    rates: np.ndarray
    """(updates, 3 or, if `averaged`, 5) float64, per update: scale before, eta / scale after (these
    two in units of margins and factors), eta; A before; 1 if the update counts, else 0."""
    folds: np.ndarray
    """(periods, 2) float64: what v is multiplied by at the start of each period; A there, which
    begins anew. 1 and 0 if nothing is done."""
    weights: np.ndarray
    """(V * C or V * padded C,) float64."""
    sums: np.ndarray
    """The same: u, if `averaged`, else (0,)."""
    first_column: np.ndarray
    """(P + 1,) int64: row of ``weights`` where each slice starts."""
    row_width: int
    """Entries of a dense row in each slice: its columns, and zeros; 0 if sparse."""
    intercept: np.ndarray
    """(P, 2 room) float64: each worker's copy, and its sum."""
    state: np.ndarray
    """(P, 16) float64: each worker's copy; see `BOUND`, `TROUBLE`, `WORST`."""
    partial: np.ndarray
    """(2, P, room) float64: margins of a block, from each slice; a mini-batch's slopes replace the
    first slice's. (0, 0, 0) in the row kernel."""
    gram: np.ndarray
    """(blocks * s * padded s,) int32: x_j.x_k in units of 2^-2a; (0,) unless needed."""
    scratch: np.ndarray
    """(3 P, room) float64: an exact block's margins; factors; factors that are not zero."""
    digits: np.ndarray
    """(4 V,) int16: weights as `serialeq.problems.linear.packed` wants them, up to three digits,
    with room for four, so that slices lie on whole pages; (0,) without them."""
    pairs: np.ndarray
    """(P, room) int32: the same for factors."""
    rows: np.ndarray
    """(P, room) int64: the rows whose factors are not zero, then where they start."""
    epsilon: float
    most: float
    """Largest |q|."""
    limit: float
    """Largest max|v| for which everything is exact."""
    intercept_decay: float
    loss: int
    n_outputs: int
    width: int
    """Vectors per row of ``weights``; 0 with one output."""
    block: int
    period: int
    """Samples between places where weights may be renewed; a multiple of `block`."""
    dense: bool
    lattice: bool
    weighted: bool
    with_intercept: bool
    averaged: bool
    simultaneous: bool
    """Mini-batch: all samples of a block see the weights at its start."""

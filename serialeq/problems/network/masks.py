"""Dropout masks: which groups of hidden units each sample keeps in an epoch."""

from __future__ import annotations

import numpy as np

from serialeq.native.random import permutation, stream_key

from .kernel import draw_masks, draw_parts

MASKS = ("partition", "independent")


def draw_kept(
    n_samples: int, n_groups: int, n_kept: int, masks: str, seed: int, epoch: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the groups that each sample keeps, and the variable that each group belongs to.

    A function of the arguments alone (indexed randomness), so supports are known before training.

    Returns
    -------
    kept : array of uint32, shape (n_samples, n_kept)
        Ascending.
    variable : array of int64, shape (n_groups,)
        With independent masks the group itself, else its part of the epoch's partition.
    """
    key = stream_key(seed, "masks", epoch)
    kept = np.empty((n_samples, n_kept), dtype=np.uint32)
    variable = np.arange(n_groups)
    if masks == "independent":
        draw_masks(kept, n_groups, key)
    else:
        groups = permutation(n_groups, stream_key(seed, "parts", epoch))
        variable[groups] = np.arange(n_groups) // n_kept
        draw_parts(kept, groups, key)
    return kept, variable

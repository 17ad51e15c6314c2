"""Dropout masks: which groups of hidden units each sample keeps in an epoch."""

from __future__ import annotations

import numpy as np

from serialeq.errors import SerialeqError
from serialeq.native.random import permutation, stream_key

from .kernel import draw_masks, draw_parts

MASKS = ("partition", "independent")


def check_groups(hidden_units: int, n_groups: int, n_kept: int, masks: str) -> None:
    """Raise SerialeqError unless units can be grouped, and groups kept, like this."""
    if hidden_units < 1 or n_groups < 1 or hidden_units % n_groups:
        raise SerialeqError(
            f"n_groups: expected a divisor of hidden_units={hidden_units}, got {n_groups}"
        )
    if not 1 <= n_kept <= n_groups:
        raise SerialeqError(f"n_kept: expected 1 to n_groups={n_groups}, got {n_kept}")
    if masks not in MASKS:
        raise SerialeqError(f"masks: expected one of {', '.join(MASKS)}, got {masks!r}")
    if masks == "partition" and n_groups % n_kept:
        raise SerialeqError(
            f"n_kept: expected a divisor of n_groups={n_groups} with masks='partition', "
            f"got {n_kept}"
        )


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

"""The grid of user blocks × item blocks: how many, and who is in which."""

from __future__ import annotations

import numpy as np

_BLOCK_BYTES = 1 << 17  # rows of a user block and an item block: well inside a second-level cache
_MIN_BLOCKS, _MAX_BLOCKS = 16, 256
_SAMPLES_PER_TASK = 256
_SAMPLES_PER_ROW = 4  # of a task, on average


def grid_blocks(shape: tuple[int, int], n_samples: int, row_bytes: int) -> int:
    """Return into how many blocks users and items are cut: a power of two.

    As few as make a user block and an item block fit the cache together, but no more than leave
    each row a few samples in a task, which has to fetch it; at least 16 where that leaves 256
    samples to a task. A function of the data and the rank only.
    """
    n_rows, blocks = sum(shape), 1
    while blocks < _MAX_BLOCKS and n_samples >= (2 * blocks) ** 2 * _SAMPLES_PER_TASK:
        fit = n_rows * row_bytes <= blocks * _BLOCK_BYTES
        sparse = n_samples < 2 * blocks * n_rows * _SAMPLES_PER_ROW
        if blocks >= _MIN_BLOCKS and (fit or sparse):
            break
        blocks *= 2
    return blocks


def balanced_rows(degrees: np.ndarray, n_blocks: int) -> tuple[np.ndarray, np.ndarray]:
    """Deal variables to blocks of equal degree and number the rows block after block.

    Returns the row of each variable, and the block of each row, ascending; both uint32 (n,).
    """
    n = degrees.size
    by_degree = np.argsort(-degrees, kind="stable")
    turn = np.arange(n) % (2 * n_blocks)
    block = np.where(turn < n_blocks, turn, 2 * n_blocks - 1 - turn)  # there and back again
    dealt = np.argsort(block, kind="stable")
    rows = np.empty(n, dtype=np.uint32)
    rows[by_degree[dealt]] = np.arange(n, dtype=np.uint32)
    return rows, block[dealt].astype(np.uint32)

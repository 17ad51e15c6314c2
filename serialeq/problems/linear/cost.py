"""What linear models cost, before they are trained: time per sample, memory of a plan.

Times are nanoseconds, measured on text and on dense data on one machine; only their ratios matter.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .packed import LEAST_ROWS

BLOCKS = (1, 2, 4, 8, 16, 32, 64)
"""The sizes that a block can have."""

_RESPONSE, _MORE_OUTPUTS = 70.0, 6.0  # a sample's own steps: the first output, and each other one
_SPARSE, _DENSE = 0.75, 0.3  # an entry: inner product and update
_PACKED, _SPLIT = 0.16, 0.5  # a dense entry in blocks, and a weight cut into digits for each
_WIDE = 5.0  # the same with several outputs: a vector of 8 weights
_RARE_RESPONSE, _RARE_ROW = 0.5, 0.5  # where texts are soon on the right side
_GRAM_SPARSE, _GRAM_DENSE = 0.9, 0.035  # an entry times 16 samples; an entry times one sample
_RECURRENCE = 1.2  # a vector of 8 margins
_EXCHANGE = 256.0  # a block's, on one worker; it grows with the logarithm of the workers
_EPOCHS = 10  # that share the cost of a plan
_WORKERS = 2  # that a block is chosen for: it is part of the default order, so it may not depend
_ROOM = 64 << 20  # bytes that waits or scratch may always take


@dataclass(frozen=True)
class LinearCost:
    """Costs of one sample of a linear model."""

    n_samples: int
    """Of an epoch, repeats counted."""
    entries: float
    """Mean number of entries of a row."""
    n_features: int
    n_outputs: int
    dense: bool
    rarely_moves: bool
    """Most samples need no update after the first epochs (hinge losses on text)."""

    @property
    def _own(self) -> float:
        own = _RESPONSE + _MORE_OUTPUTS * (self.n_outputs - 1)
        return own * _RARE_RESPONSE if self._seldom else own

    @property
    def _seldom(self) -> bool:
        return self.rarely_moves and not self.dense

    def _row(self, entry: float) -> float:
        wide = _WIDE * -(-self.n_outputs // 8)
        time = self.entries * (entry if self.n_outputs == 1 else wide * entry)
        return time * _RARE_ROW if self._seldom else time

    def serial(self) -> float:
        """Return the time of a sample in the serial engine."""
        return self._own + self._row(_DENSE if self.dense else _SPARSE)

    def lookahead(self, block: int, n_workers: int) -> float:
        """Return the time of a sample with blocks of `block` samples, planning left out.

        What every worker does bounds the speed for any number: ``proofs/limits.md``, L2.1.
        """
        packed = self.dense and self.n_outputs == 1 and block >= LEAST_ROWS
        shared = self._row(
            _PACKED + _SPLIT / block if packed else _DENSE if self.dense else _SPARSE
        )
        vectors = -(-block // 8) if self.n_outputs == 1 else block * -(-self.n_outputs // 8)
        exchange = _EXCHANGE * np.log2(2 * n_workers) / block
        return float(self._own + _RECURRENCE * vectors + exchange + shared / n_workers)

    def planning(self, block: int, n_workers: int) -> float:
        """Return the time of a sample's inner products with its block."""
        if block == 1:
            return 0.0
        each = _GRAM_DENSE * block / 2 if self.dense else _GRAM_SPARSE * -(-block // 16)
        return self.entries * each / n_workers

    def best_block(self) -> int:
        """Return the size of blocks with the least time, planning included.

        It is a function of the data alone, not of the workers: the default order consists of
        blocks.
        """
        return min(
            BLOCKS,
            key=lambda block: (
                self.lookahead(block, _WORKERS) + self.planning(block, _WORKERS) / _EPOCHS
            ),
        )

    def memory(self, block: int, n_workers: int, n_threads: int) -> dict[str, int]:
        """Return the bytes of a plan of lookahead, by what they are for."""
        n_steps = -(-self.n_samples // block) + 1
        workers = self.most_workers(n_steps, n_workers)
        n_entries = round(self.entries * self.n_samples)
        rows = 0 if self.dense else workers * (self.n_samples + 1) * 8 + n_entries * 4
        threads = self.most_threads(block, n_threads)
        return {
            "slices": n_entries * 2 + rows,
            "gram": self.n_samples * (-(-block // 8) * 8) * 4,
            "waits": _waits(n_steps, workers),
            "scratch": 0 if self.dense else threads * self._scratch(block),
        }

    def most_workers(self, n_steps: int, n_workers: int) -> int:
        """Return how many of the workers have waits that fit: each waits for each in each step."""
        while n_workers > 1 and _waits(n_steps, n_workers) > self._room:
            n_workers -= 1
        return n_workers

    def most_threads(self, block: int, n_threads: int) -> int:
        """Return how many of the threads have room to spread rows over lanes; at least one."""
        return max(1, min(n_threads, self._room // max(self._scratch(block), 1)))

    @property
    def _room(self) -> int:
        return max(_ROOM, int(self.entries * self.n_samples * 6))

    def _scratch(self, block: int) -> int:
        """Return the bytes that a thread needs for inner products, of rows of equal length."""
        entries = round(block * self.entries)
        spread = 2 * (-(-block // 16) * 16) * min(entries, self.n_features)
        return 4 * self.n_features + spread + 8 * entries


def _waits(n_steps: int, n_workers: int) -> int:
    return n_steps * n_workers * (8 * (n_workers - 1) + 40)

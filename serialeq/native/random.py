"""Indexed randomness: value i of a stream is a function of (key, i), not of who asks first.

SplitMix64 (Steele, Lea, Flood 2014) applied to a counter: integer arithmetic only, hence the
same on every machine and with every version of NumPy. Keys come from ``numpy.random.SeedSequence``.
"""

from __future__ import annotations

from typing import Any
from zlib import crc32

import numpy as np

from .jit import inline, jit


def stream_key(seed: int, purpose: str, *indices: int) -> np.uint64:
    """Return the 64-bit key of the stream for one purpose (and epoch, …) under a seed."""
    sequence = np.random.SeedSequence([seed, crc32(purpose.encode()), *indices])
    return sequence.generate_state(1, np.uint64)[0]


@inline
def mix(key: Any, counter: Any) -> Any:
    """Return 64 random bits for a counter."""
    z = np.uint64(key) + (np.uint64(counter) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@inline
def _swap_below(values: Any, start: Any, i: Any, bits: Any) -> None:
    """Swap ``values[start + i]`` with a place in ``start..start + i`` chosen by 32 bits."""
    j = start + np.uintp((np.uint64(bits) * np.uint64(i + np.uintp(1))) >> np.uint64(32))
    values[start + i], values[j] = values[j], values[start + i]


@jit
def shuffle(values: Any, start: int, stop: int, key: Any) -> None:
    """Shuffle ``values[start:stop]`` (Fisher–Yates); at most 2**32 values."""
    first = np.uintp(start)
    i = np.uintp(max(stop - start - 1, 0))
    while i > np.uintp(0):  # two draws from each 64 bits
        bits = mix(key, i)
        _swap_below(values, first, i, bits >> np.uint64(32))
        i -= np.uintp(1)
        if i > np.uintp(0):
            _swap_below(values, first, i, bits & np.uint64(0xFFFFFFFF))
            i -= np.uintp(1)


@jit
def permutation(n: int, key: Any) -> Any:
    """Return a random permutation of ``0..n-1`` (int32)."""
    values = np.arange(n).astype(np.int32)
    shuffle(values, 0, n, key)
    return values


@jit
def fill_uniform(rows: Any, width: int, low: float, high: float, key: Any) -> None:
    """Set ``rows[:, :width]`` to uniform values in [low, high) with 24 random bits each."""
    for i in range(rows.shape[0]):
        for j in range(width):
            bits = mix(key, i * width + j) >> np.uint64(40)
            rows[i, j] = low + (high - low) * (np.float64(bits) * 2.0**-24)

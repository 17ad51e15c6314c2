"""Texts in which words of a kind are seen together."""

from __future__ import annotations

import numpy as np


def texts(n: int = 300, seed: int = 0) -> list[str]:
    """Return texts of two kinds; one word in eight is of the other kind."""
    rng = np.random.default_rng(seed)
    kinds = [[f"{kind}{i}" for i in range(12)] for kind in ("sea", "land")]
    other = rng.random((n, 20)) < 1 / 8
    return [
        " ".join(kinds[(i + swap) % 2][rng.integers(12)] for swap in other[i]) for i in range(n)
    ]


def documents(n: int = 240, seed: int = 0) -> list[str]:
    """Return texts of three kinds, each with words of its own and some of all."""
    rng = np.random.default_rng(seed)
    kinds = [[f"{kind}{i}" for i in range(12)] for kind in ("sea", "land", "sky")]
    common = [f"any{i}" for i in range(4)]
    return [" ".join(rng.choice(kinds[i % 3] + common, 15)) for i in range(n)]

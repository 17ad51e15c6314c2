"""Digests: 64 hex digits that say which model this is."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np


def digest_arrays(arrays: Mapping[str, np.ndarray]) -> str:
    """Return the sha256 over the arrays' names, dtypes, shapes and little-endian C-order bytes."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        little = array.astype(array.dtype.newbyteorder("<"), copy=False)
        digest.update(f"{name} {little.dtype.str} {array.shape}\n".encode())
        digest.update(little.data)
    return digest.hexdigest()

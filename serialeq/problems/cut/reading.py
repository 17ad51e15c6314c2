"""Read what is to be cut: arrays of NumPy, and sparse matrices of SciPy."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

from serialeq.errors import DataError


def read_image_or_graph(path: Path) -> Any:
    """Return the array of a ``.npy`` file, or a ``.npz`` file's sparse matrix; or DataError."""
    if path.suffix != ".npz":
        return read_array("image", path)
    try:
        return sp.load_npz(path)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"graph: cannot read {path} as a scipy sparse matrix: {error}") from error


def read_array(name: str, path: Path) -> np.ndarray:
    """Return the array of a ``.npy`` file; DataError if it is none."""
    try:
        array = np.load(path, allow_pickle=False)
        if isinstance(array, np.ndarray):
            return array
        array.close()
        raise ValueError("it holds several arrays")
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{name}: cannot read {path} as a NumPy array: {error}") from error

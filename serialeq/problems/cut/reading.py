"""Read what is to be cut: arrays of NumPy, and sparse matrices of SciPy."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

from serialeq.errors import DataError


def read_image_or_graph(path: Path) -> Any:
    """Return the array of a ``.npy`` file, or the sparse matrix of a ``.npz`` file.

    Raises
    ------
    DataError
        If the file is neither.
    """
    if path.suffix != ".npz":
        return _read_array("image", path)
    try:
        return sp.load_npz(path)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"graph: cannot read {path} as a scipy sparse matrix: {error}") from error


def read_seeds(path: Path) -> np.ndarray:
    """Return the array of a ``.npy`` file.

    Raises
    ------
    DataError
        If it is none.
    """
    return _read_array("seeds", path)


def _read_array(name: str, path: Path) -> np.ndarray:
    try:
        array = np.load(path, allow_pickle=False)
        if isinstance(array, np.ndarray):
            return array
        array.close()
        raise ValueError("it holds several arrays")
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{name}: cannot read {path} as a NumPy array: {error}") from error

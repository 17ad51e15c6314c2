"""Arrays as bytes (.npz, the same bytes for the same arrays) and back."""

from __future__ import annotations

import io
from collections.abc import Mapping

import numpy as np

from serialeq.errors import DataError


def pack_arrays(arrays: Mapping[str, np.ndarray]) -> bytes:
    """Return an uncompressed .npz; NumPy stamps its members with one fixed date."""
    file = io.BytesIO()
    np.savez(file, **{name: arrays[name] for name in sorted(arrays)})  # type: ignore[arg-type]
    return file.getvalue()


def unpack_arrays(content: bytes, name: str) -> dict[str, np.ndarray]:
    """Return the arrays of an .npz, from which no code is run; DataError if it is none."""
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            return {key: np.asarray(file[key]) for key in file.files}
    except Exception as error:  # zipfile and NumPy raise a dozen kinds for damaged files
        raise DataError(f"{name}: expected a whole .npz, got: {error}") from error

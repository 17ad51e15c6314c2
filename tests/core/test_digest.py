"""A digest covers names, types, shapes and values, and nothing of how they lie in memory."""

from __future__ import annotations

import hashlib
import struct
from typing import Any

import numpy as np
import pytest

from serialeq.digest import digest_arrays

BASE = {"a": np.arange(6.0).reshape(2, 3), "b": np.zeros(2, np.float32)}


@pytest.mark.parametrize(
    "same",
    [
        {"b": BASE["b"], "a": BASE["a"]},
        {**BASE, "a": np.asfortranarray(BASE["a"])},
        {**BASE, "a": np.repeat(BASE["a"], 2, axis=1)[:, ::2]},
        {**BASE, "a": BASE["a"].astype(">f8")},
    ],
    ids=["order of names", "Fortran order", "strides", "byte order"],
)
def test_memory_does_not_show(same: Any) -> None:
    assert digest_arrays(same) == digest_arrays(BASE)


@pytest.mark.parametrize(
    "other",
    [
        {"a": BASE["a"]},
        {"a": BASE["a"], "c": BASE["b"]},
        {**BASE, "a": BASE["a"].astype(np.float32)},
        {**BASE, "a": BASE["a"].astype(np.int64)},
        {**BASE, "a": BASE["a"].reshape(3, 2)},
        {**BASE, "a": BASE["a"].T},
        {**BASE, "a": np.nextafter(BASE["a"], 9)},
        {**BASE, "b": -BASE["b"]},
    ],
    ids=["fewer", "name", "precision", "type", "shape", "transposed", "last bit", "sign of zero"],
)
def test_every_difference_shows(other: Any) -> None:
    assert digest_arrays(other) != digest_arrays(BASE)


def test_a_digest_can_be_computed_by_hand() -> None:
    data = b"a <f8 (2, 3)\n" + struct.pack("<6d", *range(6)) + b"b <f4 (2,)\n" + bytes(8)
    assert digest_arrays(BASE) == hashlib.sha256(data).hexdigest()
    assert digest_arrays({}) == hashlib.sha256().hexdigest()

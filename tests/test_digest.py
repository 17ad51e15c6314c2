"""A digest covers names, types, shapes and values, and nothing of how they lie in memory."""

from __future__ import annotations

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


def test_the_digest_of_some_arrays() -> None:
    expected = "?"
    assert digest_arrays(BASE) == expected
    assert digest_arrays({}) == (
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    )

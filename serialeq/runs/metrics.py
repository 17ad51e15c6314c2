"""``metrics.jsonl``: a line for each epoch, each with the sha256 of all lines up to it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from types import NoneType

from serialeq.errors import DataError
from serialeq.training.callbacks import EpochRecord

from .manifest import canonical

NAME = "metrics.jsonl"
_LOSS = (float, NoneType)
_TYPES = {"epoch": (int,), "seconds": (float,), "loss": _LOSS, "validation_loss": _LOSS,
          "sha256": (str,)}  # fmt: skip


def encode_line(record: EpochRecord, before: str) -> tuple[bytes, str]:
    """Return the line of an epoch and its sha256, given that of the line before ("" at first)."""
    content = asdict(record)
    seal = hashlib.sha256(before.encode() + canonical(content)).hexdigest()
    return canonical(content | {"sha256": seal}) + b"\n", seal


def decode_lines(content: bytes, n_lines: int, name: str) -> tuple[list[EpochRecord], str, int]:
    """Return the first records, the sha256 of the last of them, and their size in bytes.

    DataError: there are fewer lines, or one, which it names, was changed.
    """
    records: list[EpochRecord] = []
    seal, size = "", 0
    lines = content.split(b"\n")[:-1]  # the last piece is no whole line
    if len(lines) < n_lines:
        raise DataError(f"{name}: expected {n_lines} lines, got {len(lines)}")
    for number, line in enumerate(lines[:n_lines], 1):
        try:
            given = json.loads(line)
            if given.keys() != _TYPES.keys():
                raise ValueError(f"keys {sorted(given)}")
            if wrong := [key for key, types in _TYPES.items() if type(given[key]) not in types]:
                raise ValueError(f"{wrong[0]} {given[wrong[0]]!r}")
            del given["sha256"]
            record = EpochRecord(**given)
            again, seal = encode_line(record, seal)
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise DataError(f"{name}, line {number}: expected an epoch, got: {error}") from error
        if again != line + b"\n":
            raise DataError(f"{name}, line {number}: sha256: the line was changed or damaged")
        records.append(record)
        size += len(again)
    return records, seal, size

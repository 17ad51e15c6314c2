"""Texts from files, a line each, with or without labels."""

from __future__ import annotations

import contextlib
import math
from typing import Any

import numpy as np

from serialeq.errors import DataError

from .lines import check_label, located, read_lines, shown


def read_labelled_texts(path: str, *, numbers: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Read lines of label, tab and text; blank lines are skipped.

    Returns
    -------
    labels : array of str, or of finite float64 if they are to be `numbers`, shape (n,)
    texts : array of objects, shape (n,)

    DataError: if the file cannot be read, or a line is not a label and a text; names the line.
    """
    labels: list[Any] = []
    texts = []
    for number, line in enumerate(read_lines(path), 1):
        if not line.strip():
            continue
        label, tab, text = line.partition("\t")
        label = label.strip()
        try:
            if not tab:
                raise DataError(f"expected label, tab and text, got {shown(line)}")
            check_label(label)
            labels.append(_finite(label) if numbers else label)
        except DataError as error:
            raise located(path, number, error) from None
        texts.append(text)
    if not texts:
        raise DataError(f"{path}: expected lines of label, tab and text, got an empty file")
    return np.array(labels), np.array(texts, dtype=object)


def _finite(label: str) -> float:
    with contextlib.suppress(ValueError):
        if math.isfinite(value := float(label)) and "_" not in label:  # Python reads 1_000
            return value
    raise DataError(f"expected a finite number as label, got {shown(label)}")


def read_texts(path: str) -> list[str]:
    """Read one text per line, or label, tab and text per line if the first line has a tab.

    Without labels every line counts, also a blank one.

    Raises
    ------
    DataError
        If the file cannot be read or is empty, or a line has no tab unlike the first; names the
        line.
    """
    lines = read_lines(path)
    if not lines:
        raise DataError(f"{path}: expected lines of text, got an empty file")
    if "\t" not in lines[0]:
        return lines
    for number, line in enumerate(lines, 1):
        if line.strip() and "\t" not in line:
            expected = "expected label, tab and text as in line 1"
            raise located(path, number, f"{expected}, got {shown(line)}")
    return [line.partition("\t")[2] for line in lines if line.strip()]

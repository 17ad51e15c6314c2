"""Texts from files, a line each, with or without labels.

Whatever is wrong with a file is a `DataError` that names the line, what was expected and what
came.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from serialeq.errors import DataError

from .lines import check_label, located, read_lines, shown


class Texts(NamedTuple):
    """Labels and texts, and from which lines."""

    labels: list[str]
    texts: list[str]
    lines: list[int]


def read_labelled_texts(path: str) -> Texts:
    """Read lines of label, tab and text (UTF-8); blank lines are skipped.

    Raises
    ------
    DataError
        If the file cannot be read, or a line has no tab; names the line.
    """
    texts = Texts([], [], [])
    for number, line in enumerate(read_lines(path), 1):
        if not line.strip():
            continue
        label, tab, text = line.partition("\t")
        label = label.strip()
        if not tab:
            raise located(path, number, f"expected label, tab and text, got {shown(line)}")
        try:
            check_label(label)
        except DataError as error:
            raise located(path, number, error) from None
        texts.labels.append(label)
        texts.texts.append(text)
        texts.lines.append(number)
    if not texts.lines:
        raise DataError(f"{path}: expected lines of label, tab and text, got an empty file")
    return texts


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


def numbers_of(path: str, texts: Texts) -> np.ndarray:
    """Return the labels as finite numbers.

    Raises
    ------
    DataError
        If a label is none; names the line.
    """
    values = np.empty(len(texts.labels))
    for i, label in enumerate(texts.labels):
        try:
            values[i] = float(label)
        except ValueError:
            values[i] = np.nan
        if not np.isfinite(values[i]):
            problem = f"expected a finite number as label, got {shown(label)}"
            raise located(path, texts.lines[i], problem)
    return values

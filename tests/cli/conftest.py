"""Files that the command line's linear models are given."""

import numpy as np
import pytest
from cli.linear_data import CLASSES, documents


@pytest.fixture(scope="module")
def svm(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "data.svm"
    lines = []
    for label, words in documents(400, 2):
        columns, counts = np.unique(words, return_counts=True)
        size = np.sqrt((counts**2).sum())
        pairs = zip(columns + 1, counts / size, strict=True)
        lines.append(f"{2 * label - 1} " + " ".join(f"{j}:{x:.4f}" for j, x in pairs))
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="module")
def tsv(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "data.tsv"
    texts = (
        f"{CLASSES[label]}\t" + " ".join(f"wört{k}" for k in words) + "\n"
        for label, words in documents(300)
    )
    path.write_text("".join(texts), encoding="utf-8")
    return path

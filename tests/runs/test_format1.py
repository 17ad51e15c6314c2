"""Runs that version 0.1.0 wrote (format 1): they load, predict as they did, and verify.

``format1/runs`` was written by that version from the files in ``format1``, in a directory
``/data``; ``format1/predictions`` is what its ``predict`` said of the files in ``format1/new``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

import serialeq
from serialeq import (
    DataError,
    MatrixFactorization,
    RunRecorder,
    RunVerifier,
    WordEmbedding,
    read_ratings,
)
from serialeq.runs.directory import read_manifest

HERE = Path(__file__).parent / "format1"
FILES = {
    "mf": ["ratings.csv"],
    "linear": ["data.svm"],
    "linear-text": ["texts.tsv"],
    "regression": ["data.svm"],
    "minibatch": ["data.svm"],
    "cut": ["image.npy", "seeds.npy"],
    "embed": ["texts.tsv"],
    "topics": ["texts.tsv"],
    "network": ["data.svm"],
    "unfinished": ["ratings.csv"],
}
NEW = {"mf": "mf", "hogwild": "mf", "linear": "svm", "linear-text": "text", "regression": "svm",
       "minibatch": "svm", "embed": "word", "topics": "text", "network": "svm"}  # fmt: skip


def test_they_are_of_format_1():
    assert all(read_manifest(path).format == 1 for path in (HERE / "runs").iterdir())


@pytest.mark.parametrize("name", NEW)
def test_they_predict_as_they_did(call, name):
    told, _ = call("predict", HERE / "runs" / name, HERE / "new" / NEW[name])
    assert told == (HERE / "predictions" / f"{name}.csv").read_text()


@pytest.mark.parametrize("name", FILES)
def test_they_are_replayed_to_the_same_bits(call, name):
    moved = [part for file in FILES[name] for part in ("--data", HERE / file)]
    told, _ = call("verify", HERE / "runs" / name, *moved)
    states = read_manifest(HERE / "runs" / name).chain.n_epochs + 1
    model = "" if name == "unfinished" else " and the model"
    assert f"same bits: {states} states{model}, replayed from epoch 0" in told


@pytest.mark.parametrize("name", sorted({*NEW, "cut", "python-mf", "python-embed"}))
def test_they_load(name):
    saved = serialeq.load(HERE / "runs" / name)
    estimator = saved.estimator()
    assert estimator.digest_ == saved.digest
    assert len(estimator.history_) == 3
    assert saved.run["problem"] == saved.about["kind"] == estimator.kind
    assert saved.run["estimator"] == type(estimator).__name__
    if name == "python-embed":  # which said it was a factorisation
        assert estimator.x_max == 5.0
    if name == "minibatch":
        assert (estimator.engine, estimator.batch_size) == ("minibatch", 8)


def test_those_recorded_from_python_are_verified_there():
    ratings = read_ratings(HERE / "ratings.csv")
    counts = sp.csr_array(np.where(np.add.outer(np.arange(8), np.arange(8)) % 3 == 0, 2.0, 0.0))
    for name, model, data in (
        ("python-mf", MatrixFactorization(4, 3), ratings),
        ("python-embed", WordEmbedding(4, 3, x_max=5.0), counts),
    ):
        verifier = RunVerifier(HERE / "runs" / name)
        model.fit(data, callbacks=[verifier])
        assert (verifier.first_difference, verifier.model_differs) == (None, False)


def test_they_are_not_gone_on_with_by_other_code(tmp_path):
    ratings = read_ratings(HERE / "ratings.csv")
    copy = tmp_path / "run"
    copy.mkdir()
    for file in (HERE / "runs/unfinished").iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    with pytest.raises(DataError, match=r"environment\.code: the run was begun with"):
        MatrixFactorization(4, 3).fit(ratings, callbacks=[RunRecorder(copy, resume=True)])

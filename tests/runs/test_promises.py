"""What a run promises, and how often a resumed run reads its checkpoint."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from run_cases import CASES

import serialeq
from serialeq import (
    BestEpoch,
    LinearClassifier,
    MatrixFactorization,
    RunRecorder,
    fit,
    generate_ratings,
)
from serialeq.engines.engine import ENGINES, engine_for, promise_of
from serialeq.problems.example_rows import example_rows

RATINGS = generate_ratings(600, n_users=30, n_items=20, rank=4, seed=1)


@pytest.mark.parametrize(
    ("engine", "promise"),
    [("auto", "serial"), ("lookahead", "serial"), ("minibatch", "repeatable")],
)
def test_a_model_promises_what_its_engine_does(tmp_path, engine, promise):
    X, signs = example_rows()
    model = LinearClassifier(max_iter=2, tol=None, engine=engine, batch_size=16)
    model.fit(X, signs[:, 0], callbacks=[RunRecorder(tmp_path)])
    saved = serialeq.load(tmp_path)
    assert saved.about["promise"] == saved.run["promise"] == promise
    assert "equivalent" not in saved.about
    assert promise_of(saved.estimator().engine) == promise


def test_hogwild_promises_nothing(tmp_path):
    MatrixFactorization(4, 2, engine="hogwild").fit(RATINGS, callbacks=[RunRecorder(tmp_path)])
    assert serialeq.load(tmp_path).about["promise"] == "none"


def test_every_promise_has_an_engine():
    assert {promise_of(name) for name in ENGINES} == {"serial", "repeatable", "none"}
    assert engine_for("serial") == "auto"
    for promise in ("repeatable", "none"):
        assert promise_of(engine_for(promise)) == promise


def test_a_resumed_run_reads_its_last_checkpoint_once(tmp_path, monkeypatch):
    make, order, _ = CASES["mf"]

    def interrupt(record):
        if record.epoch == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(make(), order, n_epochs=3, callbacks=[RunRecorder(tmp_path, every=1), interrupt])
    (checkpoint,) = tmp_path.glob("checkpoint-*.npz")
    read, counted = [], Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: read.append(path.name) or counted(path))
    resumed = fit(make(), order, n_epochs=3, callbacks=[RunRecorder(tmp_path, resume=True)])
    assert read.count(checkpoint.name) == 1
    whole = fit(make(), order, n_epochs=3)
    assert resumed.digest == whole.digest
    assert all(np.array_equal(resumed.trained[k], whole.trained[k]) for k in whole.trained)


def test_a_drawn_seed_is_recorded_and_comes_back(tmp_path):
    model = MatrixFactorization(4, 2, random_state=None)
    model.fit(RATINGS, callbacks=[RunRecorder(tmp_path)])
    again = serialeq.load(tmp_path).estimator()
    assert again.random_state == again.seed_ == model.seed_
    assert again.fit(RATINGS).digest_ == model.digest_


def test_a_restored_model_knows_its_epoch(tmp_path):
    model = MatrixFactorization(16, 60, learning_rate=0.2, schedule="constant", l2=0.0)
    kept = RATINGS.subset(slice(0, 400)), RATINGS.subset(slice(400, None))
    model.fit(kept[0], validation=kept[1], callbacks=[RunRecorder(tmp_path), BestEpoch()])
    again = serialeq.load(tmp_path).estimator()
    assert 0 < model.epoch_ < 60
    assert again.epoch_ == model.epoch_
    assert again.final_losses() == model.final_losses()

"""`serialeq.load`: every estimator comes back from its run directory as it was."""

from __future__ import annotations

import json

import numpy as np
import pytest
from run_files import Interruption
from runs.estimators import (
    ESTIMATORS,
    LABELS,
    RATINGS,
    THREE,
    X,
    linear,
)

import serialeq
from serialeq import (
    BestEpoch,
    DataError,
    LinearClassifier,
    MatrixFactorization,
    RunRecorder,
    RunVerifier,
    SerialeqError,
    fit,
    generate_ratings,
)
from serialeq.problems.embed.words import pack_words, unpack_words
from serialeq.testing import example
from serialeq.training.estimator import plain_labels


def same(a, b):
    np.testing.assert_equal(a, b)  # equal values, not close ones


@pytest.mark.parametrize("name", ESTIMATORS)
def test_an_estimator_comes_back(tmp_path, name):
    make, given, says = ESTIMATORS[name]
    first = make().fit(*given, callbacks=[RunRecorder(tmp_path)])
    saved = serialeq.load(tmp_path)
    assert saved.epoch == 4
    assert saved.features() is None
    again = saved.estimator()
    assert type(again) is type(first)
    assert again.digest_ == first.digest_ == saved.digest
    assert again.history_ == first.history_
    same(says(again), says(first))
    if hasattr(first, "partial_fit") and first.random_state is not None:
        again.set_params(n_jobs=2)
        assert again.partial_fit(*given).digest_ == first.partial_fit(*given).digest_
    elif hasattr(first, "partial_fit"):
        same(again.class_weight, first.class_weight)


@pytest.mark.parametrize("name", ["mf", "average", "network"])
def test_a_verifier_compares_the_estimator(tmp_path, name):
    make, given, _ = ESTIMATORS[name]
    make().fit(*given, callbacks=[RunRecorder(tmp_path)])
    verifier = RunVerifier(tmp_path)
    make().fit(*given, callbacks=[verifier])
    assert (verifier.first_difference, verifier.model_differs) == (None, False)


@pytest.mark.parametrize("average", [False, True])
def test_a_warm_start_goes_on_from_a_file(tmp_path, average):
    first = linear(warm_start=True, average=average, loss="log_loss")()
    first.fit(X, THREE, callbacks=[RunRecorder(tmp_path / "1")])
    again = serialeq.load(tmp_path / "1").estimator()
    cold = first.digest_
    first.fit(X, THREE, callbacks=[RunRecorder(tmp_path / "2")])
    assert first.digest_ != cold
    with pytest.raises(KeyboardInterrupt):
        again.fit(X, THREE, callbacks=[RunRecorder(tmp_path / "3"), Interruption(2)])
    again = serialeq.load(tmp_path / "1").estimator()
    again.fit(X, THREE, callbacks=[RunRecorder(tmp_path / "3", resume=True)])
    assert again.digest_ == first.digest_
    cold = linear(average=average, loss="log_loss")()
    with pytest.raises(DataError, match="parameters"):
        cold.fit(X, THREE, callbacks=[RunVerifier(tmp_path / "2")])


def test_early_stopping_may_end_with_the_best_epoch(tmp_path):
    options = {"max_iter": 60, "tol": 1e-3, "n_iter_no_change": 4, "n_jobs": 1, "eta0": 0.5,
               "learning_rate": "constant", "early_stopping": True}  # fmt: skip
    best, last = LinearClassifier(**options), LinearClassifier(**options)
    best.fit(X, LABELS, callbacks=[RunRecorder(tmp_path / "whole"), BestEpoch()])
    last.fit(X, LABELS)
    losses = [record["validation_loss"] for record in best.history_]
    assert losses == [record["validation_loss"] for record in last.history_]
    epoch = 1 + losses.index(min(losses))
    assert epoch < len(losses)
    assert best.digest_ != last.digest_
    saved = serialeq.load(tmp_path / "whole")
    assert (saved.epoch, saved.digest) == (epoch, best.digest_)
    with pytest.raises(KeyboardInterrupt):
        LinearClassifier(**options).fit(
            X,
            LABELS,
            callbacks=[BestEpoch(), RunRecorder(tmp_path / "parts"), Interruption(len(losses) - 1)],
        )
    LinearClassifier(**options, engine="lookahead").fit(
        X, LABELS, callbacks=[RunRecorder(tmp_path / "parts", resume=True), BestEpoch()]
    )
    assert serialeq.load(tmp_path / "parts").digest == best.digest_


def test_ratings_held_out_choose_the_best_epoch():
    held = generate_ratings(300, n_users=120, n_items=80, rank=4, seed=2)
    options = {"n_factors": 16, "learning_rate": 0.1, "decay": 1.0, "l2": 0.0, "n_jobs": 1}
    model = MatrixFactorization(n_epochs=20, **options)
    model.fit(RATINGS, validation=held, callbacks=[BestEpoch()])
    losses = [record["validation_loss"] for record in model.history_]
    epoch = 1 + losses.index(min(losses))
    assert epoch < 20
    short = MatrixFactorization(n_epochs=epoch, **options).fit(RATINGS)
    assert model.digest_ == short.digest_


def test_what_has_no_estimator_says_so(tmp_path):
    fit(example("mf"), n_epochs=1, callbacks=[RunRecorder(tmp_path)])
    saved = serialeq.load(tmp_path)
    with pytest.raises(SerialeqError, match="expected a model of one, got 'arrays'"):
        saved.estimator()
    assert saved.arrays["user_factors"].shape == (120, 8)


def test_labels_and_words_that_are_no_files():
    with pytest.raises(DataError, match="labels: expected numbers or texts"):
        plain_labels(np.array([1, "a"], dtype=object))
    for words in (["a", "späm"], ["a\nb", "c"], [3, 1], [np.uint8(3), 1], [None, "a"]):
        assert unpack_words(pack_words(words)) == words
    assert json.dumps(unpack_words(pack_words([3])))
    with pytest.raises(DataError, match="labels: expected numbers or texts"):
        plain_labels(pack_words([3, "a"]))

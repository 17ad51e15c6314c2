"""`serialeq.load`: every estimator comes back from its run directory as it was."""

from __future__ import annotations

import json

import numpy as np
import pytest
import scipy.sparse as sp
from run_cases import rows
from test_runs import Interruption

import serialeq
from serialeq import (
    BestEpoch,
    DataError,
    DropoutMLPClassifier,
    LinearClassifier,
    LinearRegressor,
    MatrixFactorization,
    MultiwayCut,
    RunRecorder,
    RunVerifier,
    SerialeqError,
    TopicModel,
    WordEmbedding,
    fit,
    generate_ratings,
)
from serialeq.training.saving import pack_words, plain_labels, unpack_words

RATINGS = generate_ratings(3_000, n_users=120, n_items=80, rank=4, seed=1)
X, SIGNS = rows()
LABELS = np.where(SIGNS[:, 0] > 0, "ham", "spam")
THREE = np.arange(240) % 3
IMAGE = (np.arange(400).reshape(20, 20) % 20 > 9).astype(float)
SEEDS = np.full((20, 20), -1)
SEEDS[0, 0], SEEDS[-1, -1] = 3, 7
COUNTS = sp.csr_array((X.T @ X) > 0, dtype=float) * 3


def linear(kind=LinearClassifier, **options):
    return lambda: kind(max_iter=4, tol=None, n_jobs=1, **options)


# name: (make, what fit is given, what the model says of it)
ESTIMATORS = {
    "mf": (
        lambda: MatrixFactorization(4, 4, schedule="adagrad", order="reshuffled", n_jobs=1),
        (RATINGS,), lambda e: (e.predict([0, 5], [1, 2]), e.recommend(3)[0]),
    ),
    "mf pair": (lambda: MatrixFactorization(4, 4, l2=(0.1, np.float32(0.2)), n_jobs=1),
                (RATINGS,), lambda e: e.predict([0], [1])),
    "binary": (linear(loss="log_loss"), (X, LABELS), lambda e: (e.predict(X), e.predict_proba(X))),
    "weighted": (linear(class_weight={"ham": 2, "spam": 1}, random_state=None, warm_start=True),
                 (X, LABELS.astype(object)), lambda e: e.decision_function(X)),
    "average": (linear(loss="log_loss", average=True), (X, THREE), lambda e: e.predict_proba(X)),
    "multilabel": (linear(), (X, np.eye(3, dtype=int)[THREE]), lambda e: e.predict(X)),
    "minibatch": (linear(engine="minibatch", batch_size=16), (X, LABELS), lambda e: e.predict(X)),
    "bits": (linear(lattice_bits=(8, 20)), (X, LABELS), lambda e: e.decision_function(X)),
    "regression": (linear(LinearRegressor), (X, SIGNS[:, 0]), lambda e: e.predict(X)),
    "cut": (lambda: MultiwayCut(4, n_jobs=1), (IMAGE, SEEDS), lambda e: (e.labels_, e.shares_)),
    "embedding": (lambda: WordEmbedding(8, 4, n_jobs=1), (COUNTS,), lambda e: e.most_similar(3)),
    "topics": (lambda: TopicModel(4, 4, n_jobs=1), (X,), lambda e: e.transform(X)),
    "network": (lambda: DropoutMLPClassifier(32, n_groups=4, n_kept=2, max_iter=4, n_jobs=1),
                (X, LABELS), lambda e: (e.predict(X), e.predict_proba(X))),
    "network of 3": (lambda: DropoutMLPClassifier(32, n_groups=4, n_kept=1, max_iter=4, n_jobs=1,
                                                  masks="independent", random_state=None),
                     (X, THREE), lambda e: e.decision_function(X)),
}  # fmt: skip


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
    from run_cases import ratings_problem

    fit(ratings_problem(), n_epochs=1, callbacks=[RunRecorder(tmp_path)])
    saved = serialeq.load(tmp_path)
    with pytest.raises(SerialeqError, match="expected a model of one, got 'arrays'"):
        saved.estimator()
    assert saved.arrays["user_factors"].shape == (120, 8)


def test_labels_and_words_that_are_no_files():
    with pytest.raises(DataError, match="labels: expected numbers or texts"):
        plain_labels(np.array([1, "a"], dtype=object))
    for words in (["a", "späm"], ["a\nb", "c"], [3, 1]):
        assert unpack_words(pack_words(words)) == words
    assert json.dumps(unpack_words(pack_words([3])))

"""Topics: sampled zeros, the promise, transform, conventions, errors."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from harness import EQUIVALENT, same_bytes
from hypothesis import given, settings
from hypothesis import strategies as st
from problems.mf.oracle import OPTIONS, train
from scipy.optimize import nnls
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks
from texts import documents

from serialeq import DataError, SerialeqError, TopicModel
from serialeq.native.random import stream_key
from serialeq.problems.topics.kernel import sample_zeros
from serialeq.testing import assert_serial_equivalent, check_supports, worker_counts
from serialeq.training.session import OrderSource


@parametrize_with_checks([TopicModel(2, n_jobs=1)])
def test_conventions_of_scikit_learn(estimator: Any, check: Any) -> None:
    check(estimator)


TEXTS = documents()
VECTORIZER = CountVectorizer().fit(TEXTS)
X = sp.csr_array(VECTORIZER.transform(TEXTS), dtype=np.float64)


def topics(**parameters: Any) -> TopicModel:
    return TopicModel(**{"n_components": 3, "n_epochs": 5, "n_jobs": 2} | parameters)


@st.composite
def matrices(draw: st.DrawFn) -> sp.csr_array:
    shape = draw(st.integers(1, 8)), draw(st.integers(1, 8))
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    dense = rng.integers(1, 5, shape) * (rng.random(shape) < draw(st.floats(0, 1)))
    dense[0, 0] = 1
    return sp.csr_array(dense.astype(float))


@given(matrix=matrices(), n_zeros=st.integers(0, 4), seed=st.integers(0, 9))
def test_zeros_are_where_nothing_is_stored(matrix: Any, n_zeros: int, seed: int) -> None:
    indices = matrix.indices.astype(np.int32)
    key = stream_key(seed, "zeros")
    rows, columns = sample_zeros(matrix.indptr.astype(np.int64), indices, n_zeros, key)
    assert (matrix.toarray()[rows, columns] == 0).all()
    assert set(columns.tolist()) <= set(indices.tolist())
    assert (np.diff(rows) >= 0).all()
    degrees = np.diff(matrix.indptr)
    assert (np.bincount(rows, minlength=degrees.size) <= n_zeros * degrees).all()


def test_zeros_are_drawn_as_often_as_words_occur() -> None:
    rng = np.random.default_rng(0)
    matrix = sp.csr_array((rng.random((4_000, 6)) < [0.5, 0.4, 0.3, 0.2, 0.1, 0.05]) * 1.0)
    key = stream_key(1, "zeros")
    _, columns = sample_zeros(
        matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32), 5, key
    )
    counts, degrees = np.bincount(columns), np.bincount(matrix.indices)
    stored = matrix.toarray() > 0
    expected = 5 * np.array(
        [(stored[~stored[:, v]].sum()) * degrees[v] / matrix.nnz for v in range(6)]
    )
    np.testing.assert_allclose(counts, expected, rtol=0.06)


@pytest.mark.parametrize("order", ["blocked", "shuffled"])
def test_training_equals_the_oracle(order: str) -> None:
    model = topics(order=order, n_epochs=2)
    problem = model.problem(X[:60])
    start = {name: array.copy() for name, array in problem.trained().items()}
    source = OrderSource(problem, order, 0)
    epochs = [source.epoch(epoch).samples() for epoch in range(2)]
    (rows, columns, values, shape, _), scale = model._entries(model._documents(X[:60], reset=True))
    options = {"n_factors": 3, "l2": (0.01, 0.01), "learning_rate": 0.1, "schedule": "adagrad"}
    options |= {"bias": "none", "nonnegative": True}
    expected = train(rows, columns, values, shape, start, epochs, **(OPTIONS | options))
    expected_components = expected["item_factors"].T * np.float32(scale)
    expected_components[:, np.bincount(columns, minlength=shape[1]) == 0] = 0
    found = model.fit(X[:60])
    assert same_bytes({"": found.components_}, {"": expected_components})
    assert (found.components_ >= 0).all()


@pytest.mark.parametrize("order", ["blocked", "shuffled", "reshuffled"])
def test_every_engine_and_number_of_workers_gives_one_digest(order: str) -> None:
    serial = topics(engine="serial", order=order, n_jobs=1).fit(X)
    expected = serial.transform(X).tobytes()
    for engine in [*EQUIVALENT, "auto"]:
        for n_jobs in (1, 2, 5):
            model = topics(engine=engine, order=order, n_jobs=n_jobs).fit(X)
            assert model.digest_ == serial.digest_, (engine, n_jobs)
            assert model.transform(X).tobytes() == expected
    assert topics(random_state=1, order=order).fit(X).digest_ != serial.digest_


@settings(max_examples=15)
@given(
    matrix=matrices(),
    order=st.sampled_from(["given", "shuffled", "blocked"]),
    n_workers=worker_counts(),
)
def test_any_matrix_has_the_serial_bits(matrix: Any, order: str, n_workers: int) -> None:
    assert_serial_equivalent(lambda: topics().problem(matrix), order, workers=[n_workers])


def test_every_engine_on_1_to_8_workers_and_supports() -> None:
    assert_serial_equivalent(lambda: topics().problem(X[:80]), "blocked", epochs=2)
    check_supports(topics().problem(X[:8, :9]), np.arange(12))


def test_topics_are_the_kinds_of_texts() -> None:
    model = topics(n_epochs=30).fit(X)
    found = model.top_words(VECTORIZER.get_feature_names_out(), 16)
    kinds_found = [{w.rstrip("0123456789") for w in words[:12]} - {"any"} for words in found]
    assert sorted(kinds_found, key=min) == [{"land"}, {"sea"}, {"sky"}]
    kinds = model.transform(X).argmax(axis=1).reshape(-1, 3)
    assert (kinds == kinds[0]).mean() > 0.97


def test_transform_minimises_the_expected_objective() -> None:
    model = topics(n_epochs=10, n_zeros=3, l2=0.1).fit(X)
    H, p = model.components_.astype(float), model.word_frequencies_
    scale = X.data.mean()
    for d, found in enumerate(model.transform(X[:12])):
        x = X[[d]].toarray()[0]
        stored = x > 0
        draws = 3 * stored.sum()
        weight = np.where(stored, 1.0, draws * p)
        n = stored.sum() + (draws * p)[~stored].sum()
        rows = np.vstack([np.sqrt(weight)[:, None] * H.T, np.sqrt(n * 0.1) * scale * np.eye(3)])
        expected = nnls(rows, np.concatenate([np.sqrt(weight) * x, np.zeros(3)]))[0]
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_document_has_its_topics_whatever_stands_beside_it() -> None:
    model = topics().fit(X)
    together = model.transform(X)
    assert together[200:].tobytes() == model.transform(X[200:]).tobytes()
    blank = sp.csr_array((1, X.shape[1]))
    assert not model.transform(blank).any()


def test_the_unit_of_the_entries_does_not_matter() -> None:
    for unit in (2.0**-50, 2.0**50):
        model = topics(dtype="float32").fit(unit * X)
        np.testing.assert_array_equal(model.components_, unit * topics().fit(X).components_)
        np.testing.assert_allclose(model.transform(unit * X), topics().fit(X).transform(X))


def test_words_of_no_document_weigh_nothing() -> None:
    wide = sp.csr_array(sp.hstack([X, sp.csr_array((X.shape[0], 2))]))
    model = topics().fit(wide)
    assert not model.components_[:, -2:].any()
    assert model.components_[:, :-2].any(axis=0).all()


def test_in_a_pipeline() -> None:
    pipeline = make_pipeline(CountVectorizer(), topics(n_epochs=10)).fit(TEXTS)
    weights = pipeline.transform(TEXTS[:9])
    assert weights.shape == (9, 3)
    assert (weights >= 0).all()
    assert pipeline.get_feature_names_out().tolist() == [f"topicmodel{k}" for k in range(3)]
    again = pickle.loads(pickle.dumps(pipeline))
    assert again.transform(TEXTS[:9]).tobytes() == weights.tobytes()
    assert len(pipeline[-1].history_) == 10
    assert pipeline[-1].history_[-1]["loss"] < pipeline[-1].history_[0]["loss"]


@pytest.mark.parametrize(
    ("matrix", "error", "told"),
    [
        (sp.csr_array((3, 4)), DataError, "X: expected entries above 0, got none"),
        (sp.csr_array([[1.0, -2.0]]), ValueError, "Negative values"),
        (sp.csr_array([[1.0, np.nan]]), ValueError, "NaN"),
        (sp.csr_array([[1.0, np.inf]]), ValueError, "infinity"),
        (["a text"], ValueError, "could not convert"),
        (sp.csr_array((0, 4)), ValueError, "0 sample"),
        (1e300 * X, DataError, r"X: expected entries with a mean from 1e-18 to 1e\+18, got 1"),
        (1e-300 * X, DataError, r"X: expected entries with a mean from 1e-18 to 1e\+18, got 1"),
        (sp.csr_array([[1e308, 1e308]]), DataError, "X: expected entries with a mean .* got inf"),
    ],
    ids=str,
)
def test_bad_data_are_refused(matrix: Any, error: type[Exception], told: str) -> None:
    with pytest.raises(error, match=told):
        topics().fit(matrix)


def test_bad_parameters_and_other_words_are_named() -> None:
    for parameters, told in [
        ({"n_components": 0}, "n_components: expected at least 1"),
        ({"n_zeros": -1}, "n_zeros: expected at least 0"),
        ({"n_zeros": 10**9}, "n_zeros: expected up to 2147483647 entries and zeros together"),
        ({"l2": -1.0}, "l2: expected"),
        ({"l2": (0.1, 0.1)}, "l2: expected a finite number"),
        ({"order": "warp"}, "order: expected one of"),
    ]:
        with pytest.raises(SerialeqError, match=told):
            topics(**parameters).fit(X)
    model = topics().fit(X)
    with pytest.raises(ValueError, match="expecting 40 features"):
        model.transform(X[:, :5])
    with pytest.raises(DataError, match="names: expected 40 words, got 1"):
        model.top_words(["one"])

"""Word vectors: counting, weights, the promise, neighbours, errors."""

from __future__ import annotations

import math
import pickle
import re
from collections import Counter
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
import scipy.sparse as sp
from harness import EQUIVALENT, same_bytes
from hypothesis import given, settings
from hypothesis import strategies as st
from problems.mf.oracle import OPTIONS, train
from sklearn.base import clone
from texts import texts

from serialeq import DataError, DivergenceError, SerialeqError, WordEmbedding
from serialeq.digest import digest_arrays
from serialeq.native.elementary import log
from serialeq.native.jit import jit
from serialeq.planning.dataflow import plan_dataflow
from serialeq.problem import Problem
from serialeq.problems.embed.cooccurrence import count_pairs
from serialeq.problems.embed.kernel import targets_and_weights
from serialeq.problems.mf.prediction import predict
from serialeq.testing import (
    assert_serial_equivalent,
    check_schedule,
    check_supports,
    explore,
    worker_counts,
)
from serialeq.training.session import OrderSource

GOLDEN = "8ad19d39a44279cb769b51c527ea37b8e32d4bd6dd3af54b33a9aa3db773e5fe"
"""Digest of targets and weights, on every machine."""

WORDS = ["aa", "bb", "cc", "dd"]


TEXTS = texts()
VOCABULARY, COUNTS = count_pairs(TEXTS)


def embedding(**parameters: Any) -> WordEmbedding:
    return WordEmbedding(
        **{"n_components": 8, "n_epochs": 4, "x_max": 200.0, "n_jobs": 2} | parameters
    )


def count_plainly(documents: list[str], window: int, min_count: int) -> dict[tuple[str, str], Any]:
    """Return the counts in Python's fractions."""
    split = [re.findall(r"\w\w+", text.lower()) for text in documents]
    frequency = Counter(word for text in split for word in text)
    counts: dict[tuple[str, str], Any] = {}
    for text in split:
        for i, a in enumerate(text):
            for j, b in enumerate(text):
                if 0 < abs(i - j) <= window and min(frequency[a], frequency[b]) >= min_count:
                    counts[a, b] = counts.get((a, b), 0) + Fraction(1, abs(i - j))
    return counts


@given(
    documents=st.lists(st.lists(st.sampled_from([*WORDS, "x"]), max_size=9), max_size=6),
    window=st.integers(1, 20),
    min_count=st.integers(1, 3),
)
def test_counts_are_those_of_plain_fractions(
    documents: list[list[str]], window: int, min_count: int
) -> None:
    lines = [" ".join(words).upper() for words in documents]
    expected = count_plainly(lines, window, min_count)
    if not expected:
        with pytest.raises(DataError, match="texts: expected words"):
            count_pairs(lines, window, min_count)
        return
    vocabulary, counts = count_pairs(lines, window, min_count)
    coo = counts.tocoo()
    found = {
        (str(vocabulary[i]), str(vocabulary[j])): x
        for i, j, x in zip(*coo.coords, coo.data, strict=True)
    }
    assert found == {pair: float(count) for pair, count in expected.items()}
    assert counts.has_canonical_format
    assert vocabulary.tolist() == sorted(vocabulary)


def test_logarithm_is_within_its_bound_of_the_exact_one() -> None:
    @jit
    def logs(values: Any) -> Any:
        results = np.empty_like(values)
        for i in range(values.size):
            results[i] = log(values[i])
        return results

    rng = np.random.default_rng(0)
    points = np.concatenate(
        [
            rng.uniform(0.5, 2.0, 2_000),
            2.0 ** rng.uniform(-1022, 1023.9, 2_000),
            rng.integers(1, 10_000, 500) / 60,
            np.nextafter(1.0, [0.0, 2.0]),
            np.nextafter(math.sqrt(0.5), [0.0, 2.0]),
            [np.finfo(float).tiny, np.finfo(float).max],
        ]
    )
    found = logs(points)
    assert logs(np.ones(1)) == 0.0
    with mpmath.workprec(120):
        for x, y in zip(points.tolist(), found.tolist(), strict=True):
            exact = mpmath.log(mpmath.mpf(x))
            assert abs(y - exact) <= 1.5 * math.ulp(float(exact)), x


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_targets_and_weights_are_those_of_glove(dtype: Any) -> None:
    counts = np.concatenate([np.arange(1, 3_000) / 60, [1e-300, 1e300, 10.0]])
    targets, weights = np.empty((2, counts.size), dtype)
    targets_and_weights(counts, 10.0, 0.75, targets, weights)
    close = {"rtol": 4 * float(np.finfo(dtype).eps), "atol": 1e-37}
    np.testing.assert_allclose(targets, np.log(counts), **close)
    np.testing.assert_allclose(weights, np.minimum(1, counts / 10) ** 0.75, **close)
    assert (weights[counts >= 10] == 1).all()
    assert (weights[counts < 10] < 1).all()


def test_targets_and_weights_have_the_same_bits_on_every_machine() -> None:
    targets, weights = np.empty((2, 6_000))
    targets_and_weights(np.arange(1, 6_001) / 60, 10.0, 0.75, targets, weights)
    assert digest_arrays({"targets": targets, "weights": weights}) == GOLDEN


@pytest.mark.parametrize("order", ["blocked", "reshuffled"])
def test_training_equals_the_oracle(order: str) -> None:
    model = embedding(order=order, n_epochs=3, n_components=17)
    problem = model.problem(COUNTS)
    start = {name: array.copy() for name, array in problem.trained().items()}
    source = OrderSource(problem, order, 0)
    epochs = [source.epoch(epoch).samples() for epoch in range(3)]
    rows, columns, targets, shape, weights = model._entries(COUNTS)
    options = {
        **OPTIONS,
        "n_factors": 17,
        "l2": (0.0, 0.0),
        "learning_rate": 0.1,
        "schedule": "adagrad",
        "bias": "all",
    }
    trained = model.fit(COUNTS).trained_
    unweighted = train(rows, columns, targets, shape, start, epochs, **options)
    assert not same_bytes(trained, unweighted)
    options["weights"] = weights
    expected = train(rows, columns, targets, shape, start, epochs, **options)
    assert same_bytes(trained, expected)
    sums = expected["user_factors"] + expected["item_factors"]
    assert model.vectors_.tobytes() == sums.tobytes()


@pytest.mark.parametrize("order", ["blocked", "shuffled", "reshuffled", "given"])
def test_every_engine_and_number_of_workers_gives_one_digest(order: str) -> None:
    serial = embedding(engine="serial", order=order).fit(TEXTS).digest_
    for engine in [*EQUIVALENT, "auto"]:
        for n_jobs in (1, 2, 5):
            model = embedding(engine=engine, order=order, n_jobs=n_jobs).fit(COUNTS)
            assert model.digest_ == serial, (engine, n_jobs)
    assert embedding(order=order, random_state=1).fit(COUNTS).digest_ != serial


def test_every_engine_on_1_to_8_workers_has_the_serial_bits() -> None:
    for order in ("blocked", "shuffled"):
        assert_serial_equivalent(lambda: embedding().problem(COUNTS), order, epochs=2)


@st.composite
def count_matrices(draw: st.DrawFn) -> sp.csr_array:
    n = draw(st.integers(1, 7))
    cell = st.integers(0, n - 1)
    cells = draw(st.lists(st.tuples(cell, cell), min_size=1, max_size=40))
    counts = draw(st.lists(st.floats(1 / 60, 500), min_size=len(cells), max_size=len(cells)))
    return sp.csr_array((counts, np.array(cells).T), shape=(n, n))


@settings(max_examples=25)
@given(
    counts=count_matrices(),
    order=st.sampled_from(["given", "shuffled", "reshuffled", "blocked"]),
    n_workers=worker_counts(),
    rank=st.sampled_from([1, 16, 20]),
)
def test_any_matrix_of_counts_has_the_serial_bits(
    counts: Any, order: str, n_workers: int, rank: int
) -> None:
    def make() -> Problem:
        return embedding(n_components=rank).problem(counts)

    assert_serial_equivalent(make, order, workers=[n_workers], epochs=2)


def test_schedule_interleavings_and_supports() -> None:
    def make() -> Problem:
        return embedding().problem(COUNTS[:6, :6])

    order = OrderSource(make(), "shuffled", 0).epoch(0)
    schedule = plan_dataflow(order, 3)
    check_schedule(order, schedule)
    explore(make, order, schedule, n=5)
    check_supports(make(), np.arange(10))


def test_loss_is_the_weighted_error() -> None:
    model = embedding(n_epochs=3).fit(COUNTS)
    rows, columns, targets, _, weights = model._entries(COUNTS)
    errors = targets - predict(model.trained_, rows, columns).astype(float)
    expected = math.sqrt((weights * errors**2).sum() / weights.astype(float).sum())
    assert model.history_[-1]["loss"] == pytest.approx(expected, rel=1e-5)
    assert model.history_[-1]["loss"] < model.history_[0]["loss"]
    assert math.sqrt((errors**2).mean()) != pytest.approx(expected, rel=1e-3)


def test_neighbours_are_words_of_a_kind() -> None:
    model = embedding(n_epochs=30).fit(TEXTS)
    for word in ("sea3", "land0"):
        found = model.most_similar(word, 5)
        assert len(found) == 5
        assert word not in dict(found)
        assert {other.rstrip("0123456789") for other, _ in found} == {word[:-1]}
        own = model.vectors_[model.vocabulary_[word]]
        other = model.vectors_[model.vocabulary_[found[0][0]]]
        cosine = own @ other / np.linalg.norm(own) / np.linalg.norm(other)
        assert found[0][1] == pytest.approx(cosine, rel=1e-5)
        assert [c for _, c in found] == sorted((c for _, c in found), reverse=True)


def test_conventions_of_an_estimator() -> None:
    model = embedding(window=3).fit(COUNTS, vocabulary=VOCABULARY)
    assert list(model.vocabulary_) == VOCABULARY.tolist()
    assert clone(model).get_params() == model.get_params()
    again = pickle.loads(pickle.dumps(model))
    assert again.most_similar("sea0") == model.most_similar("sea0")
    assert model.n_pairs_ == COUNTS.nnz
    assert model.n_workers_ == 2
    assert len(model.history_) == 4
    assert model.engine_reason_
    numbered = embedding().fit(COUNTS)
    assert {word for word, _ in numbered.most_similar(3)} <= set(range(COUNTS.shape[0]))
    assert len({embedding(random_state=None).fit(COUNTS).seed_ for _ in range(2)}) == 2


def test_stored_zeros_and_duplicates_do_not_show() -> None:
    plain = sp.csr_array(np.array([[0.0, 3.0], [2.0, 0.0]]))
    twice = sp.coo_array(
        (np.array([1.0, 2.0, 2.0, 0.0]), (np.array([0, 0, 1, 1]), np.array([1, 1, 0, 1]))),
        shape=(2, 2),
    )
    assert embedding().fit(plain).digest_ == embedding().fit(twice).digest_
    assert twice.nnz == 4


@pytest.mark.parametrize(
    ("X", "told"),
    [
        ([], r"texts: expected words that occur 5 times \(min_count\), got none among 0"),
        (["rare words"], "got none among 2 different words of 1 texts"),
        (["a"] * 9, "got none among 0 different words"),
        (["word"] * 9, "texts: expected words within 5 words of each other"),
        (["word", 3], r"texts\[1\]: expected a string, got 3"),
        ("a text", "X: expected texts or a sparse matrix"),
        (7, "X: expected texts or a sparse matrix"),
        (sp.csr_array((3, 4)), "X: expected a square matrix"),
        (sp.csr_array((3, 3)), "X: expected counts, got none"),
        (sp.csr_array([[0.0, -1.0], [1.0, 0.0]]), r"X\[0, 1\]: expected a count above 0, got -1"),
        (sp.csr_array([[0.0, 1.0], [np.nan, 0.0]]), r"X\[1, 0\]: expected a count .*, got nan"),
        (sp.csr_array([[0.0, 1.0], [0.0, np.inf]]), r"X\[1, 1\]: expected a count .*, got inf"),
        (sp.csr_array([[5e-324]]), r"X\[0, 0\]: expected a count above 0"),
        (sp.csr_array([[1j]]), "X: expected numbers"),
    ],
    ids=str,
)  # fmt: skip
def test_bad_data_are_named(X: Any, told: str) -> None:
    with pytest.raises(DataError, match=told):
        embedding().fit(X)


def test_pairs_have_to_have_numbers_of_32_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serialeq.problems.embed.estimator.LIMIT", COUNTS.nnz)
    with pytest.raises(DataError, match=f"X: expected up to .* pairs, got {COUNTS.nnz}"):
        embedding().fit(COUNTS)


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"n_components": 0}, "n_components: expected at least 1"),
        ({"window": 21}, "window: expected at most 20, got 21"),
        ({"window": 0}, "window: expected at least 1"),
        ({"min_count": 1.5}, "min_count: expected an integer"),
        ({"x_max": 0}, "x_max: expected"),
        ({"alpha": -1}, "alpha: expected"),
        ({"x_max": 1e100}, r"x_max: expected pairs that weigh more than 0 in float32"),
        ({"schedule": "warp"}, "schedule: expected one of"),
        ({"engine": "warp"}, "engine: expected one of"),
    ],
    ids=str,
)
def test_bad_parameters_are_named(parameters: dict[str, Any], told: str) -> None:
    with pytest.raises(SerialeqError, match=told):
        embedding(**parameters).fit(TEXTS)


def test_unknown_words_and_vocabularies_that_do_not_fit() -> None:
    model = embedding().fit(TEXTS)
    with pytest.raises(DataError, match="word: expected a word of the vocabulary, got 'river'"):
        model.most_similar("river")
    with pytest.raises(SerialeqError, match="n: expected at least 1"):
        model.most_similar("sea0", 0)
    with pytest.raises(DataError, match="vocabulary: expected 24 different words"):
        model.fit(COUNTS, vocabulary=["one"] * 24)
    with pytest.raises(DataError, match="vocabulary: expected none with texts"):
        model.fit(TEXTS, vocabulary=["one"])
    with pytest.raises(DivergenceError, match="learning_rate"):
        embedding(schedule="constant", learning_rate=90.0).fit(COUNTS)

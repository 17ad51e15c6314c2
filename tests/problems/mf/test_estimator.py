"""The estimator: scikit-learn's conventions, parameters, errors."""

import pickle

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.base import clone

from serialeq import (
    DataError,
    DivergenceError,
    MatrixFactorization,
    SerialeqError,
    generate_ratings,
)
from serialeq.engines.engine import ENGINES

RATINGS = generate_ratings(20_000, n_users=300, n_items=200, rank=4, seed=1)
ENTRIES = (RATINGS.users, RATINGS.items, RATINGS.values)
EQUIVALENT = [name for name, engine in ENGINES.items() if engine.equivalent and not engine.sliced]


def fit(**parameters):
    given = {"n_factors": 8, "n_epochs": 4, "n_jobs": 2} | parameters
    return MatrixFactorization(**given).fit(ENTRIES)


@pytest.mark.parametrize("order", ["blocked", "shuffled", "reshuffled", "given"])
@pytest.mark.parametrize("schedule", ["decay", "inverse", "adagrad"])
def test_every_engine_and_number_of_workers_gives_one_digest(order, schedule):
    options = {"order": order, "schedule": schedule}
    serial = fit(engine="serial", n_jobs=1, **options).digest_
    for engine in [*EQUIVALENT, "auto"]:
        for n_jobs in (1, 2, 5):
            assert fit(engine=engine, n_jobs=n_jobs, **options).digest_ == serial, engine


def test_an_order_of_ones_own_repeats_and_leaves_out():
    order = np.random.default_rng(0).integers(0, len(RATINGS), 5_000)
    serial = fit(engine="serial", order=order).digest_
    assert fit(engine="dataflow", order=order).digest_ == serial
    assert fit(engine="serial", order=order[::-1]).digest_ != serial


@pytest.mark.parametrize(
    "parameters",
    [
        {"bias": "none"},
        {"bias": "global"},
        {"bias": "all", "nonnegative": True},
        {"bias": "none", "nonnegative": True, "learning_rate": 0.01},
        {"l2_per": "row"},
        {"l2": (0.02, 0.1)},
        {"schedule": "constant", "learning_rate": 0.02},
        {"schedule": "inverse"},
        {"schedule": "adagrad", "learning_rate": 0.1},
        {"dtype": "float64"},
    ],
    ids=str,
)
def test_it_learns_with_every_option(parameters):
    model = fit(n_epochs=20, **parameters)
    losses = [record["loss"] for record in model.history_]
    assert losses[-1] < 0.97 * losses[0]
    assert model.score(ENTRIES) == pytest.approx(-losses[-1], rel=1e-5)
    if parameters.get("nonnegative"):
        assert model.user_factors_.min() >= 0
        assert model.item_factors_.min() >= 0
    assert model.user_factors_.dtype == parameters.get("dtype", "float32")


def test_it_beats_biases_on_held_out_ratings():
    generated = generate_ratings(200_000, n_users=2_000, n_items=800, seed=3)
    rng = np.random.default_rng(0)
    test = rng.random(len(generated)) < 0.1
    train, held_out = (generated.subset(np.flatnonzero(mask)) for mask in (~test, test))
    model = MatrixFactorization(16).fit(train, validation=held_out)
    biases = MatrixFactorization(1, init_scale=0.0).fit(train, validation=held_out)
    best = [min(r["validation_loss"] for r in m.history_) for m in (model, biases)]
    assert best[0] < 0.97 * best[1]


def test_sparse_input_is_the_same_as_entries():
    matrix = sp.coo_array((RATINGS.values, (RATINGS.users, RATINGS.items)), shape=RATINGS.shape)
    by_row = matrix.tocsr().tocoo()
    entries = (by_row.row, by_row.col, by_row.data)
    model = MatrixFactorization(4, 2)
    assert clone(model).fit(matrix).digest_ == model.fit(entries).digest_


def test_conventions():
    model = MatrixFactorization(5, n_epochs=2, l2=(0.1, 0.2), random_state=7)
    twin = clone(model).set_params(n_factors=3)
    assert twin.get_params() == model.get_params() | {"n_factors": 3}
    assert twin.fit(ENTRIES).user_factors_.shape == (300, 3)
    again = pickle.loads(pickle.dumps(twin))
    assert again.digest_ == twin.digest_
    users, items = np.array([0, 1]), np.array([5, 6])
    np.testing.assert_array_equal(again.predict(users, items), twin.predict(users, items))
    seeds = {MatrixFactorization(2, 1, random_state=None).fit(ENTRIES).seed_ for _ in range(2)}
    assert len(seeds) == 2


def test_prediction_is_the_model():
    model = fit()
    u, v = 17, 31
    expected = (
        model.user_factors_[u].astype(float) @ model.item_factors_[v].astype(float)
        + model.user_biases_[u]
        + model.item_biases_[v]
        + model.mean_
    )
    assert model.predict(u, v)[0] == pytest.approx(expected, rel=1e-5)


def test_recommend():
    model = fit()
    items, scores = model.recommend(3, 5)
    every = model.predict(np.full(200, 3), np.arange(200))
    assert set(items) == set(np.argsort(-every)[:5])
    assert (np.diff(scores) <= 0).all()
    others, _ = model.recommend(3, 5, exclude=items)
    assert not set(others) & set(items)
    assert model.recommend(3, 5, exclude=np.arange(200))[0].size == 0


def test_partial_fit_goes_on():
    whole = fit(n_epochs=3, schedule="adagrad", order="given")
    steps = MatrixFactorization(8, schedule="adagrad", order="given")
    for _ in range(3):
        steps.partial_fit(ENTRIES)
    assert steps.digest_ == whole.digest_
    assert [record["epoch"] for record in steps.history_] == [1, 2, 3]
    with pytest.raises(DataError, match="expected"):
        steps.partial_fit((np.array([5_000]), np.array([0]), np.array([3.0])))


def test_auto_says_what_and_why():
    model = fit(engine="auto", n_jobs=1)
    assert (model.engine_, model.engine_reason_) == ("serial", "one worker")
    tiny = MatrixFactorization(2, 1, n_jobs=2).fit((np.arange(9), np.arange(9), np.ones(9)))
    assert tiny.engine_ == "serial"
    assert "predicted speedup" in tiny.engine_reason_


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"n_jobs": 0}, "n_jobs: expected a positive integer, -1 or None, got 0"),
        ({"n_jobs": 1.5}, "n_jobs"),
        ({"n_jobs": 5000}, "n_jobs: expected at most 1024, got 5000"),
        ({"engine": "warp"}, "engine: expected one of serial, .*, got 'warp'"),
        ({"order": "sorted"}, "order: expected one of blocked, .*, got 'sorted'"),
        ({"order": np.array([10**6])}, "order: expected samples in 0..19999"),
        ({"schedule": "magic"}, "schedule: expected one of"),
        ({"bias": "some"}, "bias: expected one of"),
        ({"n_factors": 0}, "n_factors: expected at least 1, got 0"),
        ({"n_epochs": -1}, "n_epochs"),
        ({"learning_rate": float("nan")}, "learning_rate: expected a finite number, got nan"),
        ({"l2": -1.0}, "l2: expected at least 0"),
        ({"l2": (1, 2, 3)}, "l2: expected a number or a pair"),
        ({"l2_per": "both"}, "l2_per"),
        ({"dtype": "int8"}, "dtype"),
    ],
    ids=str,
)
def test_wrong_parameters_are_named(parameters, told):
    with pytest.raises(SerialeqError, match=told):
        fit(**parameters)


def test_wrong_data_is_named():
    users, items, values = (array.copy() for array in ENTRIES)
    values[17] = np.nan
    with pytest.raises(DataError, match=r"17.*finite.*nan"):
        MatrixFactorization(2).fit((users, items, values))
    model = fit()
    with pytest.raises(DataError, match="users"):
        model.predict([300], [0])
    with pytest.raises(DataError, match="items"):
        model.predict([0], [-1])


def test_divergence_stops_and_says_what_to_do():
    with pytest.raises(DivergenceError, match=r"epoch \d+.*learning_rate"):
        fit(learning_rate=50.0, schedule="constant", n_epochs=30)

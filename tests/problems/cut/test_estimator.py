"""`MultiwayCut`: scikit-learn's conventions, parameters, errors."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from harness import EQUIVALENT
from sklearn.base import clone

from serialeq import DataError, MultiwayCut, SerialeqError

STRIPES = np.arange(48) // 16 * np.ones((40, 1), dtype=int)
IMAGE = STRIPES + 0.15 * np.random.default_rng(0).normal(size=STRIPES.shape)
SEEDS = np.full(IMAGE.shape, -1)
SEEDS[15:25, [3, 20, 43]] = [7, 3, 9]
TWO = np.where(SEEDS == 9, 7, SEEDS)


def fit(seeds: Any = SEEDS, **parameters: Any) -> MultiwayCut:
    return MultiwayCut(**{"n_epochs": 20, "decay": 0.75, "n_jobs": 2} | parameters).fit(
        IMAGE, seeds
    )


@pytest.mark.parametrize("seeds", [SEEDS, TWO], ids=["three", "two"])
@pytest.mark.parametrize("order", ["blocked", "shuffled", "reshuffled", "given"])
def test_every_engine_and_number_of_workers_gives_one_digest(order: str, seeds: Any) -> None:
    options = {"order": order, "n_epochs": 3}
    serial = fit(seeds, engine="serial", n_jobs=1, **options).digest_
    for engine in [*EQUIVALENT, "auto"]:
        for n_jobs in (1, 2, 5):
            assert fit(seeds, engine=engine, n_jobs=n_jobs, **options).digest_ == serial, engine


def test_stripes_are_found() -> None:
    model = MultiwayCut().fit(IMAGE, SEEDS)
    expected = np.array([7, 3, 9])[STRIPES]
    assert (model.labels_ == expected).mean() > 0.97
    assert model.labels_.shape == IMAGE.shape
    assert model.classes_.tolist() == [3, 7, 9]
    assert model.shares_.shape == (*IMAGE.shape, 3)
    np.testing.assert_array_equal(model.labels_[SEEDS >= 0], SEEDS[SEEDS >= 0])
    losses = [record["loss"] for record in model.history_]
    assert losses[-1] < 0.1 * max(losses)


def test_a_volume() -> None:
    volume = np.stack([IMAGE[:12]] * 4)
    seeds = np.stack([TWO[10:22]] * 4)
    model = MultiwayCut(50, decay=0.9).fit(volume, seeds)
    assert model.labels_.shape == model.shares_.shape == volume.shape
    assert set(np.unique(model.labels_)) == {3, 7}


def test_conventions() -> None:
    model = MultiwayCut(5, beta=2.0, random_state=7)
    twin = clone(model).set_params(n_epochs=6)
    assert twin.get_params() == model.get_params() | {"n_epochs": 6}
    labels = twin.fit_predict(IMAGE, SEEDS)
    again = pickle.loads(pickle.dumps(twin))
    assert again.digest_ == twin.digest_
    np.testing.assert_array_equal(again.labels_, labels)
    assert len(twin.history_) == 6
    assert twin.seed_ == 7
    assert fit(random_state=1).digest_ != fit(random_state=2).digest_
    assert len({fit(random_state=None).seed_ for _ in range(2)}) == 2
    assert fit(n_jobs=1).engine_reason_ == "one worker"


def chain(n: int, broken: Any = ()) -> Any:
    weights = np.ones(n - 1)
    weights[list(broken)] = 0.0
    return sp.diags_array([weights, weights], offsets=[-1, 1], format="csr")


def test_a_graph_is_cut_at_its_weakest_edge() -> None:
    matrix = chain(9).tolil()
    matrix[5, 6] = matrix[6, 5] = 0.25
    seeds = np.array([4, -1, -1, -1, -1, -1, -1, -1, 2])
    model = MultiwayCut().fit(matrix.tocsr(), seeds)
    assert model.labels_.tolist() == [4] * 6 + [2] * 3
    assert model.cut_value_ == 0.25
    doubled = sp.coo_array(matrix.tocsr() / 2)  # entries in any form, some of them twice
    twice = sp.coo_array(
        (np.tile(doubled.data, 2), tuple(np.tile(axis, 2) for axis in doubled.coords)), (9, 9)
    )
    assert MultiwayCut().fit(twice, seeds).digest_ == model.digest_


def test_the_unit_of_the_weights_does_not_matter() -> None:
    matrix, seeds = chain(5), np.array([0, -1, -1, -1, 1])
    digest = MultiwayCut(5).fit(matrix, seeds).digest_
    for unit in (2.0**-126, 2.0**127):
        assert MultiwayCut(5).fit(unit * matrix, seeds).digest_ == digest


def test_parts_without_a_seed_have_no_label() -> None:
    seeds = np.array([0, -1, 1, -1, -1])
    with pytest.warns(UserWarning, match="2 of 5 nodes are connected with no seed"):
        model = MultiwayCut().fit(chain(5, broken=[2]), seeds)
    assert model.labels_.tolist()[3:] == [-1, -1]
    assert model.cut_value_ == 1.0
    np.testing.assert_array_equal(model.shares_[3:], 0.5)


def test_a_graph_without_edges() -> None:
    with pytest.warns(UserWarning, match="1 of 3 nodes"):
        model = MultiwayCut(2).fit(sp.csr_array((3, 3)), np.array([0, 1, -1]))
    assert model.labels_.tolist() == [0, 1, -1]
    assert model.cut_value_ == 0.0


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"n_jobs": 0}, "n_jobs: expected"),
        ({"engine": "warp"}, "engine: expected one of serial"),
        ({"engine": "lookahead"}, "engine: expected one of serial, .* for this problem"),
        ({"order": "sorted"}, "order: expected one of blocked"),
        ({"order": np.array([10**6])}, "order: expected samples in 0"),
        ({"n_epochs": -1}, "n_epochs: expected at least 0, got -1"),
        ({"n_epochs": 1.5}, "n_epochs: expected an integer"),
        ({"learning_rate": float("nan")}, "learning_rate: expected a finite number, got nan"),
        ({"decay": "fast"}, "decay: expected a finite number"),
        ({"beta": -1.0}, "beta: expected at least 0"),
    ],
    ids=str,
)
def test_wrong_parameters_are_named(parameters: dict[str, Any], told: str) -> None:
    with pytest.raises(SerialeqError, match=told):
        fit(**parameters)


def with_value(array: Any, place: Any, value: Any) -> Any:
    changed = array.copy()
    changed[place] = value
    return changed


@pytest.mark.parametrize(
    ("X", "seeds", "told"),
    [
        (IMAGE, SEEDS[:-1], r"seeds: expected integers of shape \(40, 48\), .* \(39, 48\)"),
        (IMAGE, SEEDS.astype(float), "seeds: expected integers .* got float64"),
        (IMAGE, np.full_like(SEEDS, -1), r"seeds of at least two labels, got 0 \(all are -1\)"),
        (IMAGE, np.where(SEEDS == 7, 7, -1), r"at least two labels, got 1 \(label 7\)"),
        (IMAGE, with_value(SEEDS, (3, 4), -2), r"labels of at least 0, .* got -2 at \(3, 4\)"),
        (with_value(IMAGE, (1, 2), np.nan), SEEDS, r"image: .*finite.* got nan at \(1, 2\)"),
        (with_value(IMAGE, (1, 2), 1e200), SEEDS, r"image: .*finite.* got 1e\+200 at \(1, 2\)"),
        (with_value(np.float16(IMAGE), (1, 2), np.inf), SEEDS, r"finite.* got inf at \(1, 2\)"),
        (IMAGE[0], SEEDS[0], "image: expected a 2-d or 3-d array of real numbers, got 1-d"),
        (IMAGE * 1j, SEEDS, "image: expected a 2-d or 3-d array of real .* complex"),
        (IMAGE[:1, :1], SEEDS[:1, :1], "image: expected 2 to .* nodes, got 1"),
        (chain(4)[:3], SEEDS[0, :4], r"graph: expected a square matrix .* \(3, 4\)"),
        (chain(4) * 1j, SEEDS[0, :4], "graph: expected a square matrix of real numbers"),
        (-chain(4), SEEDS[0, :4], "graph: expected finite weights of at least 0, got -1.0 for"),
        (chain(4) * np.nan, SEEDS[0, :4], "graph: expected finite weights .*got nan for"),
        (chain(4) * 1e300, SEEDS[0, :4], "graph: expected finite weights .*got inf for"),
        (chain(4) * 1e-40, SEEDS[0, :4], "graph: expected a largest weight of 1.2e-38 or more"),
        (sp.triu(chain(4)), SEEDS[0, :4], "graph: expected a symmetric matrix"),
        (chain(4), np.array([0, -1, -5, 1]), "labels of at least 0, or -1 .* got -5 at 2"),
    ],
    ids=lambda value: value[:45] if isinstance(value, str) else "",
)
def test_wrong_data_are_named(X: Any, seeds: Any, told: str) -> None:
    with pytest.raises(DataError, match=told):
        MultiwayCut(2).fit(X, seeds)

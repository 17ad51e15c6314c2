"""The historical methods: oracles in plain Python, supports, bits, and the page's tables."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

from lecture.baseline_sections import digits_ridge, excess_figure, outcome_table
from lecture.baselines.averaging import ModelAveraging
from lecture.baselines.compare import methods, mini_batch, run_methods
from lecture.baselines.coordinate import CoordinateDescent
from lecture.baselines.delayed import DelayedSgd
from lecture.baselines.downpour import Downpour
from lecture.baselines.fixed_point import PageRank, random_links
from lecture.baselines.sgd import RidgeSgd
from lecture.baselines.svrg import RidgeSvrg
from lecture.ridge import SparseRidge, random_ridge
from lecture.sparsity_sections import compare_sparsities, sparsity_figure, sparsity_table
from lecture.twin_sections import digest_table, make_problems
from lecture.twins import Training, race
from serialeq import fit, shuffled_order
from serialeq.errors import DataError, SupportError
from serialeq.hypergraph import Hypergraph
from serialeq.native.random import mix, stream_key
from serialeq.testing import assert_serial_equivalent, check_supports

STEP = 0.2
RIDGE = random_ridge(60, 12, 3, l2=0.02, seed=1)
Vector = np.ndarray


def gradient(ridge: SparseRidge, e: int, w: Vector) -> Vector:
    """Return the gradient of one sample's function, dense."""
    x = ridge.X[[e]].toarray()[0]
    return (x @ w - ridge.y[e]) * x + ridge.l2 * ridge.shares * w * (x != 0)


def sgd(samples: Any, w: Vector, ridge: SparseRidge = RIDGE) -> Vector:
    for e in samples:
        w = w - STEP * gradient(ridge, e, w)
    return w


def svrg(samples: Any, w: Vector) -> Vector:
    snapshot = w.copy()
    mean = np.mean([gradient(RIDGE, e, snapshot) for e in range(60)], axis=0)
    for e in samples:
        touched = RIDGE.X[[e]].toarray()[0] != 0
        g = gradient(RIDGE, e, w) - gradient(RIDGE, e, snapshot) + touched * RIDGE.shares * mean
        w = w - STEP * g
    return w


def coordinate(samples: Any, w: Vector) -> Vector:
    X, w = RIDGE.X.toarray(), w.copy()
    for v in samples:
        slope = X[:, v] @ (X @ w - RIDGE.y) / 60 + 0.02 * w[v]
        w[v] -= STEP * slope / (X[:, v] @ X[:, v] / 60 + 0.02)
    return w


def late(samples: Any, w: Vector, delay: Callable[[int], int]) -> Vector:
    due: list[tuple[int, Vector]] = []
    for k, e in enumerate(samples):
        for _, g in [x for x in due if x[0] <= k]:
            w = w - STEP * g
        due = [x for x in due if x[0] > k]
        due.append((k + delay(k) + 1, gradient(RIDGE, e, w)))
    for _, g in due:
        w = w - STEP * g
    return w


def random_delay(epoch: int, k: int) -> int:
    return int(mix.py_func(stream_key(5, "delays"), np.uint64(60 * epoch + k)) % np.uint64(5))


def downpour(samples: Any, w: Vector) -> Vector:
    copies, moves = np.zeros((3, 12)), np.zeros((3, 12))
    n = len(samples)
    for k, e in enumerate(samples):
        p, turn = k % 3, k // 3
        if turn % 2 == 0:
            copies[p] = w + moves[p]
        move = -STEP * gradient(RIDGE, e, copies[p])
        copies[p] += move
        moves[p] += move
        if turn % 5 == 4 or k + 3 >= n:
            w = w + moves[p]
            moves[p] = 0
    return w


ORACLES: dict[str, tuple[Callable[[], Any], Callable[..., Vector]]] = {
    "sgd": (lambda: RidgeSgd(RIDGE, STEP), lambda s, w, epoch: sgd(s, w)),
    "svrg": (lambda: RidgeSvrg(RIDGE, STEP), lambda s, w, epoch: svrg(s, w)),
    "coordinate": (lambda: CoordinateDescent(RIDGE, STEP), lambda s, w, epoch: coordinate(s, w)),
    "round-robin": (
        lambda: DelayedSgd(RIDGE, STEP, tau=4),
        lambda s, w, epoch: late(s, w, lambda k: 4),
    ),
    "late": (
        lambda: DelayedSgd(RIDGE, STEP, tau=4, at_random=True, seed=5),
        lambda s, w, epoch: late(s, w, partial(random_delay, epoch)),
    ),
    "downpour": (
        lambda: Downpour(RIDGE, STEP, n_workers=3, fetch=2, push=5),
        lambda s, w, epoch: downpour(s, w),
    ),
}


@pytest.mark.filterwarnings("ignore:overflow")  # of the random numbers, in plain Python
@pytest.mark.parametrize("name", ORACLES)
def test_updates_are_those_of_the_method(name: str) -> None:
    make, oracle = ORACLES[name]
    problem = make()
    samples = shuffled_order(problem.hypergraph, 3).samples()
    fitted = fit(problem, samples, n_epochs=2, engine="serial")
    w = np.zeros(12)
    for epoch in range(2):
        w = oracle(samples, w, epoch)
    np.testing.assert_allclose(fitted.trained["w"], w, rtol=1e-9)
    assert fitted.history[-1].loss == pytest.approx(RIDGE.objective(w), rel=1e-9)
    other = {"sgd": "round-robin", "round-robin": "late", "late": "downpour"}.get(name, "sgd")
    wrong = ORACLES[other][1](samples, np.zeros(12), 0)
    assert np.abs(w - wrong).max() > 1e-6


def test_averaging_trains_replicas_apart() -> None:
    samples = shuffled_order(RIDGE.hypergraph, 2).samples()
    for every_epoch in (False, True):
        problem = ModelAveraging(RIDGE, STEP, n_replicas=4, every_epoch=every_epoch)
        fitted = fit(problem, samples, n_epochs=2, engine="serial")
        replicas = [np.zeros(12)] * 4
        for epoch in range(2):
            if epoch and every_epoch:
                replicas = [np.mean(replicas, axis=0)] * 4
            replicas = [sgd(samples[samples % 4 == p], w) for p, w in enumerate(replicas)]
        np.testing.assert_allclose(fitted.trained["replicas"], replicas, rtol=1e-9)
        np.testing.assert_allclose(fitted.trained["w"], np.mean(replicas, axis=0), rtol=1e-9)


def test_page_rank_reaches_the_eigenvector() -> None:
    links = random_links(40, 3, seed=2)
    fitted = fit(PageRank(links), n_epochs=80, engine="serial")
    P = links.toarray() != 0
    P = P / P.sum(axis=1, keepdims=True)
    expected = np.linalg.solve(np.eye(40) - 0.85 * P.T, np.full(40, 0.15 / 40))
    np.testing.assert_allclose(fitted.trained["x"], expected, rtol=1e-9)
    assert expected.sum() == pytest.approx(1.0)
    free = fit(PageRank(links), n_epochs=80, engine="hogwild", n_jobs=2)
    np.testing.assert_allclose(free.trained["x"], expected, rtol=1e-9)


def test_a_delay_of_zero_and_one_worker_are_serial_sgd() -> None:
    expected = fit(RidgeSgd(RIDGE, STEP), "reshuffled", n_epochs=2).trained["w"]
    for problem in (
        DelayedSgd(RIDGE, STEP, tau=0),
        ModelAveraging(RIDGE, STEP, n_replicas=1, every_epoch=True),
    ):
        assert fit(problem, "reshuffled", n_epochs=2).trained["w"].tobytes() == expected.tobytes()
    alone = fit(Downpour(RIDGE, STEP, n_workers=1), "reshuffled", n_epochs=2).trained["w"]
    np.testing.assert_allclose(alone, expected, rtol=1e-9)


def test_the_sparse_correction_of_svrg_is_right_in_the_mean() -> None:
    w = np.random.default_rng(0).normal(size=12)
    moves = []
    for e in range(60):
        problem = RidgeSvrg(RIDGE, STEP)
        fit(problem, np.arange(60), engine="serial")  # a snapshot at zero, and weights elsewhere
        problem.trained()["w"][:] = w
        problem.bind(np.array([e], dtype=np.int32), np.zeros(0, np.int32)).run(0, 1)
        moves.append((w - problem.trained()["w"]) / STEP)
    np.testing.assert_allclose(np.mean(moves, axis=0), RIDGE.gradient(w), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("make", [partial(RidgeSvrg, step=0.3), CoordinateDescent])
def test_methods_without_noise_reach_the_minimum(make: Any) -> None:
    fitted = fit(make(RIDGE), "reshuffled", n_epochs=400, engine="dataflow", with_loss=False)
    np.testing.assert_allclose(fitted.trained["w"], RIDGE.optimum, rtol=1e-6)


def test_mini_batches_train_the_same_objective() -> None:
    problem = mini_batch(RIDGE, 0.05, 8)
    fitted = fit(problem, n_epochs=3, engine="minibatch", n_jobs=2)
    objective = RIDGE.objective(fitted.trained["coef"][0])
    assert fitted.history[-1].loss == pytest.approx(objective, rel=1e-6)
    assert objective < RIDGE.objective(np.zeros(12))


# ---- bits ----------------------------------------------------------------------------------------

BIG = random_ridge(400, 200, 4, l2=1e-3, seed=2)
PARALLEL: dict[str, Callable[[], Any]] = {
    "sgd": lambda: RidgeSgd(BIG, STEP),
    "svrg": lambda: RidgeSvrg(BIG, STEP),
    "coordinate": lambda: CoordinateDescent(BIG),
    "averaging": lambda: ModelAveraging(BIG, STEP, n_replicas=5, every_epoch=True),
    "page rank": lambda: PageRank(random_links(200, 4)),
}


@pytest.mark.parametrize("name", PARALLEL)
def test_bits_are_serial_on_one_to_eight_workers(name: str) -> None:
    assert_serial_equivalent(PARALLEL[name], engines=["dataflow"], workers=range(1, 9))
    assert_serial_equivalent(PARALLEL[name], workers=(3,), epochs=1)


@pytest.mark.parametrize("name", ["round-robin", "late", "downpour"])
def test_simulated_clusters_run_in_serial_order_on_any_engine(name: str) -> None:
    assert_serial_equivalent(ORACLES[name][0], engines=["dataflow"], workers=(1, 3))


@pytest.mark.parametrize("name", PARALLEL)
def test_updates_touch_what_they_declare(name: str) -> None:
    problem = PARALLEL[name]()
    check_supports(problem, np.arange(10))
    graph = problem.hypergraph
    wrong = (graph.indices.astype(np.int64) + 1) % graph.n_variables
    problem.hypergraph = Hypergraph(wrong, graph.arity or graph.indptr, graph.n_variables)
    with pytest.raises(SupportError):
        check_supports(problem, np.arange(10))


def test_coordinate_descent_keeps_its_residuals() -> None:
    problem = PARALLEL["coordinate"]()
    fit(problem, n_epochs=5, engine="dataflow", n_jobs=2)
    assert problem.drift() < 1e-12
    problem.trained()["residuals"][3] += 0.5
    assert problem.drift() == pytest.approx(0.5)


# ---- the page ------------------------------------------------------------------------------------


def test_every_method_comes_down_on_real_digits() -> None:
    ridge = digits_ridge()
    chosen = methods(ridge, 0.1, 0.8, seed=1)
    outcomes = run_methods(ridge, chosen, 3, 2, seed=1)
    again = run_methods(ridge, chosen, 3, 1, seed=1)
    for outcome, other in zip(outcomes, again, strict=True):
        if outcome.racing:  # nothing is promised but that it comes down
            assert 0 < outcome.excess[-1] < 0.1
            continue
        assert 0 < outcome.excess[-1] < outcome.excess[0], outcome.method
        assert outcome.digest == other.digest
    by_method = {o.method: o.excess[-1] for o in outcomes if not o.racing}
    assert min(by_method, key=by_method.__getitem__) == "SVRG, sparse"
    assert by_method["model averaging, once"] > by_method["SGD"]
    assert len(outcome_table(outcomes).rows) == len(chosen) == 12
    assert len(excess_figure(outcomes).table.rows) == 30  # of the twins only those with the bits


def test_sparsity_costs_quality_and_brings_parallelism() -> None:
    found = compare_sparsities(6, 2, 0, (16, 4, 1))
    assert [(s.kept, s.masks) for s in found] == [
        (16, "partition"), (4, "partition"), (4, "independent"), (1, "partition"),
    ]  # fmt: skip
    assert all(s.digests["dataflow"] == s.digests["serial"] for s in found)
    assert all(s.losses["dataflow"] == s.losses["serial"] for s in found)
    assert len({s.digests["serial"] for s in found}) == 4
    dense, parts, independent, single = found
    assert (dense.parallelism, dense.conflicts) == (1.0, 1.0)
    assert 1 < independent.parallelism < parts.parallelism <= 4
    assert 8 < single.parallelism <= 16
    assert parts.conflicts < independent.conflicts < 1
    assert 0.5 < single.accuracy < dense.accuracy
    assert len(sparsity_table(found, 6).rows) == 4
    assert len(sparsity_figure(found, 6).table.rows) == 8


def test_twins_share_bits_or_do_not() -> None:
    rows = digest_table(make_problems(BIG, 2000, 0), 0).rows
    assert [row[1:4] for row in rows[::2]] == [["dataflow", 1, 8]] * 4
    assert all(row[3] >= 1 for row in rows[1::2])  # on one worker


def test_races_take_turns() -> None:
    trainings = race(PARALLEL["svrg"], 2, n_epochs=3)
    assert trainings["dataflow"].losses == trainings["serial"].losses
    assert all(len(own.epochs) == 3 and min(own.epochs) > 0 for own in trainings.values())
    training = Training(0.0, [1.0, 2.0, 4.0], [0.5, 0.3, 0.1])
    assert [training.seconds_to(loss) for loss in (0.3, 0.1, 0.01)] == [3.0, 7.0, None]


# ---- wrong data ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SparseRidge(np.eye(3), np.zeros(2), 0.1), r"y: expected shape \(3,\), got \(2,\)"),
        (lambda: SparseRidge(np.eye(3), np.zeros(3), 0.0), "l2: expected a positive number, got 0"),
        (lambda: random_ridge(10, 7, 2), "n_variables: expected a multiple of 2, got 7"),
        (lambda: PageRank(sp.eye_array(3)), "links: expected every page to link to another"),
        (lambda: PageRank(np.ones((2, 3))), r"links: expected a square matrix, got shape \(2, 3\)"),
    ],
)
def test_wrong_data_is_refused(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        make()

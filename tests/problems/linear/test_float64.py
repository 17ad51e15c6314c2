"""Linear models without a lattice: the engines that need none, and what both must do."""

from __future__ import annotations

import numpy as np
import pytest
from harness import same_bytes
from problems.linear.trainings import LOG, make, text, train

from serialeq.errors import SerialeqError
from serialeq.native.team import WorkerTeam
from serialeq.testing import check_supports


def test_the_lattice_costs_no_accuracy() -> None:
    X, targets = text()
    options = {**LOG, "alpha": 1e-3}
    losses = {}
    for arithmetic in ("lattice", "float64"):
        problem = make(X, targets, **options, arithmetic=arithmetic)
        before = problem.loss()
        train(problem, "reshuffled", "serial", n_epochs=20)
        losses[arithmetic] = problem.loss()
    assert losses["float64"] < 0.8 * before
    assert losses["lattice"] == pytest.approx(losses["float64"], rel=0.005)
    assert losses["lattice"] != losses["float64"]  # two arithmetics indeed


@pytest.mark.parametrize("engine", ["dataflow", "groups", "cyclades", "locked"])
def test_other_engines_equal_serial_in_float64(engine: str) -> None:
    X, targets = text(n=60, d=500)
    options = {**LOG, "arithmetic": "float64"}
    expected = train(make(X, targets, **options), "shuffled", "serial", n_epochs=2)
    for n_workers in (1, 2, 3):
        trained = train(make(X, targets, **options), "shuffled", engine, n_workers, 2)
        assert same_bytes(trained, expected)


@pytest.mark.parametrize("engine", ["dataflow", "locked"])
def test_means_of_other_engines_equal_those_of_serial(engine: str) -> None:
    X, targets = text(n=60, d=500)
    options = {**LOG, "arithmetic": "float64", "average": 20}
    expected = train(make(X, targets, **options), "shuffled", "serial", n_epochs=2)
    assert expected["coef_sum"].any()
    for n_workers in (2, 3):
        trained = train(make(X, targets, **options), "shuffled", engine, n_workers, 2)
        assert same_bytes(trained, expected)


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_updates_touch_what_is_declared(fit_intercept: bool) -> None:
    X, targets = text(n=20, d=12)
    options = {"arithmetic": "float64", "average": 3, "fit_intercept": fit_intercept}
    problem = make(X, targets, **LOG | options)
    problem.load({"coef": np.ones((1, 12)), "intercept": np.ones(1)})
    check_supports(problem)
    if not fit_intercept:
        train(problem, "given", "serial")
        assert problem.published()[1] == 1  # a mean of ones


def test_hogwild_learns() -> None:
    X, targets = text()
    problem = make(X, targets, **LOG | {"alpha": 1e-3, "arithmetic": "float64"})
    before = problem.loss()
    train(problem, "reshuffled", "hogwild", 2, n_epochs=5)
    assert problem.loss() < 0.9 * before


def test_engines_that_a_problem_cannot_use_are_refused() -> None:
    X, targets = text(n=20, d=10)
    with pytest.raises(SerialeqError, match=r"one of serial, lookahead, minibatch .* 'hogwild'"):
        train(make(X, targets, **LOG), "given", "hogwild")
    for engine in ("lookahead", "minibatch"):
        problem = make(X, targets, **LOG, arithmetic="float64")
        with pytest.raises(SerialeqError, match=f"engine: expected one of serial, .* '{engine}'"):
            train(problem, "given", engine)


def test_means_begin_at_an_update() -> None:
    X, targets = text(n=20, d=10)
    with pytest.raises(SerialeqError, match="average: expected at least 0, got -1"):
        make(X, targets, **LOG, average=-1)


@pytest.mark.parametrize("n_workers", [1, 2, 5])
def test_the_loss_is_the_objective(n_workers: int) -> None:
    X, targets = text(n=700, d=50)
    problem = make(X, targets, **LOG)
    trained = train(problem, "given", "serial")
    margins = X @ trained["coef"].T + trained["intercept"]
    expected = np.logaddexp(0, -targets * margins).mean()
    expected += 0.5 * problem.alpha * (trained["coef"] ** 2).sum()
    with WorkerTeam(n_workers, n_workers) as team:
        loss = problem.loss(team)
    assert loss == pytest.approx(expected, rel=1e-12)
    assert loss == problem.loss()

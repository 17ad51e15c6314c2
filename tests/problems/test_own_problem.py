"""A problem of the user's own: the README's example, `fit`, and clear errors for wrong ones."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
from collections import namedtuple
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from harness import python_environment

from serialeq import fit
from serialeq.digest import digest_arrays
from serialeq.errors import DataError, DivergenceError, SerialeqError, SupportError
from serialeq.hypergraph import Hypergraph
from serialeq.native.kernel import kernel
from serialeq.order import blocked_order
from serialeq.testing import Chain, check_supports, first_difference
from serialeq.training.session import OrderSource

README = Path(__file__).parents[2] / "README.md"


def readme_blocks() -> list[str]:
    section = README.read_text().split("\n## Your own problem\n")[1].split("\n## ")[0]
    return re.findall(r"```python\n(.*?)```", section, re.DOTALL)


@pytest.fixture(scope="module")
def example(tmp_path_factory: Any) -> dict[str, Any]:
    """Return the names that the README's first block defines."""
    path = tmp_path_factory.mktemp("example") / "example.py"
    path.write_text(readme_blocks()[0])
    return runpy.run_path(str(path))


def test_the_readme_example_runs_as_it_is_printed(tmp_path: Path) -> None:
    model, use, _ = readme_blocks()
    assert len([line for line in model.splitlines() if line.strip()]) <= 40
    path = tmp_path / "example.py"
    path.write_text(model + use)
    done = subprocess.run(
        [sys.executable, "-W", "error", str(path)],
        env=python_environment(PATH=os.environ["PATH"]),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    serial, dataflow = (line.split(maxsplit=2) for line in done.stdout.splitlines())
    assert (serial[0], dataflow[0]) == ("serial", "dataflow")
    assert serial[1:] == dataflow[1:]
    losses = [float(loss) for loss in re.findall(r"\d\.\d+", serial[2])]
    assert len(losses) == 5
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 0.9 * losses[0]


def small_data() -> tuple[Any, np.ndarray]:
    rng = np.random.default_rng(3)
    return sp.random_array((25, 12), density=0.3, rng=rng, format="csr"), rng.normal(size=25)


@pytest.mark.parametrize("engine", ["serial", "dataflow"])
def test_the_example_is_a_factorization_machine(example: dict[str, Any], engine: str) -> None:
    X, y = small_data()
    machine = example["FactorizationMachine"](X, y, rank=3)
    w, V = machine.w.copy(), machine.V.copy()
    order = np.random.default_rng(0).integers(0, 25, 60)
    fitted = fit(machine, order, n_epochs=2, engine=engine, n_jobs=2)
    for e in np.tile(order, 2):
        x = X[[int(e)]].toarray()[0]
        pairs = sum(V[i] @ V[j] * x[i] * x[j] for i in range(12) for j in range(i))
        error = w @ x + pairs - y[e]
        V, w = (
            V - 0.05 * error * (np.outer(x, x @ V) - V * x[:, None] ** 2),
            w - 0.05 * error * x,
        )
    np.testing.assert_allclose(fitted.trained["w"], w, rtol=1e-9)
    np.testing.assert_allclose(fitted.trained["V"], V, rtol=1e-9)
    dense = X.toarray()
    pairs = [sum(V[i] @ V[j] * x[i] * x[j] for i in range(12) for j in range(i)) for x in dense]
    expected = np.mean((dense @ w + pairs - y) ** 2)
    assert fitted.history[-1].loss == pytest.approx(expected)


def test_the_example_declares_what_it_touches(example: dict[str, Any]) -> None:
    X, y = small_data()
    machine = example["FactorizationMachine"](X, y)
    check_supports(machine)
    forgetful = X.copy()
    forgetful.indices[:] = (X.indices + 1) % 12
    machine.hypergraph = Hypergraph(forgetful.indices, X.indptr, 12)
    with pytest.raises(SupportError, match="sample 0 writes variable"):
        check_supports(machine)


# ---- fit -----------------------------------------------------------------------------------------


def graph_of(n_samples: int = 40) -> Hypergraph:
    return Hypergraph(np.random.default_rng(1).integers(0, 12, 2 * n_samples), 2, 12)


@pytest.mark.parametrize("kind", ["shuffled", "reshuffled", "given", "array", "Order"])
def test_fit_trains_in_the_order_asked_for(kind: str) -> None:
    graph = graph_of()
    order: Any = {
        "array": np.array([3, 3, 1]),
        "Order": blocked_order(graph, np.arange(12) % 3, 3, seed=4),
    }.get(kind, kind)
    problem = Chain(graph)
    source = OrderSource(problem, order, seed=5)
    samples = np.concatenate([source.epoch(epoch).samples() for epoch in range(3)])
    if kind == "Order":
        assert (samples == np.tile(order.samples(), 3)).all()
    expected = problem.oracle(samples)
    fitted = fit(problem, order, n_epochs=3, engine="dataflow", n_jobs=2, seed=5)
    assert not first_difference(fitted.trained, expected)
    assert fitted.digest == digest_arrays(expected)
    assert [epoch.epoch for epoch in fitted.history] == [1, 2, 3]
    assert (fitted.engine, fitted.engine_reason) == ("dataflow", "as asked")


def test_fit_goes_on_where_it_was() -> None:
    whole, parts = Chain(graph_of()), Chain(graph_of())
    seen = []
    fit(whole, "reshuffled", n_epochs=3)
    fit(parts, "reshuffled", n_epochs=1, callbacks=[seen.append], with_loss=False)
    fit(parts, "reshuffled", n_epochs=range(1, 3), callbacks=[seen.append], n_jobs=1)
    assert not first_difference(parts.trained(), whole.trained())
    assert [epoch.epoch for epoch in seen] == [1, 2, 3]
    assert [epoch.loss is None for epoch in seen] == [True, False, False]


def test_fit_of_a_loss_that_is_not_finite() -> None:
    problem = Chain(graph_of())
    problem.values[0] = np.inf
    with pytest.raises(DivergenceError, match="training diverged in epoch 1: the loss is"):
        fit(problem, "given")


# ---- wrong problems ------------------------------------------------------------------------------


def wrong(**changes: Any) -> Chain:
    return type("Wrong", (Chain,), changes)(graph_of())


Pair = namedtuple("Pair", "samples rates")


@pytest.mark.parametrize(
    ("problem", "message"),
    [
        (
            lambda: wrong(kernel=lambda c, start, stop: None),
            r"kernel: expected a function decorated with @serialeq.kernel, got method as Wrong",
        ),
        (
            lambda: wrong(context=lambda self, samples, times: {"samples": samples}),
            "context: expected a named tuple of arrays and numbers, got dict",
        ),
        (
            lambda: wrong(context=lambda self, samples, times: (samples, times)),
            "context: expected a named tuple of arrays and numbers, got tuple",
        ),
        (
            lambda: wrong(context=lambda self, samples, times: Pair(samples, [0.1])),
            "context field 'rates': expected an array, int, bool, str or float, got list",
        ),
        (lambda: Chain, "problem: expected a serialeq.Problem, got ABCMeta"),
    ],
)
def test_wrong_problems_are_refused(problem: Any, message: str) -> None:
    with pytest.raises(SerialeqError, match=message):
        fit(problem())


def test_a_support_out_of_range_is_refused() -> None:
    with pytest.raises(DataError, match=r"expected variables in 0..3, got values from 0 to 4"):
        Hypergraph([0, 4], [0, 1, 2], 4)


@pytest.mark.parametrize("function", [lambda c, k: None, lambda: None, print, 3])
def test_a_kernel_is_a_function_of_three_arguments(function: Any) -> None:
    with pytest.raises(SerialeqError, match=r"kernel: expected a function run\(context, start"):
        kernel(function)

"""`check_supports` finds what is touched and not declared, and passes what is right."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest
import scipy.sparse as sp
from factorizations import factorization
from hypothesis import given, settings
from hypothesis import strategies as st

from serialeq.errors import SerialeqError, SupportError
from serialeq.hypergraph import Hypergraph
from serialeq.native.kernel import kernel
from serialeq.problem import Problem
from serialeq.problems.linear.parameters import LinearParameters
from serialeq.problems.linear.problem import LinearModel
from serialeq.problems.mf.problem import Factorization
from serialeq.testing import Chain, check_supports, first_difference, hypergraphs

N_VARIABLES = 9


class PlantedContext(NamedTuple):
    samples: np.ndarray
    pairs: np.ndarray
    x: np.ndarray
    bias: np.ndarray
    data: np.ndarray
    fault: str


@kernel
def planted_kernel(c: Any, start: int, stop: int) -> None:
    """Move the two variables of a sample towards each other, and do something wrong."""
    x = c.x
    for k in range(start, stop):
        e = np.intp(c.samples[k])
        u, v = c.pairs[e, 0], c.pairs[e, 1]
        other = 7 if e == 3 else u  # sample 3 is (1, 2)
        step = 0.25 * (x[u, 0] - x[v, 0]) + c.data[e]
        if c.fault == "write":
            x[other, 1] += 1e-3
        if c.fault == "write that rounding hides":
            x[other, 1] += 1e-30
        if c.fault == "read":
            step += 1e-6 * x[other, 0]
        if c.fault == "read that rounding hides":
            step += 1e-30 * x[other, 0]
        if c.fault == "comparison" and x[other, 0] > 100:
            step += 1.0
        if c.fault == "state" and x[v, 0] > 1.5:
            x[other, 0] += step
        if c.fault == "number of a state" and c.bias[v] == 2:
            x[other, 0] += step
        if c.fault == "two reads":
            step += x[other, 0] * (x[6, 0] if e == 3 else 1.0)
        if c.fault == "data":
            c.data[e] += 1.0
        if c.fault == "padding":
            x[N_VARIABLES, 0] = step
        x[u, 0] -= step
        x[v, 0] += step
        x[u, 1] += step * c.bias[u]


class Planted(Problem):
    """Pairs of variables; row 9 of ``x`` belongs to nobody."""

    kernel = planted_kernel

    def __init__(self, fault: str = "none") -> None:
        self.fault = fault
        self.pairs = np.array([(0, 1), (4, 5), (0, 8), (1, 2), (7, 6), (3, 3)])
        self.hypergraph = Hypergraph(self.pairs.ravel(), 2, N_VARIABLES)
        self.x = np.random.default_rng(0).uniform(0, 1, (N_VARIABLES + 1, 2))
        self.bias = np.array([0, 1, 0, 1, 2, 0, 1, 0, 1])
        self.data = np.linspace(-0.2, 0.2, len(self.pairs))

    def context(self, samples: np.ndarray, times: np.ndarray) -> Any:
        return PlantedContext(samples, self.pairs, self.x, self.bias, self.data, self.fault)

    def variables(self) -> dict[str, np.ndarray]:
        rows = np.arange(N_VARIABLES)
        return {"x": np.append(rows, -1), "bias": rows}

    def trained(self) -> dict[str, np.ndarray]:
        return {"x": self.x}

    def loss(self, team: Any = None) -> float:
        return float(np.abs(self.x).sum())


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("write", r"sample 3 writes variable 7: 'x'\[7\] \(support \[1, 2\]; .*'present'\)"),
        ("write that rounding hides", r"sample 3 writes variable 7: 'x'\[7\]"),
        ("read", r"sample 3 reads variable 7 \(support \[1, 2\]; found in state 'present'\)"),
        ("read that rounding hides", r"sample 3 reads variable 7 \("),
        ("comparison", r"sample 3 reads variable 7 \("),
        (
            "state",
            r"sample 3 writes variable 7: .* found in state '(positive|near|middling|large)'\)",
        ),
        ("number of a state", r"sample 3 writes variable 7: .* \(support \[1, 2\]"),
        ("two reads", r"sample 3 reads variable [67] \("),
    ],
)
def test_planted_faults_are_found_and_named(fault: str, message: str) -> None:
    check_supports(Planted())
    problem = Planted(fault)
    with pytest.raises(SupportError, match=message) as error:
        check_supports(problem)
    assert {line.split(" (")[0].split()[1] for line in str(error.value).splitlines()} == {"3"}
    assert not first_difference(problem.trained(), Planted().trained())
    check_supports(Planted(fault), [0, 1, 2, 4, 5])
    with pytest.raises(SupportError, match=message):
        check_supports(Planted(fault), [3])


def test_writes_to_what_is_nobodys_are_found() -> None:
    with pytest.raises(SupportError, match=r"sample 0 writes what is no variable's: 'x'\[9\]"):
        check_supports(Planted("padding"))
    problem = Planted("data")
    with pytest.raises(SupportError, match=r"sample 0 writes 'data', which variables\(\) does not"):
        check_supports(problem)
    assert (problem.data == Planted().data).all()


def test_support_errors_are_assertions_and_errors_of_the_package() -> None:
    assert issubclass(SupportError, AssertionError)
    assert issubclass(SupportError, SerialeqError)


@pytest.mark.parametrize("timed", [False, True])
@settings(max_examples=15)
@given(graph=hypergraphs(max_samples=8))
def test_supports_of_the_chain(timed: bool, graph: Hypergraph) -> None:
    check_supports(Chain(graph, timed=timed))


@settings(max_examples=15)
@given(graph=hypergraphs(max_samples=8, distinct=True), data=st.data())
def test_a_support_without_one_of_its_variables_is_found(graph: Hypergraph, data: Any) -> None:
    problem = Chain(graph)
    sizes = np.diff(problem.indptr)
    if not sizes.any():
        return
    sample = data.draw(st.sampled_from(np.flatnonzero(sizes).tolist()))
    place = data.draw(st.integers(problem.indptr[sample], problem.indptr[sample + 1] - 1))
    indptr = problem.indptr - (np.arange(problem.indptr.size) > sample)
    problem.hypergraph = Hypergraph(np.delete(problem.indices, place), indptr, graph.n_variables)
    missing = problem.indices[place]
    with pytest.raises(SupportError, match=rf"^sample {sample} writes variable {missing}:"):
        check_supports(problem)


FACTORIZATIONS: list[dict[str, Any]] = [
    {"bias": "all", "schedule": "adagrad"},
    {"schedule": "inverse", "dtype": "float64", "bias": "global"},
    {"nonnegative": True, "bias": "none"},
    {"weights": np.linspace(0.1, 1.0, 30), "schedule": "adagrad"},
]


@pytest.mark.parametrize("options", FACTORIZATIONS, ids=str)
def test_supports_of_factorization(options: dict[str, Any]) -> None:
    rng = np.random.default_rng(0)
    users, items = rng.integers(0, 6, 30), rng.integers(0, 5, 30)
    values = rng.uniform(1, 5, 30).astype(np.float32)

    def make() -> Factorization:
        return factorization(users, items, values, (6, 5), n_factors=5, **options)

    check_supports(make(), np.arange(15))

    class Undeclared(Factorization):
        hypergraph = property(  # type: ignore[assignment]
            lambda self: Hypergraph(self._row_of_user[self._users], 1, 11)
        )

    options = {"n_factors": 5, "made": Undeclared} | options
    undeclared = factorization(users, items, values, (6, 5), **options)
    with pytest.raises(SupportError, match="reads variable"):
        check_supports(undeclared, [3])


@pytest.mark.parametrize("dense", [False, True])
@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_supports_of_linear_models(dense: bool, n_outputs: int, fit_intercept: bool) -> None:
    rng = np.random.default_rng(0)
    X = sp.random_array((12, 10), density=0.4, rng=rng, format="csr")
    targets = np.sign(rng.normal(size=(12, n_outputs)))

    def make(arithmetic: str = "float64") -> LinearModel:
        return LinearModel(
            X.toarray() if dense else X,
            targets,
            LinearParameters("log_loss", arithmetic=arithmetic, fit_intercept=fit_intercept),
        )

    check_supports(make())
    if not fit_intercept and not dense and n_outputs == 1:
        with pytest.raises(SerialeqError, match="variables: expected arithmetic='float64'"):
            check_supports(make("lattice"))
    if fit_intercept:
        problem = make()
        problem.hypergraph = Hypergraph.from_matrix(  # type: ignore[misc]
            sp.csr_array((X.data, X.indices, X.indptr), (12, 11))
        )
        with pytest.raises(SupportError, match="sample 0 writes variable 10: 'intercept'"):
            check_supports(problem)


@pytest.mark.parametrize(
    ("owners", "message"),
    [
        ({"y": np.arange(10)}, "'y' is no array of the context; there are samples, pairs, x, bias"),
        ({"x": np.arange(9)}, r"'x': expected one integer .* shape \(10,\), got int64 of .*\(9,\)"),
        ({"x": np.zeros(10)}, "'x': expected one integer .* got float64"),
        ({"x": np.arange(10)}, r"'x': expected variables in 0..8, or -1, got values from 0 to 9"),
        ({"x": np.arange(10) - 2}, r"'x': expected variables .* got values from -2 to 7"),
    ],
)
def test_owners_that_do_not_fit_are_refused(owners: dict[str, np.ndarray], message: str) -> None:
    problem = Planted()
    problem.variables = lambda: owners  # type: ignore[method-assign]
    with pytest.raises(SerialeqError, match=message):
        check_supports(problem)


def test_problems_that_cannot_be_checked_are_refused() -> None:
    class Silent(Planted):
        variables = Problem.variables

    with pytest.raises(SerialeqError, match="variables: Silent does not say to which variables"):
        check_supports(Silent())
    with pytest.raises(SerialeqError, match=r"samples: expected samples in 0..5, got \[6\]"):
        check_supports(Planted(), [6])
    problem = Planted()
    problem.data = problem.x.reshape(-1)[:6]
    with pytest.raises(SerialeqError, match="fields 'x' and 'data' share memory"):
        check_supports(problem)

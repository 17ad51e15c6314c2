"""`check_supports` on the bundled problems with planted faults, and on contexts that are wrong."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
import scipy.sparse as sp
from factorizations import factorization
from hypothesis import given, settings
from hypothesis import strategies as st

from serialeq import fit
from serialeq.errors import SerialeqError, SupportError
from serialeq.hypergraph import Hypergraph
from serialeq.native.jit import jit
from serialeq.native.kernel import Kernel, kernel
from serialeq.order import shuffled_order
from serialeq.planning.dataflow import plan_dataflow
from serialeq.planning.hogwild import plan_hogwild
from serialeq.problem import Problem
from serialeq.problems.cut.graphs import Graph
from serialeq.problems.cut.kernel import multiway_kernel, two_way_kernel
from serialeq.problems.cut.problem import GraphCut
from serialeq.problems.linear.kernel import row_kernel
from serialeq.problems.linear.parameters import LinearParameters
from serialeq.problems.linear.problem import LinearModel
from serialeq.problems.mf.kernel import factorization_kernel
from serialeq.problems.mf.problem import Factorization
from serialeq.problems.network.kernel import network_kernel
from serialeq.problems.network.parameters import NetworkParameters
from serialeq.problems.network.problem import DropoutNetwork
from serialeq.testing import (
    assert_serial_equivalent,
    check_supports,
    explore,
    problems,
    worker_counts,
)

# ---- the three faults of which nobody is safe, in every bundled problem --------------------------


@jit
def plant(rows: Any, fault: Any) -> None:
    """Do something wrong with row 0 (own) and row 1 (not the sample's) of an array."""
    kind, own, other = fault[0], fault[1], fault[2]
    if kind == 1:
        rows[other] *= rows.dtype.type(1.01)
    elif kind == 2:
        rows[own] += rows.dtype.type(1e-3) * rows[other]
    elif kind == 3 and rows[own] > 0.6:
        rows[other] = -rows[other]


factorization_run, linear_run = jit(factorization_kernel.run), jit(row_kernel.run)
two_way_run, multiway_run = jit(two_way_kernel.run), jit(multiway_kernel.run)
network_run = jit(network_kernel.run)


@kernel
def faulty_factorization(c: Any, start: int, stop: int) -> None:
    """Update, and fail."""
    factorization_run(c, start, stop)
    plant(c.factors.reshape(-1), c.fault)


@kernel
def faulty_linear(c: Any, start: int, stop: int) -> None:
    """Update, and fail."""
    linear_run(c, start, stop)
    plant(c.weights.reshape(-1), c.fault)


@kernel
def faulty_two_way(c: Any, start: int, stop: int) -> None:
    """Update, and fail."""
    two_way_run(c, start, stop)
    plant(c.x, c.fault)


@kernel
def faulty_multiway(c: Any, start: int, stop: int) -> None:
    """Update, and fail."""
    multiway_run(c, start, stop)
    plant(c.x.reshape(-1), c.fault)


@kernel
def faulty_network(c: Any, start: int, stop: int) -> None:
    """Update, and fail."""
    network_run(c, start, stop)
    plant(c.inward.reshape(-1), c.fault)


def ratings() -> Factorization:
    rng = np.random.default_rng(0)
    users, items = rng.integers(0, 6, 30), rng.integers(0, 5, 30)
    return factorization(
        users, items, rng.uniform(1, 5, 30).astype(np.float32), (6, 5), n_factors=5
    )


def linear() -> LinearModel:
    rng = np.random.default_rng(0)
    X = sp.random_array((12, 10), density=0.3, rng=rng, format="csr")
    targets = np.sign(rng.normal(size=(12, 1)))
    parameters = LinearParameters("squared_error", arithmetic="float64", fit_intercept=False)
    return LinearModel(X, targets, parameters)


def cut(n_labels: int) -> GraphCut:
    rng = np.random.default_rng(0)
    first = rng.integers(0, 12, 40)
    second = (first + rng.integers(1, 12, 40)) % 12
    edges = np.stack([first, second], axis=1).astype(np.uint32)
    weights = rng.uniform(0.1, 3.0, 40).astype(np.float32)
    graph = Graph(edges, weights, np.zeros(12, np.uint32), 1, (12,))
    seeds = np.append(np.arange(n_labels), np.full(12 - n_labels, -1)).astype(np.int32)
    return GraphCut(graph, seeds, n_labels)


def network() -> DropoutNetwork:
    rng = np.random.default_rng(0)
    targets = np.eye(3)[rng.integers(3, size=12)]
    X = rng.normal(size=(12, 5))
    return DropoutNetwork(
        X, targets, NetworkParameters(12, n_groups=6, n_kept=2, masks="independent")
    )


BUNDLED: dict[str, tuple[Callable[[], Problem], Kernel, str]] = {
    "factorization": (ratings, faulty_factorization, "factors"),
    "linear": (linear, faulty_linear, "weights"),
    "cut of two": (lambda: cut(2), faulty_two_way, "x"),
    "cut of three": (lambda: cut(3), faulty_multiway, "x"),
    "network": (network, faulty_network, "inward"),
}


@pytest.mark.parametrize("name", BUNDLED)
def test_planted_faults_are_found_in_every_bundled_problem(name: str) -> None:
    make, faulty, field = BUNDLED[name]
    for kind, told in enumerate(["", "writes", "reads", "writes"]):
        problem = make()
        context = problem.context(np.zeros(1, np.int32), np.zeros(1, np.int32))
        owner, support = problem.variables()[field], problem.hypergraph.support(0)
        own = np.flatnonzero(np.isin(owner, support))[0]
        other = np.flatnonzero(~np.isin(owner, support) & (owner >= 0))[-1]
        width = int(np.prod(getattr(context, field).shape[1:]))
        fault = np.array([kind, own * width, other * width])
        fields = namedtuple("Faulty", [*context._fields, "fault"])
        present = problem.context
        problem.context = lambda *a, c=present, f=fields, p=fault: f(*c(*a), p)  # type: ignore
        problem.kernel = faulty
        if kind == 0:
            check_supports(problem, [0])
            continue
        with pytest.raises(SupportError, match=rf"^sample \d+ {told} variable {owner[other]}[: ]"):
            check_supports(problem, [0] if kind < 3 else None)  # a state is not always drawn


# ---- contexts ------------------------------------------------------------------------------------


class Context(NamedTuple):
    samples: np.ndarray
    pairs: np.ndarray
    x: np.ndarray
    step: float
    mode: str


@kernel
def pair_kernel(c: Any, start: int, stop: int) -> None:
    """Set both numbers of a pair to something between them."""
    for k in range(start, stop):
        u, v = np.intp(c.pairs[c.samples[k], 0]), np.intp(c.pairs[c.samples[k], 1])
        middle = c.x.dtype.type(c.step) * (c.x[u] + c.x[v])
        if c.mode == "imaginary part" and u == 1:
            middle += c.x.dtype.type(c.x[5].imag)
        if c.mode == "write beyond" and u == 1:
            c.x[np.uintp(c.x.size)] = middle
        if c.mode == "read beyond" and u == 1:
            middle += c.x[np.uintp(c.x.size)]
        if c.mode == "random":
            middle += c.x.dtype.type(np.random.random())  # noqa: NPY002
        if c.mode == "first" and k == start:
            middle += c.x.dtype.type(1)
        if c.mode == "samples":
            c.samples[k] = 0
        c.x[u] = middle
        c.x[v] = middle


class Pairs(Problem):
    kernel = pair_kernel

    def __init__(self, mode: str = "", dtype: Any = np.float64) -> None:
        rng = np.random.default_rng(0)
        self.mode, self.step = mode, 0.5
        self.pairs = np.array([(0, 1), (1, 2), (4, 4), (2, 3), (1, 4)] * 8)
        self.hypergraph = Hypergraph(self.pairs.ravel(), 2, 6)
        self.x = rng.uniform(1, 2, 6).astype(dtype)

    def context(self, samples: np.ndarray, times: np.ndarray) -> Any:
        return Context(samples, self.pairs, self.x, self.step, self.mode)

    def variables(self) -> Any:
        return {"x": np.arange(6)}

    def trained(self) -> Any:
        return {"x": self.x}

    def loss(self, team: Any = None) -> float:
        return float(np.abs(self.x).sum())


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64, np.complex128])
def test_numbers_of_any_kind_that_numba_has(dtype: Any) -> None:
    check_supports(Pairs(dtype=dtype))
    assert_serial_equivalent(lambda: Pairs(dtype=dtype), workers=(2,), epochs=1)


@pytest.mark.parametrize("dtype", [np.float16, np.longdouble, object, "U3"])
def test_numbers_that_numba_does_not_have_are_refused(dtype: Any) -> None:
    with pytest.raises(SerialeqError, match=r"field 'x': expected an array of bool, .*, got"):
        fit(Pairs(dtype=dtype))


@pytest.mark.parametrize(
    ("mode", "message"),
    [
        ("write beyond", r"^sample 1 writes beyond the ends of 'x' \(support \[1, 2\]"),
        ("read beyond", r"^sample 1 reads beyond the ends of an array \(support \[1, 2\]"),
        ("random", r"^sample 0 gives different results in the same state \("),
        ("samples", r"^sample 1 writes 'samples', which variables\(\) does not name \("),
    ],
)
def test_faults_that_no_support_could_declare(mode: str, message: str) -> None:
    with pytest.raises(SupportError, match=message) as error:
        check_supports(Pairs(mode))
    if mode.endswith("beyond"):  # nobody else is blamed
        samples = {line.split()[1] for line in str(error.value).splitlines()}
        assert {int(s) % 5 for s in samples} == {1, 4}


def test_a_read_of_an_imaginary_part_is_found() -> None:
    with pytest.raises(SupportError, match=r"^sample 1 reads variable 5 \(support \[1, 2\]"):
        check_supports(Pairs("imaginary part", np.complex128))


@pytest.mark.parametrize(
    ("mode", "message"),
    [
        ("random", "^the serial engine gives two results, epoch 1: array 'x'"),
        ("first", "^engine 'groups', 2 workers, epoch 1: array 'x'"),
    ],
)
def test_updates_that_are_no_function_of_the_sample_are_found(mode: str, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        assert_serial_equivalent(lambda: Pairs(mode), workers=(1, 2))


def wrong(**changes: Any) -> Any:
    return type("Wrong", (Pairs,), changes)()


def with_new_array(self: Any, samples: np.ndarray, times: np.ndarray) -> Any:
    return Context(samples, self.pairs, self.x.copy(), self.step, self.mode)


def set_step(self: Any, epoch: int, n_samples: int) -> None:
    self.step = 0.5 / (1 + epoch)


@pytest.mark.parametrize(
    ("problem", "message"),
    [
        (
            lambda: wrong(context=with_new_array),
            "context: expected the array that is trained as 'x' in every call, got a new one",
        ),
        (
            lambda: wrong(begin_epoch=set_step),
            "context: expected the same 'step' in every epoch, got 0.5 and then 0.25; a number",
        ),
        (lambda: wrong(variables=lambda self: ["x"]), "variables: expected a dictionary .*list"),
        (lambda: 3, "problem: expected a serialeq.Problem, got int"),
    ],
)
def test_problems_whose_work_would_be_lost_are_refused(problem: Any, message: str) -> None:
    with pytest.raises(SerialeqError, match=message):
        check_supports(problem())


def test_a_hypergraph_is_a_hypergraph() -> None:
    for use in (fit, check_supports, lambda problem: assert_serial_equivalent(lambda: problem)):
        problem = Pairs()
        problem.hypergraph = sp.csr_array(np.eye(6))  # type: ignore[assignment]
        with pytest.raises(SerialeqError, match=r"hypergraph: expected .*, got csr_array as Pairs"):
            use(problem)
    with pytest.raises(SerialeqError, match="trained: expected a dictionary of arrays from Wrong"):
        assert_serial_equivalent(lambda: wrong(trained=lambda self: {"x": self.x.tolist()}))


# ---- problems that are drawn ---------------------------------------------------------------------


@settings(max_examples=15)
@given(make_problem=problems(), n_workers=worker_counts(4))
def test_problems_that_are_drawn_are_equivalent(make_problem: Any, n_workers: int) -> None:
    check_supports(make_problem(), np.arange(min(2, make_problem().hypergraph.n_samples)))
    assert_serial_equivalent(make_problem, engines=["dataflow"], workers=[n_workers], epochs=1)


@given(data=st.data())
def test_problems_are_drawn_as_asked_for(data: Any) -> None:
    graph = Hypergraph([0, 1, 2, 1], 2, 3)
    problem = data.draw(problems(graph, timed=True))()
    assert problem.hypergraph is graph
    assert problem.timed


def test_exploration_starts_anew_each_time() -> None:
    problem = Pairs()
    order = shuffled_order(problem.hypergraph, 0)
    explore(Pairs, order, plan_dataflow(order, 2), n=3)
    with pytest.raises(AssertionError, match="interleaving"):
        explore(Pairs, order, plan_hogwild(order, 2), n=3)
    for plan in (plan_dataflow, plan_hogwild):  # one and the same problem would equal itself
        with pytest.raises(AssertionError, match="make_problem: two problems that it made differ"):
            explore(lambda: problem, order, plan(order, 2), n=3)
    with pytest.raises(SerialeqError, match=r"make_problem: expected a function .*, got Pairs"):
        explore(problem, order, plan_dataflow(order, 2))  # type: ignore[arg-type]

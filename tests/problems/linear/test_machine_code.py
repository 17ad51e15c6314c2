"""Linear models are strict arithmetic, and what the CPU can do does not show in the bits."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest
from harness import run_python
from problems.linear.trainings import LOG, THREE, make, train

from serialeq.digest import digest_arrays
from serialeq.problems.linear.problem import LinearModel

GOLDEN = {
    "log_loss": "741275d3c2d75b87d32b99e1c2c2d30c3acc40f7bb59a93594a0e155ef471a4d",
    "three classes": "81d1a6ebe2bac8eacdd4a5dff0e815bc5e05b566556684dc68bdd997c2a45efc",
}
"""Digests of the trained models, on every machine."""

ASSEMBLY = """
import json
from problems.linear.test_machine_code import example
from serialeq.native import jit
from serialeq.problems.linear.kernel import row_kernel
from serialeq.problems.linear.objective import loss_worker
from serialeq.order import given_order
from serialeq.problems.linear.rates import fill_rates, settle
from serialeq.native.team import WorkerTeam
import numpy as np

jit.enable_cache = lambda *_: None  # assembly can be had where it is compiled, not from the cache


def assembly_of(function):
    again = jit.jit(function.py_func)
    again.compile(function.signatures[0])
    return "".join(again.inspect_asm().values())


assembly = {}
for name, options in {
    "log_loss": {}, "three classes": {}, "float64": {"arithmetic": "float64"}
}.items():
    problem = example("log_loss" if name == "float64" else name, **options)
    order = given_order(problem.hypergraph, np.arange(problem.n_samples))
    if name != "three classes":
        context = problem.context(order.samples(), order.samples())
        assembly["row, " + name] = row_kernel.compiled(context)._library.get_asm_str()
    if name != "float64":
        _, bound = problem.sliced(order, WorkerTeam(1), simultaneous=False)
        assembly["sliced, " + name] = bound._compiled._library.get_asm_str()
problem.begin_epoch(0, problem.n_samples)
problem.loss()
assembly["rates"] = assembly_of(fill_rates)
assembly["settle"] = assembly_of(settle)
assembly["loss"] = assembly_of(loss_worker)
print(json.dumps(assembly))
"""


def example(kind: str, **options: Any) -> LinearModel:
    """Return a model of data that need no random numbers."""
    i, j = np.arange(200)[:, None], np.arange(40)
    counts = (i * i + 7 * i * j + 3 * j) % 11 * ((i * 5 + j * j) % 3 == 0)
    X = counts / (1.0 + counts.sum(axis=1, keepdims=True))
    labels = (i * 37 + counts[:, :1] + counts[:, 1:2]) % 3
    if kind == "three classes":
        return make(X, np.where(labels == np.arange(3), 1.0, -1.0), **THREE | options)
    return make(X, np.where(labels == 0, 1.0, -1.0), **LOG | options)


def training_digests() -> dict[str, str]:
    """Train every case on two workers for three epochs."""
    return {
        kind: digest_arrays(train(example(kind), "reshuffled", "lookahead", 2, n_epochs=3))
        for kind in GOLDEN
    }


@pytest.fixture(scope="module")
def assembly() -> dict[str, str]:
    return json.loads(run_python(ASSEMBLY))


@pytest.mark.parametrize(
    "code",
    [
        "row, log_loss",
        "row, float64",
        "sliced, log_loss",
        "sliced, three classes",
        "rates",
        "settle",
        "loss",
    ],
)
def test_no_multiplication_is_fused_with_an_addition(assembly: dict[str, str], code: str) -> None:
    assert re.search(r"\b(v?mul[ps]d|fmul)\b", assembly[code])
    assert not re.search(r"\b(v?fn?m(add|sub|la|ls))", assembly[code])


def test_trainings_have_the_same_bits_on_every_machine() -> None:
    assert training_digests() == GOLDEN


def test_the_instruction_set_does_not_show() -> None:
    code = "import json; from problems.linear.test_machine_code import training_digests"
    code += "; print(json.dumps(training_digests()))"
    assert json.loads(run_python(code, NUMBA_CPU_NAME="generic")) == GOLDEN

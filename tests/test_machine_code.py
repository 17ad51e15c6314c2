"""The machine code is strict arithmetic, and what the CPU can do does not show in the bits."""

from __future__ import annotations

import json
import platform
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from harness import run_python
from oracle import OPTIONS

from serialeq.digest import digest_arrays
from serialeq.problems.factorization import Factorization
from serialeq.runs.session import OrderSource, Session
from serialeq.team import WorkerTeam

TRAININGS: dict[str, tuple[str, dict[str, Any]]] = {
    "blocked": ("blocked", {}),
    "shuffled": ("shuffled", {}),
    "adagrad, biases": ("blocked", {"schedule": "adagrad", "bias": "all"}),
    "inverse, double": ("shuffled", {"schedule": "inverse", "dtype": np.float64}),
    "nonnegative": ("given", {"nonnegative": True, "bias": "none"}),
}
GOLDEN = {
    "blocked": "27da5a6f7639149f8ed5b7bfa824eee038f6fe29a695c76df989694905cfd040",
    "shuffled": "095e384262fbb51d3b7898d6fc05d31c59d4a9e899c7a66c98ec3cffee7d0d1b",
    "adagrad, biases": "c647c95f4955a303452311093a9b14c3c0a7fc6d2ff227eaff9ec4d6a1cd5441",
    "inverse, double": "11cd6fef8f715af5621d47e5ddb74c91f5840c235d859d47d2f9694eeecc5d51",
    "nonnegative": "fac0fc54f40d92516fe33ec985bc5c6ca1fea55d6df5f5a18e7073fcf1a8e445",
}
"""Digests of the trained models, on every machine."""

ASSEMBLY = """
import json
from test_machine_code import make
import numpy as np
from serialeq.engines.executor import Executor, run_thread
from serialeq.kernels.factorization import squared_error_worker
from serialeq.order import given_order
from serialeq.planning.dataflow import plan_dataflow
from serialeq.team import WorkerTeam

nothing = np.zeros(0, np.int32)
assembly = {}
for name, options in {
    "plain": {"n_factors": 32},
    "all": {"n_factors": 20, "schedule": "adagrad", "bias": "all", "nonnegative": True},
    "inverse": {"n_factors": 20, "schedule": "inverse"},
    "double": {"n_factors": 20, "schedule": "adagrad", "bias": "all", "dtype": np.float64},
}.items():
    problem = make(**options)
    compiled = problem.kernel.compiled(problem.context(nothing, nothing))
    assembly[name] = compiled._library.get_asm_str()
problem.loss()
assembly["loss"] = "".join(squared_error_worker.inspect_asm().values())
Executor(plan_dataflow(given_order(problem.hypergraph, [0, 1]), 2), WorkerTeam(2))
assembly["executor"] = "".join(run_thread.inspect_asm().values())
print(json.dumps(assembly))
"""


def make(**options: Any) -> Factorization:
    """Return a factorisation of values that need no random numbers."""
    k = np.arange(3_000)
    users, items = (k * k + 7 * k) % 83, (k * k * k + 3 * k) % 61
    values = ((k * 37 % 101) / 25).astype(np.float32)
    options = {**OPTIONS, "n_factors": 20, "init_scale": 0.1, "seed": 4, **options}
    return Factorization(users, items, values, (83, 61), **options)


def training_digests() -> dict[str, str]:
    """Train every case on two workers for two epochs."""
    digests = {}
    for name, (order, options) in TRAININGS.items():
        problem = make(**options)
        with WorkerTeam(2) as team:
            session = Session(problem, OrderSource(problem, order, 8), "dataflow", team)
            for epoch in range(2):
                session.run_epoch(epoch)
        digests[name] = digest_arrays(problem.trained())
    return digests


@pytest.fixture(scope="module")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Assembly of what trains; it can be had where it is compiled, not from the cache."""
    cache = str(tmp_path_factory.mktemp("cache"))
    return json.loads(run_python(ASSEMBLY, SERIALEQ_CACHE_DIR=cache))


@pytest.mark.parametrize("name", ["plain", "all", "inverse", "double", "loss"])
def test_no_multiplication_is_fused_with_an_addition(assembly: dict[str, str], name: str) -> None:
    assert re.search(r"\b(v?mul[ps][sd]|fmul)\b", assembly[name])
    assert not re.search(r"\b(v?fn?m(add|sub|la|ls))", assembly[name])


@pytest.mark.skipif(platform.machine() != "x86_64", reason="names of x86 instructions")
def test_vectors_stay_vectors(assembly: dict[str, str]) -> None:
    for name, multiply in (("plain", "v?mulps"), ("all", "v?mulps"), ("double", "v?mulpd")):
        assert re.search(rf"\b{multiply}\s.*%[xyz]mm", assembly[name])
    assert re.search(r"\bv?maxp|v?cmp\w*p", assembly["all"])  # the projection too


@pytest.mark.skipif(platform.machine() != "x86_64", reason="names of x86 instructions")
def test_waits_and_posts_are_plain_moves(assembly: dict[str, str]) -> None:
    assert re.search(r"\bpause\b", assembly["executor"])
    assert "sched_yield" in assembly["executor"]
    assert not re.search(r"\b(mfence|xchg\w*)\b", assembly["executor"])


def test_trainings_have_the_same_bits_on_every_machine() -> None:
    assert training_digests() == GOLDEN


@pytest.mark.parametrize(
    "environment",
    [{"NUMBA_CPU_NAME": "generic"}, {"NUMBA_CPU_NAME": "generic", "NUMBA_OPT": "1"}],
    ids=["baseline", "hardly optimised"],
)
def test_instruction_set_and_optimisation_do_not_show(
    environment: dict[str, str], tmp_path: Path
) -> None:
    if "NUMBA_OPT" in environment:  # the level is no part of the cache's key
        environment = {**environment, "SERIALEQ_CACHE_DIR": str(tmp_path)}
    code = "import json; from test_machine_code import *; print(json.dumps(training_digests()))"
    assert json.loads(run_python(code, **environment)) == GOLDEN

"""The machine code is strict arithmetic, and what the CPU can do does not show in the bits."""

from __future__ import annotations

import json
import platform
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from factorizations import factorization
from harness import run_python
from problems.mf.oracle import OPTIONS

from serialeq.digest import digest_arrays
from serialeq.native.team import WorkerTeam
from serialeq.problems.mf.problem import Factorization
from serialeq.training.session import OrderSource, Session

WEIGHTS = np.arange(3_000) % 7 / 7
TRAININGS: dict[str, tuple[str, dict[str, Any]]] = {
    "blocked": ("blocked", {}),
    "shuffled": ("shuffled", {}),
    "adagrad, biases": ("blocked", {"schedule": "adagrad", "bias": "all"}),
    "inverse, double": ("shuffled", {"schedule": "inverse", "dtype": "float64"}),
    "nonnegative": ("given", {"nonnegative": True, "bias": "none"}),
    "weights": ("blocked", {"schedule": "adagrad", "bias": "all", "weights": WEIGHTS}),
}
GOLDEN = {
    "blocked": "1df9d61ed48412ee1067f5cd29e29516b242cda09655637652ad6d02dfee807d",
    "shuffled": "129f8087c34ed9a9067266a36f37e99bd4155093107e87edfdc3b9306a1267d2",
    "adagrad, biases": "3ba271a439dcfa0de6156c0bc8a8b0681ea040d18d3ff0b0409f7f336e73eae2",
    "inverse, double": "9fba7357a1dd348f7c57ba81cdeed874794ea9f4aef5c956e5e59bbbd75209f4",
    "nonnegative": "740714736b5f7136a9ab15f38b075fa29509a641357d6d3dc50ce533a5cc1083",
    "weights": "bbaf994f9cee8ea355806f0bbc8437a729efe84437137cb04cedbe5c23da6456",
}
"""Digests of the trained models, on every machine."""

ASSEMBLY = """
import json
from problems.mf.test_machine_code import make
import numpy as np
from serialeq.engines.executor import Executor, run_thread
from serialeq.problems.mf.kernel import squared_error_worker
from serialeq.order import given_order
from serialeq.planning.dataflow import plan_dataflow
from serialeq.native.team import WorkerTeam

nothing = np.zeros(0, np.int32)
assembly = {}
for name, options in {
    "plain": {"n_factors": 32},
    "all": {"n_factors": 20, "schedule": "adagrad", "bias": "all", "nonnegative": True},
    "inverse": {"n_factors": 20, "schedule": "inverse"},
    "double": {"n_factors": 20, "schedule": "adagrad", "bias": "all", "dtype": "float64"},
    "weights": {"n_factors": 20, "schedule": "adagrad", "weights": np.ones(3_000)},
}.items():
    problem = make(**options)
    compiled = problem.kernel.compiled(problem.context(nothing, nothing))
    assembly[name] = compiled._library.get_asm_str()
problem.loss()
assembly["loss"] = "".join(squared_error_worker.inspect_asm().values())
schedule = plan_dataflow(given_order(problem.hypergraph, [0, 1]), 2)
progress = Executor(schedule, WorkerTeam(2)).progress
assembly["executor"] = run_thread.compiled(progress)._library.get_asm_str()
print(json.dumps(assembly))
"""


def make(**options: Any) -> Factorization:
    """Return a factorisation of values that need no random numbers."""
    k = np.arange(3_000)
    users, items = (k * k + 7 * k) % 83, (k * k * k + 3 * k) % 61
    values = ((k * 37 % 101) / 25).astype(np.float32)
    options = {**OPTIONS, "n_factors": 20, "init_scale": 0.1, "seed": 4, **options}
    return factorization(users, items, values, (83, 61), **options)


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


@pytest.mark.parametrize("name", ["plain", "all", "inverse", "double", "weights", "loss"])
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
    code = "import json; from problems.mf.test_machine_code import training_digests"
    code += "; print(json.dumps(training_digests()))"
    assert json.loads(run_python(code, **environment)) == GOLDEN

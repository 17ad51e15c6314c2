"""Graph cuts are strict arithmetic, and what the CPU can do does not show in the bits."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from harness import run_python

from serialeq.digest import digest_arrays
from serialeq.problems.cut.graphs import grid_graph
from serialeq.problems.cut.problem import GraphCut

GOLDEN = {
    "2": "aac80d7734fa8122e0da7f412aa9458f134f439ca691490f1207857bf1dba4c0",
    "5": "54668c64e8e89dace72f64d714abf37b5dee4193ab9102144a42a0f44bf17c0b",
}
"""Digests of the relaxed solutions by number of labels, on every machine."""

ASSEMBLY = """
import json
from problems.cut.test_machine_code import make
import numpy as np
from serialeq.problems.cut.grids import grid_edges

nothing = np.zeros(0, np.int32)
assembly = {}
for n_labels in (2, 5):
    problem = make(n_labels)
    compiled = problem.kernel.compiled(problem.context(nothing, nothing))
    assembly[str(n_labels)] = compiled._library.get_asm_str()
assembly["weights"] = "".join(grid_edges.inspect_asm().values())
print(json.dumps(assembly))
"""


def make(n_labels: int) -> GraphCut:
    """Return a cut of a volume that needs no random numbers."""
    k = np.arange(15 * 16 * 17)
    seeds = np.where(k % 41 == 0, k // 41 % n_labels, -1).astype(np.int32)
    image = (k * k * 37 % 101).reshape(15, 16, 17) / 25
    return GraphCut(grid_graph(image, 1.0), seeds, n_labels, step=0.1)


def training_digests() -> dict[str, str]:
    """Train every case for three epochs; a process that has to compile everything does little."""
    digests = {}
    for n_labels in (2, 5):
        problem = make(n_labels)
        n_edges = problem.hypergraph.n_samples
        samples = (np.arange(n_edges) * 7919 % n_edges).astype(np.int32)
        bound = problem.bind(samples, samples[:0])
        for epoch in range(3):
            problem.begin_epoch(epoch, n_edges)
            bound.run(0, n_edges)
        digests[str(n_labels)] = digest_arrays(problem.trained())
    return digests


@pytest.fixture(scope="module")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Assembly of what trains; it can be had where it is compiled, not from the cache."""
    cache = str(tmp_path_factory.mktemp("cache"))
    return json.loads(run_python(ASSEMBLY, SERIALEQ_CACHE_DIR=cache))


@pytest.mark.parametrize("name", ["2", "5", "weights"])
def test_no_multiplication_is_fused_with_an_addition(assembly: dict[str, str], name: str) -> None:
    assert re.search(r"\b(v?mul[ps][sd]|fmul)\b", assembly[name])
    assert not re.search(r"\b(v?fn?m(add|sub|la|ls))", assembly[name])


def test_trainings_have_the_same_bits_on_every_machine() -> None:
    assert training_digests() == GOLDEN


def test_instruction_set_does_not_show() -> None:
    code = "import json; from problems.cut.test_machine_code import training_digests"
    code += "; print(json.dumps(training_digests()))"
    assert json.loads(run_python(code, NUMBA_CPU_NAME="generic")) == GOLDEN

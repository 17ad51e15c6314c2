"""The digests of small runs do not depend on libm, fused multiply-add or the model of CPU."""

import platform
import re
from pathlib import Path

import pytest
from golden import GOLDEN, digest
from harness import SMALL, run_python
from run_cases import CASES

FEW = ["mf adagrad", "linear logistic", "network"]


def test_every_problem_has_a_golden_digest():
    assert GOLDEN.keys() == CASES.keys()
    assert len(set(GOLDEN.values())) == len(GOLDEN)


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_digest(name):
    assert digest(name) == GOLDEN[name]


@pytest.mark.slow
@pytest.mark.skipif(platform.machine() != "x86_64", reason="features of x86-64")
@pytest.mark.parametrize(
    "cpu",
    [
        {"NUMBA_CPU_NAME": "generic"},
        {"NUMBA_CPU_NAME": "nehalem", "NUMBA_CPU_FEATURES": "-avx,-avx2,-fma,-avx512f"},
    ],
    ids=["generic", "no AVX"],
)
def test_other_cpus_have_the_same_bits(cpu):
    names = FEW if SMALL else list(GOLDEN)
    told = run_python(
        "import sys; from golden import digest\n"
        "for name in sys.argv[1:]: print(name, digest(name), sep='\\t')",
        *names,
        **cpu,
    )
    found = dict(line.split("\t") for line in told.splitlines())
    assert found == {name: GOLDEN[name] for name in names}


def test_the_readme_shows_these_digests():
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    shown = dict(re.findall(r"^\| ([\w ]+) \| `([0-9a-f]{64})` \|$", readme, flags=re.MULTILINE))
    assert len(shown) == 7
    assert shown.items() <= GOLDEN.items()

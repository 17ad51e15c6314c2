"""Elementary functions against mpmath, and against what a wrong constant would do to them."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pytest
from harness import run_python
from native.exact import (
    EXACT,
    LN2,
    POINTS,
    Truth,
    exp_breakpoints,
    log_breakpoints,
    neighbours,
    truth,
)

from serialeq.digest import digest_arrays
from serialeq.native import elementary
from serialeq.native.jit import jit

FUNCTIONS = ("exp", "log1p", "softplus", "sigmoid_of_minus")
ULPS = {"exp": 0.52, "log1p": 0.85, "softplus": 2.0, "sigmoid_of_minus": 2.1}
GOLDEN = "4c4224c7c198e1aadef6c5e3d0385f93e0ef04f38a1a72e53391c448c8e0446c"
"""Digest of the functions' values at `points`, on every machine."""

ASSEMBLY = """
import json
import numpy as np
from native.test_elementary import FUNCTIONS, over_array
from serialeq.native import elementary
assembly = {}
for name in FUNCTIONS:
    compiled = over_array(getattr(elementary, name))
    compiled(np.zeros(1))
    assembly[name] = "".join(compiled.inspect_asm().values())
assembly["extreme"] = "".join(elementary._exp_extreme.inspect_asm().values())
print(json.dumps(assembly))
"""


def over_array(function: Any) -> Any:
    """Compile a loop that applies a function to each element."""

    @jit
    def apply(values):
        results = np.empty_like(values)
        for i in range(len(values)):
            results[i] = function(values[i])
        return results

    return apply


@pytest.fixture(scope="module")
def compiled() -> dict[str, Any]:
    return {name: over_array(getattr(elementary, name)) for name in FUNCTIONS}


@pytest.fixture(scope="module")
def truths() -> dict[str, tuple[np.ndarray, Truth]]:
    points = {name: POINTS[name]() for name in FUNCTIONS}
    return {name: (points[name], truth(EXACT[name], points[name])) for name in FUNCTIONS}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_values_are_close_to_the_exact_ones(name, compiled, truths):
    points, exact = truths[name]
    assert exact.errors(exact.nearest).max() <= 0.5
    assert exact.errors(compiled[name](points)).max() <= ULPS[name]


def mutant(tmp_path: Path, old: str, new: str) -> Any:
    """Return the module with a change in its source."""
    source = Path(elementary.__file__).read_text()
    assert source.count(old) == 1
    path = tmp_path / "mutant.py"
    path.write_text(source.replace(old, new))
    spec = importlib.util.spec_from_file_location("serialeq.native.mutant", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def constant(name: str) -> str:
    """Return a constant's hexadecimal digits as they stand in the source."""
    found = re.search(
        rf"^{name} = float\.fromhex\((.*)\)", Path(elementary.__file__).read_text(), re.M
    )
    assert found is not None
    return found[1]


# The power of two by which a constant is multiplied less one: about what its term lets show.
@pytest.mark.parametrize(
    ("name", "constant_name", "bits"),
    [
        ("exp", "_LN2_PART_HIGH", 52),
        ("exp", "_LN2_PART_LOW", 30),
        ("exp", "_EXP_2", 38),
        ("exp", "_EXP_3", 28),
        ("exp", "_EXP_4", 18),
        ("exp", "_EXP_5", 8),
        ("log1p", "_LN2_HIGH", 52),
        ("log1p", "_LN2_LOW", 22),
        ("log1p", "_LOG_1", 46),
        ("log1p", "_LOG_2", 41),
        ("log1p", "_LOG_3", 36),
        ("log1p", "_LOG_4", 31),
        ("log1p", "_LOG_5", 26),
        ("log1p", "_LOG_6", 21),
        ("log1p", "_LOG_7", 15),
    ],
)
@pytest.mark.parametrize("sign", [-1, 1])
def test_a_wrong_constant_is_noticed(name, constant_name, bits, sign, truths, tmp_path):
    right = constant(constant_name)
    wrong = (float.fromhex(right.strip("\"'")) * (1 + sign * 2.0**-bits)).hex()
    module = mutant(tmp_path, right, f'"{wrong}"')
    points, exact = truths[name]
    assert exact.errors(over_array(getattr(module, name))(points)).max() > ULPS[name]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("    return table\n", "    table[77, 1] += 1\n    return table\n"),
        ("    return table\n", "    table[:, 0] = 0\n    return table\n"),
        ("    return table\n", "    table[:, 0] ^= -(1 << 63)\n    return table\n"),
        ("lost = (power - result) + rest", "lost = 0.0"),
        ("(((1.0 - high) + result) + lost)", "0.0"),
    ],
)
def test_a_wrong_table_or_rounding_is_noticed(old, new, truths, tmp_path):
    points, exact = truths["exp"]
    assert exact.errors(over_array(mutant(tmp_path, old, new).exp)(points)).max() > ULPS["exp"]


def test_the_table_is_exact():
    table = elementary._POWERS.copy()
    table[:, 1] += np.arange(128) << 45
    lacking, values = table.view(np.float64).T.tolist()
    with mpmath.workprec(200):
        for i in range(128):
            exact = mpmath.mpf(2) ** (mpmath.mpf(i) / 128)
            assert values[i] == float(exact)
            assert lacking[i] == float((exact - values[i]) / values[i])


def test_ln2_times_k_is_exact():
    for high, k_bits in ((elementary._LN2_PART_HIGH, 18), (elementary._LN2_HIGH, 11)):
        mantissa = int(np.array(high).view(np.int64)) & (2**52 - 1)
        assert mantissa % 2 ** (k_bits - 1) == 0


@pytest.mark.parametrize(
    ("name", "centres"),
    [
        ("exp", exp_breakpoints(400)),
        ("exp", np.array([-745.1, -708.396418532264, -700.0, -1e-17, 1e-17, 1.0, 700.0, 709.78])),
        ("log1p", log_breakpoints()),
    ],
)
def test_neighbours_are_in_order(name, centres, compiled):
    rows = neighbours(centres, 200)
    values = compiled[name](rows.ravel()).reshape(rows.shape)
    assert np.all(np.diff(values, axis=1) >= 0)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_values_are_in_order(name, compiled):
    falls = name == "sigmoid_of_minus"
    points = np.sort(np.concatenate([POINTS[name](), np.linspace(-0.999, 5, 1_000_001)]))
    values = compiled[name](points)
    assert np.all(np.diff(-values if falls else values) >= 0)


@pytest.mark.parametrize(
    ("name", "cases"),
    [
        (
            "exp",
            [
                (0.0, 1.0),
                (-0.0, 1.0),
                (1e-320, 1.0),
                (np.inf, np.inf),
                (-np.inf, 0.0),
                (np.nan, np.nan),
                (709.782712893384, 1.7976931348622732e308),
                (709.7827128933841, np.inf),
                (1e308, np.inf),
                (-708.3964185322641, float.fromhex("0x1.000000000007cp-1022")),  # normal
                (-708.3964185322642, float.fromhex("0x0.ffffffffffe7cp-1022")),  # subnormal
                (-745.1332191019411, 5e-324),
                (-745.1332191019412, 0.0),
                (-1e308, 0.0),
            ],
        ),
        (
            "log1p",
            [
                (0.0, 0.0),
                (-0.0, -0.0),
                (5e-324, 5e-324),
                (-1e-300, -1e-300),
                (2.0**-55, 2.0**-55),
                (-1.0, -np.inf),
                (np.nextafter(-1, -2), np.nan),
                (-2.0, np.nan),
                (-np.inf, np.nan),
                (np.inf, np.inf),
                (np.nan, np.nan),
                (sys.float_info.max, 709.782712893384),
            ],
        ),
        (
            "softplus",
            [
                (0.0, LN2),
                (-np.inf, 0.0),
                (np.inf, np.inf),
                (np.nan, np.nan),
                (1e308, 1e308),
                (-1e308, 0.0),
                (800.0, 800.0),
                (-745.1332191019411, 5e-324),
            ],
        ),
        (
            "sigmoid_of_minus",
            [
                (0.0, 0.5),
                (-0.0, 0.5),
                (-np.inf, 1.0),
                (np.inf, 0.0),
                (np.nan, np.nan),
                (1e308, 0.0),
                (-1e308, 1.0),
                (709.7827128933841, 0.0),
            ],
        ),
    ],
)
def test_special_values(name, cases, compiled):
    points, expected = np.array(cases).T.copy()
    values = compiled[name](points)
    np.testing.assert_array_equal(values, expected)
    known = ~np.isnan(expected)
    np.testing.assert_array_equal(np.signbit(values[known]), np.signbit(expected[known]))


def test_tiny_numbers_are_their_own_logarithms(compiled):
    tiny = 2.0 ** np.random.default_rng(4).uniform(-1074, -54, 1_000)
    tiny = np.concatenate([tiny, -tiny])
    assert np.array_equal(compiled["log1p"](tiny), tiny)


def test_bits_there_and_back():
    there = over_array(elementary.float_to_bits)

    @jit
    def back(bits):
        return elementary.bits_to_float(bits)

    values = np.array([0.0, -0.0, 1.0, -np.pi, np.inf, 5e-324])
    assert np.array_equal(there(values), values.view(np.int64).astype(np.float64))
    restored = [back(bits) for bits in values.view(np.int64).tolist()]
    assert np.array(restored).tobytes() == values.tobytes()


def digest() -> str:
    """Return a digest of the values at points that need no elementary function of NumPy."""
    k = np.arange(-30_000, 30_001, dtype=np.float64)
    points = {
        "exp": np.concatenate([k / 40.0, k * k * k * 2.0**-48]),
        "log1p": np.concatenate([k / 30_000.5, (k + 30_000.0) / 7.0, np.abs(k) * 1e290]),
    }
    points["softplus"] = points["sigmoid_of_minus"] = points["exp"]
    return digest_arrays(
        {name: over_array(getattr(elementary, name))(points[name]) for name in FUNCTIONS}
    )


def test_values_have_the_same_bits_on_every_machine():
    assert digest() == GOLDEN


@pytest.mark.parametrize(
    "environment",
    [{"NUMBA_CPU_NAME": "generic"}, {"NUMBA_CPU_NAME": "generic", "NUMBA_OPT": "1"}],
    ids=["baseline", "hardly optimised"],
)
def test_instruction_set_and_optimisation_do_not_show(environment, tmp_path):
    if "NUMBA_OPT" in environment:  # the level is no part of the cache's key
        environment = {**environment, "SERIALEQ_CACHE_DIR": str(tmp_path)}
    code = "import json; from native.test_elementary import digest; print(json.dumps(digest()))"
    assert json.loads(run_python(code, **environment)) == GOLDEN


def test_neither_the_library_nor_fused_operations_are_used(tmp_path):
    assembly = json.loads(run_python(ASSEMBLY, SERIALEQ_CACHE_DIR=str(tmp_path)))
    for name, text in assembly.items():
        assert re.search(r"\b(v?mul[ps]d|fmul)\b", text), name
        assert not re.search(r"\b(v?fn?m(add|sub|la|ls))", text), name
        assert not re.search(r"\b(exp|expm1|exp2|log|log1p|ldexp)(@|\b)", text), name

"""``python -m benchmarks linear``: whole training runs of every engine and of others."""

from __future__ import annotations

from typing import Any

import pytest
from benchmark_runs import run_json
from typer.testing import CliRunner

from benchmarks.__main__ import app


@pytest.fixture(scope="module")
def linear() -> dict[str, Any]:
    content = run_json("linear", "--data", "20ng", "--quick", "--jobs", "2")
    assert set(content) == {"data", "machine", "results"}
    (result,) = content["results"]
    return result


def test_linear_rows_are_whole_runs_of_everyone(linear):
    assert {"loss", "rows", "ratios", "classes", "settings"} == set(linear)
    rows = {row["name"]: row for row in linear["rows"]}
    assert len(rows) == len(linear["rows"])
    assert set(rows) >= {
        *("serial float64", "serial lattice", "lookahead two-level", "auto"),
        *("minibatch 64", "hogwild", "locked", "ceiling", "scikit-learn"),
    }
    for row in rows.values():
        low, high = row["spread"]
        assert 0 < low <= row["seconds"] <= high
        assert min(row["epoch"], row["speedup"], row["over_hogwild"], row["over_best_serial"]) > 0
        assert row["loss"] == "log_loss"
        assert row["one_epoch"] == (row["name"] == "locked")
        assert (row["quality"] is None) == (row["name"] in ("ceiling", "locked"))
    assert rows["serial float64"]["speedup"] == 1.0
    assert rows["hogwild"]["over_hogwild"] == 1.0
    plain, lattice = (rows[name]["quality"] for name in ("serial float64", "serial lattice"))
    assert lattice == pytest.approx(plain, rel=5e-3)
    assert rows["scikit-learn"]["quality"] == pytest.approx(plain, rel=0.1)
    assert rows["serial lattice"]["accuracy"] > 0.9


def test_linear_rows_have_the_bits_that_they_promise(linear):
    rows = {row["name"]: row for row in linear["rows"]}
    promising = [row for row in linear["rows"] if row["equivalent"]]
    assert {row["engine"] for row in promising} == {"serial", "lookahead", "locked", "auto"}
    assert all(row["serial_bits"] for row in promising)
    assert rows["minibatch 64"]["serial_bits"]
    assert rows["ceiling"]["serial_bits"] is None
    blocks = [row for row in promising if row["engine"] == "lookahead" and row["size"]]
    assert {row["digest"] for row in blocks} == {rows["serial lattice"]["digest"]}
    assert rows["serial float64"]["digest"] != rows["serial lattice"]["digest"]
    assert all(len(row["digest"]) == 64 for row in promising)


def test_linear_ratios_and_classes(linear):
    ratios = linear["ratios"]
    assert abs(ratios["objective: lattice over float64"]) < 5e-3
    block = next(row["size"] for row in linear["rows"] if row["name"] == "lookahead, 1 worker")
    assert {
        *(f"lookahead {block} / hogwild", "minibatch 64 / minibatch 64, 1 worker"),
        *("auto / serial lattice", "per epoch: serial float64 / scikit-learn"),
    } <= set(ratios["speed"])
    classes = linear["classes"]
    assert classes["n_classes"] == 20
    for ratio in [*ratios["speed"].values(), *classes["ratios"].values()]:
        assert 0 < ratio["low"] <= ratio["paired"] <= ratio["high"]
    rows = {row["name"]: row for row in classes["rows"]}
    assert rows["lookahead"]["serial_bits"]
    assert rows["lookahead"]["accuracy"] > 0.5


def test_linear_refuses_unknown_losses():
    result = CliRunner().invoke(app, ["linear", "--quick", "--loss", "log_loss,tanh"])
    assert result.exit_code == 2
    assert "tanh" in result.output

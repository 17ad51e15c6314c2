"""The other commands: planning, the quality after each epoch, historical methods."""

from __future__ import annotations

import pytest
from benchmark_runs import run_json
from typer.testing import CliRunner

from benchmarks.__main__ import app


def test_planning_reports_time_and_memory_by_size():
    content = run_json("planning", "--sizes", "0.3", "--jobs", "1", "--factors", "8")
    assert [(row["ratings"], row["order"]) for row in content["rows"]] == [
        (300_000, "blocked"),
        (300_000, "given"),
    ]
    for row in content["rows"]:
        assert row["plan_ns"] > 0
        assert 0 < row["peak_over_data_and_model"] < 20


@pytest.mark.parametrize("sizes", ["1,x", "0", ""])
def test_sizes_that_are_no_positive_numbers_are_refused(sizes):
    result = CliRunner().invoke(app, ["planning", "--sizes", sizes])
    assert result.exit_code == 2


def test_baselines_train_on_texts():
    content = run_json("baselines", "--quick", "--jobs", "2")
    rows = {row["method"]: row for row in content["rows"]}
    assert len(rows) == 12
    for row in rows.values():
        assert len(row["excess"]) == 3
        assert row["excess"][-1] > 0
        assert row["accuracy"] > 0.6, row["method"]
        assert row["excess"][-1] < row["excess"][0], row["method"]
    pages = {row["engine"]: row for row in content["page_rank"]}
    assert pages["dataflow"]["digest"] == pages["serial"]["digest"]
    for row in pages.values():
        assert row["left"][0] > row["left"][1] > row["left"][2] > 0


def test_quality_has_a_curve_for_each_kind_of_order():
    content = run_json("quality", "mf", "--data", "netflix-like", "--quick", "--jobs", "2")
    assert set(content) == {"data", "measure", "machine", "results"}
    assert content["measure"] == "RMSE"
    (result,) = content["results"]
    for order in ("shuffled", "reshuffled", "blocked"):
        curve = result["curves"][f"serialeq, {order}"]
        assert list(curve) == ["1", "2"]
        assert 0.5 < curve["2"] < curve["1"] < 1.2


def test_quality_of_a_network_with_scikit_learn():
    content = run_json("quality", "network", "--data", "20ng", "--quick", "--set", "n_kept=1")
    (result,) = content["results"]
    assert result["setting"] == {"n_kept": 1}
    name = "scikit-learn MLPClassifier"
    assert len(result["curves"][name]) == 2
    assert result["facts"][name]["ms/epoch"] > 0


def test_quality_of_word_vectors_shows_neighbours():
    content = run_json("quality", "embed", "--data", "20ng", "--quick")
    (result,) = content["results"]
    assert len(result["facts"]) == 3
    assert all(len(found) == 8 for found in result["facts"].values())

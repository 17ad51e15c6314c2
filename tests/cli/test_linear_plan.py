"""What ``plan`` says of linear models."""

import gzip
import json
import re

import pytest
from cli.linear_data import load

from serialeq.native.team import WorkerTeam
from serialeq.problems.linear.problem import LinearModel
from serialeq.reading.svmlight import read_svmlight


def test_plan_says_that_the_graph_is_dense(call, svm, tsv, tmp_path):
    picture = tmp_path / "plan.png"
    out, err = call("plan", svm, "--plot", picture, "--loss", "log_loss", "--jobs", 2)
    assert "linear (as the name ends in .svm)" in err
    X, _ = load(svm)
    hottest = int(X.count_nonzero(axis=0).max())
    assert f"in {hottest} samples ({100 * hottest / 400:.1f} %)" in out
    assert re.search(r"dense: (99\.\d|100\.0) % of all pairs conflict", out)
    blocks, size = map(int, re.search(r"lookahead +(\d+) blocks of (\d+) samples", out).groups())
    assert (blocks - 1) * size < 400 <= blocks * size
    assert re.search(r"memory of the plan +[\d.]+ MB \(slices .*gram .*waits .*scratch ", out)
    assert "1024" in out
    assert picture.read_bytes().startswith(b"\x89PNG")
    out, err = call("plan", "--text", tsv, "--json")
    assert "linear (--text)" in err
    told = json.loads(out)
    assert [row["jobs"] for row in told["rows"]] == [2**k for k in range(11)]
    assert told["statistics"]["dense"] is True
    assert told["lookahead"]["outputs"] == 3


@pytest.mark.parametrize(("loss", "block", "jobs"), [("log_loss", 16, 2), ("hinge", 4, 1)])
def test_plan_tells_what_lookahead_does(call, svm, loss, block, jobs):
    out, _ = call("plan", svm, "--loss", loss, "--block-size", block, "--jobs", jobs, "--json")
    told = json.loads(out)
    read = read_svmlight(str(svm), integer_labels=True)
    with WorkerTeam(jobs) as team:
        model = LinearModel(read.X, read.y[:, None].astype(float), loss=loss, block=block)
        order = model.reshuffled_order(0, 0)
        _, bound = model.sliced(order, team, simultaneous=False)
        layout = model._state.layout
        slices = layout.ptr.nbytes + layout.columns.nbytes + layout.values.nbytes
        expected = {
            "block": block, "blocks": 400 // block, "outputs": 1, "jobs": jobs,
            "feature_bits": model.lattice.feature_bits,
            "factor_bits": model.lattice.factor_bits, "feature_scale": model.lattice.scale,
        }  # fmt: skip
        speedups = [model.predicted_speedup(order, 2**k) for k in range(11)]
    plan_bytes = told["lookahead"].pop("plan_bytes")
    assert told["lookahead"] == expected
    assert plan_bytes["slices"] == slices
    assert plan_bytes["gram"] == bound.context.gram.nbytes
    assert [row["predicted_speedup"] for row in told["rows"]] == speedups


def test_plan_by_kind(call, tmp_path):
    sparse = tmp_path / "data.txt"
    sparse.write_text("".join(f"{i % 2} {i + 1}:1\n" for i in range(100)))
    out, err = call("plan", sparse, "--kind", "linear")
    assert "linear (as asked)" in err
    assert "sparse: 0.0 % of all pairs conflict" in out
    compressed = tmp_path / "data.svm.gz"
    compressed.write_bytes(gzip.compress(sparse.read_bytes()))
    assert call("plan", compressed)[0] == out
    ratings = tmp_path / "ratings.csv"
    ratings.write_text("".join(f"{i % 7},{i % 5},{i % 3}\n" for i in range(50)))
    assert "ratings (as the name does not end in .svm" in call("plan", ratings)[1]

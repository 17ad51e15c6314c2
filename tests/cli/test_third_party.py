"""README's factorisation machine as somebody else's package: it has every command."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from harness import python_environment

README = Path(__file__).parents[2] / "README.md"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Install README's two files; return a function that runs Python with them."""
    section = README.read_text().split("\n## Your own problem\n")[1].split("\n## ")[0]
    model, _, kind = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    (project,) = re.findall(r"```toml\n(.*?)```", section, re.DOTALL)
    source, site = (tmp_path_factory.mktemp(name) for name in ("source", "site"))
    (source / "factorization_machine.py").write_text(model + kind)
    (source / "pyproject.toml").write_text(project)
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation",
         "--target", str(site), str(source)],
        check=True, capture_output=True,
    )  # fmt: skip
    environment = python_environment()
    environment["PYTHONPATH"] = f"{site}:{environment['PYTHONPATH']}"

    def call(*arguments, status=0):
        done = subprocess.run(
            [sys.executable, *map(str, arguments)], env=environment, capture_output=True,
            text=True, check=False, cwd=README.parent,
        )  # fmt: skip
        assert done.returncode == status, done.stderr
        return done

    return call


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    rng = np.random.default_rng(0)
    lines = []
    for _ in range(300):
        chosen = np.sort(rng.choice(40, 5, replace=False)) + 1
        lines.append(f"{np.sin(chosen.sum()):.4f} " + " ".join(f"{j}:1" for j in chosen))
    path = tmp_path_factory.mktemp("data") / "numbers.svm"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_it_has_every_command(run, data, tmp_path):
    cli = ("-m", "serialeq.cli")
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    train = (*cli, "train", "fm", data, "--epochs", 4, "--rank", 4)
    assert "Train a factorisation machine." in run(*cli, "train", "--help").stdout
    assert "Length of the vectors." in run(*cli, "train", "fm", "--help").stdout
    told = run(*train, "--out", whole, "--engine", "serial").stdout
    made = json.loads(run(*train, "--json", "--engine", "dataflow", "--jobs", 2).stdout)
    assert made["digest"] in told
    assert made["kind"] == "fm"
    assert len(run(*cli, "predict", whole, data).stdout.splitlines()) == 301
    assert "same bits: 5 states and the model" in run(*cli, "verify", whole, "--jobs", 2).stdout
    assert "critical path, shuffled" in run(*cli, "plan", "fm", data).stdout

    interrupted = """
import sys
from serialeq import RunRecorder
from serialeq.cli.main import main
end = RunRecorder.on_epoch_end
def interrupt(self, training, record):
    end(self, training, record)
    if record.epoch == 2:
        raise KeyboardInterrupt
RunRecorder.on_epoch_end = interrupt
sys.argv = ["serialeq", *sys.argv[1:]]
main()
"""
    run("-c", interrupted, *train[2:], "--out", parts, status=130)
    run(*cli, "train", "--resume", parts)
    assert run(*cli, "diff", whole, parts).stdout == "states: the same up to epoch 4\n"
    loaded = "import sys, serialeq; print(serialeq.load(sys.argv[1]).estimator().digest_)"
    assert run("-c", loaded, whole).stdout.strip() == made["digest"]


def test_it_has_golden_digest_and_canaries(run):
    code = """
from serialeq.testing import assert_serial_equivalent, check_supports, example, golden_digest
assert golden_digest("fm") == golden_digest("fm", "dataflow", 2)
check_supports(example("fm"))
assert_serial_equivalent(lambda: example("fm"), workers=(1, 2))
"""
    run("-c", code)


def test_it_takes_part_in_races(run):
    told = run("-m", "benchmarks", "race", "fm", "--quick", "--json").stdout
    rows = json.loads(told)["results"][0]["rows"]
    assert {"serial", "dataflow", "hogwild"} <= {row["engine"] for row in rows}
    assert all(row["serial_bits"] for row in rows if row["equivalent"])


def test_a_second_kind_of_one_word_is_left_out_and_told(tmp_path):
    info = tmp_path / "other-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[serialeq.problems]\nmf = other:KIND\n")
    (tmp_path / "other.py").write_text(
        "from serialeq.problems.registry import Kind\n"
        "KIND = Kind('mf', 'another', ('other:A',), 'other:B', 'other:c')\n"
    )
    environment = python_environment()
    environment["PYTHONPATH"] = f"{tmp_path}:{environment['PYTHONPATH']}"
    done = subprocess.run(
        [sys.executable, "-m", "serialeq.cli", "train", "--help"], env=environment,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0
    assert "Factorise a matrix of ratings." in done.stdout
    assert "other:KIND: expected a kind of problem, got: another kind 'mf'" in done.stderr

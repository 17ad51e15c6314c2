"""``serialeq train cut``, as a user calls it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from cli.processes import call
from run_files import content

from serialeq import MultiwayCut, load


@pytest.fixture(scope="module")
def files(tmp_path_factory: Any) -> Path:
    directory = tmp_path_factory.mktemp("cut")
    rng = np.random.default_rng(0)
    image = np.arange(40) // 20 + 0.2 * rng.normal(size=(30, 40))
    seeds = np.full(image.shape, -1)
    seeds[10:20, 5], seeds[10:20, 35] = 0, 1
    np.save(directory / "image.npy", image)
    np.save(directory / "seeds.npy", seeds)
    np.save(directory / "volume.npy", np.stack([image] * 5))
    np.save(directory / "seeds3.npy", np.stack([seeds] * 5))
    np.save(directory / "node_seeds.npy", np.array([0, -1, -1, 1]))
    sp.save_npz(directory / "graph.npz", sp.csr_array(np.ones((4, 4)) - np.eye(4)))
    sp.save_npz(directory / "parts.npz", sp.csr_array(np.eye(4)[::-1]))
    np.savez(directory / "several.npz", a=image)
    (directory / "text.npy").write_text("no array")
    return directory


def test_image_to_labels_and_picture(files: Path, tmp_path: Path) -> None:
    out, picture = tmp_path / "out", tmp_path / "cut.png"
    arguments = ["train", "cut", "image.npy", "--seeds", "seeds.npy", "--epochs", 30]
    done = call(*arguments, "--out", out, "--plot", picture, cwd=files)
    assert "epoch 30/30: loss" in done.stderr
    assert "1,200 nodes, 2,330 edges" in done.stderr
    assert picture.read_bytes().startswith(b"\x89PNG")
    saved = load(out)
    model = MultiwayCut(30).fit(np.load(files / "image.npy"), np.load(files / "seeds.npy"))
    np.testing.assert_array_equal(saved.arrays["labels"], model.labels_)
    assert saved.digest == model.digest_
    assert model.digest_ in done.stdout
    assert f"cut       {model.cut_value_:.6g}" in done.stdout
    told = call("predict", out, "image.npy", status=1, cwd=files).stderr
    assert told.startswith("serialeq: predict: a cut has the labels of its own nodes only")


def test_model_directory_does_not_depend_on_workers_or_engine(files: Path, tmp_path: Path) -> None:
    contents = set()
    for engine, jobs in [("serial", 1), ("dataflow", 2), ("groups", 3)]:
        out = tmp_path / engine
        call("train", "cut", "volume.npy", "--seeds", "seeds3.npy", "--epochs", 2, "--out", out,
             "--engine", engine, "--jobs", jobs, cwd=files)  # fmt: skip
        contents.add(content(out))
    assert len(contents) == 1


def test_a_volume_has_a_picture_and_a_graph_has_labels(files: Path, tmp_path: Path) -> None:
    picture = tmp_path / "cut.png"
    arguments = ["train", "cut", "volume.npy", "--seeds", "seeds3.npy", "--epochs", 2, "--json"]
    told = json.loads(call(*arguments, "--plot", picture, cwd=files).stdout)
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert len(told["history"]) == 2
    assert sum(told["sizes"].values()) == 6000
    arguments = ["train", "cut", "graph.npz", "--seeds", "node_seeds.npy", "--json"]
    told = json.loads(call(*arguments, cwd=files).stdout)
    assert told["cut_value"] == 3.0
    arguments[2] = "parts.npz"
    done = call(*arguments, cwd=files)
    assert "2 of 4 nodes are connected with no seed: label -1" in done.stderr
    assert json.loads(done.stdout)["sizes"] == {"0": 1, "1": 1}


def test_a_plan_has_seeds_and_a_picture_of_its_own(files: Path, tmp_path: Path) -> None:
    picture = tmp_path / "plan.png"
    done = call("plan", "cut", "image.npy", "--seeds", "seeds.npy", "--plot", picture, cwd=files)
    assert "20 nodes of 2 labels" in done.stdout
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["missing.npy"], "image: cannot read missing.npy"),
        (["text.npy"], "image: cannot read text.npy as a NumPy array"),
        (["several.npz"], "graph: cannot read several.npz as a scipy sparse matrix"),
        (["volume.npy"], "seeds: expected integers of shape (5, 30, 40)"),
        (["image.npy", "--seeds", "several.npz"], "seeds: cannot read several.npz"),
        (["image.npy", "--seeds", "image.npy"], "seeds: expected integers"),
        (["image.npy", "--jobs", "0"], "n_jobs: expected"),
        (["image.npy", "--engine", "lookahead"], "engine: expected one of"),
        (["image.npy", "--plot", "no/such/place.png"], "plot: cannot write"),
        (["missing.npy", "--plot", "picture.txt"], "plot: cannot write picture.txt: expected one"),
        (["graph.npz", "--seeds", "node_seeds.npy", "--plot", "x.png"], "plot: expected an image"),
    ],
    ids=str,
)
def test_errors_are_one_line(files: Path, arguments: list[str], told: str) -> None:
    if "--seeds" not in arguments:
        arguments = [*arguments, "--seeds", "seeds.npy"]
    done = call("train", "cut", *arguments, "--epochs", 2, status=1, cwd=files)
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("serialeq: ")

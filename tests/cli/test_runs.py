"""Every command that trains: --out, --resume, verify, diff, load, predict."""

from __future__ import annotations

import numpy as np
import pytest
from run_files import content, forge, write_files

import serialeq
from serialeq import RunRecorder
from serialeq.problems.example_rows import example_rows
from serialeq.runs.directory import RunDirectory


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return write_files(tmp_path_factory.mktemp("data"))


TRAIN = {
    "mf": (["mf", "ratings.csv", "--factors", "4", "--test-fraction", "0.2", "--best"], "locked"),
    "linear": (["linear", "data.svm", "--average", "--test-fraction", "0.2"], "lookahead"),
    "linear text": (["linear", "--text", "texts.tsv", "--class-weight", "ham=2"], "lookahead"),
    "regression": (["linear", "data.svm", "--regression"], "lookahead"),
    "cut": (["cut", "image.npy", "--seeds", "seeds.npy"], "groups"),
    "embed": (["embed", "texts.tsv", "--dimensions", "8"], "dataflow"),
    "topics": (["topics", "texts.tsv", "--topics", "3"], "dataflow"),
    "network": (["network", "data.svm", "--hidden-units", "32", "--groups", "4", "--kept", "2",
                 "--test-fraction", "0.2"], "dataflow"),
    "network text": (["network", "--text", "texts.tsv", "--hidden-units", "16", "--groups", "2",
                      "--kept", "1"], "groups"),
}  # fmt: skip
PREDICT = {
    "mf": "1,2\n3,4\n",
    "linear": "1 2:0.5\n-1 3:1\n",
    "linear text": "word1 word2\n",
    "regression": "1 2:0.5\n",
    "embed": "word1\n",
    "topics": "word1 word2\n",
    "network": "1 2:0.5\n-1 3:1\n",
    "network text": "word1 word2\nword3\n",
}


@pytest.mark.parametrize("name", TRAIN)
def test_every_training_is_resumed_and_verified(call, files, tmp_path, monkeypatch, name):
    monkeypatch.chdir(files)
    arguments, engine = TRAIN[name]
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    more = [*arguments, "--epochs", 5]
    told, _ = call("train", *more, "--out", whole, "--engine", "serial", "--jobs", 1)
    end = RunRecorder.on_epoch_end

    def interrupt(self, training, record):
        end(self, training, record)
        if record.epoch == 3:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(RunRecorder, "on_epoch_end", interrupt)
        call("train", *more, "--out", parts, "--engine", "serial", "--jobs", 1, status=130)
    assert RunDirectory.open(parts).manifest.chain.n_epochs == 3
    call("train", "--resume", parts, "--engine", engine, "--jobs", 2)
    assert content(parts) == content(whole)
    assert call("diff", whole, parts)[0] == "states: the same up to epoch 5\n"
    same = "same bits: 6 states and the model"
    assert same in call("verify", parts, "--engine", engine, "--jobs", 2)[0]
    saved = serialeq.load(whole)
    assert saved.digest in told
    assert saved.estimator().digest_ == saved.digest
    if name in PREDICT:
        found, _ = call("predict", whole, "-", stdin=PREDICT[name])
        assert len(found.splitlines()) > PREDICT[name].count("\n")
    if name.endswith("text"):
        assert saved.features() is not None
    arrays = saved.arrays | {key: saved.arrays[key] + 1 for key in saved.about["trained"]}
    forge(parts, arrays)  # who can write the manifest can seal any model, but not replay it
    assert "the model is not what the 5 epochs give" in call("verify", parts, status=3)[0]


def test_predictions_are_those_of_the_estimator(call, files, tmp_path, monkeypatch):
    monkeypatch.chdir(files)
    call("train", *TRAIN["network"][0], "--out", tmp_path / "run", "--epochs", 5)
    estimator = serialeq.load(tmp_path / "run").estimator()
    X, _ = example_rows()
    found = call("predict", tmp_path / "run", "data.svm")[0].splitlines()
    assert found[0] == "label,margin,probability"
    labels = np.array([int(line.split(",")[0]) for line in found[1:]])
    assert np.array_equal(labels, estimator.predict(X))
    assert (labels == example_rows()[1][:, 0]).mean() > 0.7


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["network"], "expected either a svmlight file or --text FILE"),
        (["network", "missing.svm"], "missing.svm"),
        (["network", "data.svm", "--kept", "3"], "n_kept: expected a divisor of n_groups=16"),
        (["network", "data.svm", "--loss", "hinge"], "loss: expected one of log_loss"),
        (["network", "data.svm", "--features", "tfidf"], "expected --text FILE with --features"),
        (["network", "data.svm", "--engine", "lookahead"], "engine"),
        (["mf", "ratings.csv", "--digest-every", "0"], "digest_every: expected at least 1, got 0"),
        (["mf", "ratings.csv", "--checkpoint-every", "0"], "checkpoint_every: expected at least 1"),
    ],
    ids=str,
)
def test_errors_are_one_line_and_leave_nothing(call, files, tmp_path, monkeypatch, arguments, told):
    monkeypatch.chdir(files)
    _, err = call("train", *arguments, "--out", tmp_path / "out", status=1)
    assert told in err
    assert err.splitlines()[-1].startswith("serialeq: ")
    assert not (tmp_path / "out").exists()


def test_other_versions_are_told(call, files, tmp_path, monkeypatch):
    monkeypatch.chdir(files)
    call("train", *TRAIN["mf"][0], "--epochs", 2, "--out", tmp_path / "run")
    run = RunDirectory.open(tmp_path / "run")
    run.manifest.environment["numpy"] = "1.0"
    (tmp_path / "run/manifest.json").write_bytes(run.manifest.encode())
    out, err = call("verify", tmp_path / "run")
    assert "same bits" in out
    assert 'numpy: the run was made with "1.0", this is' in err

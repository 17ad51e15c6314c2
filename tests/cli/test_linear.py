"""The command line's linear models; in this process where nothing depends on it, to save time."""

import json
import re

import numpy as np
import pytest
from cli.linear_data import load, rows
from run_files import about, content
from sklearn.feature_extraction.text import HashingVectorizer, TfidfVectorizer

from serialeq import LinearClassifier, LinearRegressor

# ---- same bits -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "arithmetic", "runs"),
    [
        ("svm", "lattice", [("serial", 1), ("lookahead", 1), ("lookahead", 2), ("auto", 2)]),
        ("tsv", "lattice", [("serial", 1), ("lookahead", 2)]),
        ("svm", "lattice", [("minibatch", 1), ("minibatch", 2)]),
        ("svm", "float64", [("serial", 1), ("dataflow", 2)]),
    ],
    ids=["svmlight", "text", "minibatch", "float64"],
)
def test_model_directory_does_not_depend_on_workers_or_engine(
    call, svm, tsv, tmp_path, kind, arithmetic, runs
):
    contents, told = set(), set()
    for engine, jobs in runs:
        out = tmp_path / f"{engine}{jobs}"
        data = [svm] if kind == "svm" else ["--text", tsv]
        stdout, _ = call("train", "linear", *data, "--out", out, "--epochs", 3, "--engine", engine,
             "--jobs", jobs, "--arithmetic", arithmetic, "--test-fraction", 0.2)  # fmt: skip
        contents.add(content(out))
        told.add(stdout.splitlines()[-1])
    assert len(contents) == 1
    assert len(told) == 1
    assert told.pop().startswith("digest    ")


def test_means_are_kept_and_predicted_with(call, svm, tmp_path):
    digests = set()
    for jobs in (1, 2):
        out, told = tmp_path / f"{jobs}", ("train", "linear", svm, "--epochs", 3, "--average")
        printed, _ = call(*told, "--out", out, "--jobs", jobs, "--order", "given", "--json")
        digests.add(json.loads(printed)["digest"])
        predicted, _ = call("predict", out, svm)
    X, y = load(svm)
    model = LinearClassifier(
        max_iter=3, tol=None, average=True, order="given", random_state=0, n_jobs=1
    ).fit(X, y)
    assert digests == {model.digest_}
    assert [float(label) for label, *_ in rows(predicted)[1:]] == model.predict(X).tolist()


def test_minibatch_is_another_algorithm(call, svm):
    told = [
        json.loads(call("train", "linear", svm, "--epochs", 2, "--engine", engine, "--json")[0])
        for engine in ("serial", "minibatch")
    ]
    assert told[0]["digest"] != told[1]["digest"]
    assert [one["promise"] for one in told] == ["serial", "repeatable"]
    assert "batch_size" not in told[0]["parameters"]
    assert told[1]["parameters"]["batch_size"] == 64


# ---- what is trained and predicted -----------------------------------------------------------


def test_svmlight_gives_what_the_estimator_gives(call, svm, tmp_path):
    out = tmp_path / "model"
    stdout, stderr = call("train", "linear", svm, "--out", out, "--loss", "log_loss", "--epochs", 4,
         "--alpha", 1e-3, "--learning-rate", "invscaling", "--eta0", 0.5, "--order", "shuffled",
         "--block-size", 8, "--seed", 3)  # fmt: skip
    X, y = load(svm)
    expected = LinearClassifier(
        "log_loss", alpha=1e-3, learning_rate="invscaling", eta0=0.5, order="shuffled",
        block_size=8, max_iter=4, tol=None, random_state=3,
    ).fit(X, y.astype(int))  # fmt: skip
    told_of = about(out)
    arrays = np.load(out / "model.npz")
    assert told_of["digest"] == expected.digest_
    assert expected.digest_ in stdout
    assert np.array_equal(arrays["coef"], expected.coef_)
    assert np.array_equal(arrays["classes"], [-1, 1])
    assert told_of["lattice"]["feature_bits"] == expected.lattice_.feature_bits
    assert told_of["accuracy"] is None
    assert "held out" not in stdout
    assert "epoch 4/4: loss" in stderr
    predictions = rows(call("predict", out, svm)[0])
    assert predictions[0] == ["label", "margin", "probability"]
    assert [int(row[0]) for row in predictions[1:]] == expected.predict(X).tolist()
    margins = [float(row[1]) for row in predictions[1:]]
    np.testing.assert_allclose(margins, abs(expected.decision_function(X)), rtol=1e-5)
    probabilities = [float(row[2]) for row in predictions[1:]]
    np.testing.assert_allclose(probabilities, expected.predict_proba(X).max(axis=1), rtol=1e-5)


@pytest.mark.parametrize("features", ["tfidf", "hashing"])
def test_text_gives_what_vectoriser_and_estimator_give(call, tsv, tmp_path, features):
    out = tmp_path / "model"
    call("train", "linear", "--text", tsv, "--features", features, "--hashed-features", 1000,
         "--out", out, "--epochs", 3)  # fmt: skip
    labels, texts = zip(*(s.split("\t") for s in tsv.read_text("utf-8").splitlines()), strict=True)
    made = {"tfidf": TfidfVectorizer(), "hashing": HashingVectorizer(n_features=1000)}[features]
    X = made.fit_transform(texts)
    expected = LinearClassifier(max_iter=3, tol=None).fit(X, np.array(labels))
    assert about(out)["digest"] == expected.digest_
    files = set(np.load(out / "model.npz").files)
    assert files == {"coef", "intercept", "classes"} | (
        {"vocabulary", "idf"} if features == "tfidf" else set()
    )
    predictions, _ = call("predict", out, tsv)
    assert rows(predictions)[0] == ["label", "margin"]
    assert [row[0] for row in rows(predictions)[1:]] == expected.predict(X).tolist()
    margins = [float(row[1]) for row in rows(predictions)[1:]]
    np.testing.assert_allclose(margins, expected.decision_function(X).max(axis=1), rtol=1e-5)
    lines = tmp_path / "texts.txt"
    lines.write_text("\n".join(texts), encoding="utf-8")
    assert call("predict", out, lines)[0] == predictions
    assert call("predict", out, "-", stdin=tsv.read_text("utf-8"))[0] == predictions


def test_held_out_texts_do_not_make_the_vocabulary(call, tmp_path):
    data = tmp_path / "data.tsv"
    data.write_text("".join(f"{'ab'[i % 2]}\tshared own{i}\n" for i in range(100)))
    told = json.loads(call("train", "linear", "--text", data, "--test-fraction", 0.4, "--json")[0])
    assert told["n_features"] == 61


def test_held_out_accuracy_and_what_is_printed(call, tsv):
    out, err = call("train", "linear", "--text", tsv, "--test-fraction", 0.3, "--epochs", 3,
                    "--engine", "lookahead", "--jobs", 1)  # fmt: skip
    told = dict(line.split(maxsplit=1) for line in out.splitlines())
    assert list(told) == ["engine", "epochs", "loss", "plan", "accuracy", "lattice", "digest"]
    assert told["engine"] == "lookahead (as asked), 1 workers"
    assert told["epochs"] == "3 of 3"
    assert "of 90 held out" in told["accuracy"]
    assert float(told["accuracy"].split()[0]) > 0.9
    assert "bits (scale" in told["lattice"]
    assert "300 samples, 200 features, 3 classes" in err


def test_regression(call, tmp_path):
    rng = np.random.default_rng(1)
    X = rng.standard_normal((200, 5))
    y = X @ [1, -2, 3, 0, 0.5]
    data = tmp_path / "data.libsvm"
    data.write_text(
        "".join(
            f"{t:.6f} " + " ".join(f"{j}:{x:.6f}" for j, x in enumerate(row)) + "\n"
            for row, t in zip(X, y, strict=True)
        )
    )
    out = tmp_path / "model"
    told, _ = call("train", "linear", data, "--regression", "--epochs", 30, "--eta0", 0.1,
                   "--out", out, "--test-fraction", 0.25)  # fmt: skip
    assert re.search(r"^R2 +0\.99\d\d of 50 held out$", told, re.MULTILINE)
    told_of = about(out)
    assert told_of["r2"] > 0.99
    assert told_of["features"] == {"kind": "svmlight", "zero_based": True}
    predictions = rows(call("predict", out, data)[0])
    assert predictions[0] == ["prediction"]
    np.testing.assert_allclose([float(row[0]) for row in predictions[1:]], y, atol=0.2)
    whole = json.loads(call("train", "linear", data, "--regression", "--epochs", 4, "--json")[0])
    X, y = load(data)
    assert whole["digest"] == LinearRegressor(max_iter=4, tol=None).fit(X, y).digest_
    text = tmp_path / "data.tsv"
    text.write_text("1.5\tgood film\n-1e0\tbad film\n2\tgood\n")
    told = json.loads(call("train", "linear", "--text", text, "--regression", "--json")[0])
    assert told["task"] == "regression"


def test_class_weights(call, svm, tsv):
    X, y = load(svm)
    for given, weights in [("balanced", "balanced"), ("-1=0.5,1=2", {-1: 0.5, 1: 2.0})]:
        told = call("train", "linear", svm, "--class-weight", given, "--epochs", 2, "--json")[0]
        expected = LinearClassifier(max_iter=2, tol=None, class_weight=weights).fit(X, y)
        assert json.loads(told)["digest"] == expected.digest_
        pairs = [list(pair) for pair in weights.items()] if "=" in given else given
        assert json.loads(told)["parameters"]["class_weight"] == pairs
    call("train", "linear", "--text", tsv, "--class-weight", "späm=3", "--epochs", 1)
    _, err = call("train", "linear", svm, "--class-weight", "2=1", status=1)
    assert "class_weight: expected" in err


def test_tol_stops_early(call, svm):
    n_epochs = {
        tol: len(json.loads(call("train", "linear", svm, *tol, "--epochs", 60, "--json")[0])["history"])
        for tol in ((), ("--tol", 0.05), ("--tol", -9))
    }  # fmt: skip
    X, y = load(svm)
    assert n_epochs[()] == LinearClassifier(max_iter=60).fit(X, y).n_iter_
    assert n_epochs["--tol", 0.05] < 30
    assert n_epochs["--tol", -9] == 60


def test_json_of_training(call, svm):
    out, _ = call("train", "linear", svm, "--test-fraction", 0.1, "--epochs", 2, "--json")
    told = json.loads(out)
    assert told["promise"] == "serial"
    assert len(told["digest"]) == 64
    assert [record["epoch"] for record in told["history"]] == [1, 2]
    assert told["objective"] == told["history"][-1]["loss"]
    assert 0.8 < told["accuracy"] <= 1
    assert {"feature_bits", "factor_bits", "feature_scale"} < told["lattice"].keys()
    assert {"engine", "engine_reason", "jobs", "seconds"} <= told.keys()
    arguments = ["--arithmetic", "float64", "--engine", "hogwild", "--jobs", 2]
    told = json.loads(call("train", "linear", svm, "--json", *arguments)[0])
    assert told["promise"] == "none"
    assert told["lattice"] is None


def test_features_that_the_model_does_not_have(call, svm, tmp_path):
    out = tmp_path / "model"
    call("train", "linear", svm, "--out", out, "--epochs", 2)
    data = tmp_path / "more.svm"
    data.write_text("0 1:1 3:0.5\n0 1:1 3:0.5 900:7 901:1\n# nothing\n0\n")
    predictions, err = call("predict", out, data)
    assert rows(predictions)[1] == rows(predictions)[2]
    assert len(rows(predictions)) == 4
    assert "2 entries ignored: the model has 200 features" in err
    data.write_text("0 1:1\n\n0 0:1\n")
    assert (
        f"{data}, line 3: expected features numbered from 1"
        in call("predict", out, data, status=1)[1]
    )

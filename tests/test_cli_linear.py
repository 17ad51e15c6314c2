"""The command line's linear models; in this process where nothing depends on it, to save time."""

import gzip
import json
import os
import pty
import re
import signal
import subprocess
import sys

import numpy as np
import pytest
import scipy.sparse as sp
from run_files import about, content, forge
from sklearn.datasets import load_svmlight_file
from sklearn.feature_extraction.text import HashingVectorizer, TfidfVectorizer

from serialeq import DataError, LinearClassifier, LinearRegressor, digest_arrays
from serialeq.native.team import WorkerTeam
from serialeq.problems.linear.problem import LinearModel
from serialeq.reading.svmlight import read_svmlight
from serialeq.reading.texts import read_texts
from serialeq.runs.directory import RunDirectory

CLASSES = ("eggs", "ham", "späm")


def documents(n, n_classes=3):
    rng = np.random.default_rng(0)
    shares = 1.0 / np.arange(1, 201)
    texts = []
    for i in range(n):
        own = shares.copy()
        own[20 + 30 * (i % n_classes) : 50 + 30 * (i % n_classes)] *= 8
        words = rng.choice(200, 30, p=own / own.sum())
        texts.append((i % n_classes, words))
    return texts


@pytest.fixture(scope="module")
def svm(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "data.svm"
    lines = []
    for label, words in documents(400, 2):
        columns, counts = np.unique(words, return_counts=True)
        size = np.sqrt((counts**2).sum())
        pairs = zip(columns + 1, counts / size, strict=True)
        lines.append(f"{2 * label - 1} " + " ".join(f"{j}:{x:.4f}" for j, x in pairs))
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="module")
def tsv(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "data.tsv"
    texts = (
        f"{CLASSES[label]}\t" + " ".join(f"wört{k}" for k in words) + "\n"
        for label, words in documents(300)
    )
    path.write_text("".join(texts), encoding="utf-8")
    return path


def load(path):
    """Read svmlight without our reader; 32-bit indices, for which kernels are compiled already."""
    X, y = load_svmlight_file(str(path))
    parts = (X.data, X.indices.astype(np.int32), X.indptr.astype(np.int32))
    return sp.csr_array(parts, shape=X.shape), y


def rows(out):
    return [line.split(",") for line in out.splitlines()]


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
    assert [one["algorithm"] for one in told] == ["sgd", "minibatch"]
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
    assert list(told) == ["engine", "plan", "objective", "held", "lattice", "digest"]
    assert told["engine"] == "lookahead (as asked), 1 workers"
    assert "(accuracy on 90 samples)" in told["held"]
    assert float(told["held"].split()[1]) > 0.9
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
    assert "(R2 on 50 samples)" in told
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
    arguments = ["train", "linear", svm, "--epochs", 60, "--json"]
    assert len(json.loads(call(*arguments)[0])["history"]) == 60
    assert len(json.loads(call(*arguments, "--tol", 0.05)[0])["history"]) < 30


def test_json_of_training(call, svm):
    out, _ = call("train", "linear", svm, "--test-fraction", 0.1, "--epochs", 2, "--json")
    told = json.loads(out)
    assert told["equivalent"] is True
    assert len(told["digest"]) == 64
    assert [record["epoch"] for record in told["history"]] == [1, 2]
    assert told["objective"] == told["history"][-1]["loss"]
    assert 0.8 < told["accuracy"] <= 1
    assert {"feature_bits", "factor_bits", "feature_scale"} < told["lattice"].keys()
    assert {"engine", "engine_reason", "jobs", "seconds"} <= told.keys()
    arguments = ["--arithmetic", "float64", "--engine", "hogwild", "--jobs", 2]
    told = json.loads(call("train", "linear", svm, "--json", *arguments)[0])
    assert told["equivalent"] is False
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


# ---- plan ------------------------------------------------------------------------------------


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


# ---- what is wrong ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["train", "linear"], "either a svmlight file or --text"),
        (["train", "linear", "SVM", "--text", "TSV"], "either a svmlight file or --text"),
        (["train", "linear", "missing.svm"], "missing.svm: expected a readable file"),
        (["train", "linear", "--text", "missing.tsv"], "missing.tsv: expected a readable file"),
        (["train", "linear", "SVM", "--features", "tfidf"], "features: expected --text"),
        (["train", "linear", "--text", "TSV", "--features", "warp"], "features: expected one of"),
        (["train", "linear", "--text", "TSV", "--hashed-features", "0"], "hashed_features: expect"),
        (["train", "linear", "SVM", "--jobs", "0"], "n_jobs: expected"),
        (["train", "linear", "SVM", "--engine", "warp"], "engine: expected one of"),
        (["train", "linear", "SVM", "--engine", "hogwild"], "engine: expected one of serial, look"),
        (["train", "linear", "SVM", "--order", "warp"], "order: expected one of"),
        (["train", "linear", "SVM", "--loss", "warp"], "loss: expected one of"),
        (["train", "linear", "SVM", "--loss", "hinge", "--regression"], "loss: expected one of"),
        (["train", "linear", "SVM", "--epochs", "0"], "max_iter: expected"),
        (["train", "linear", "SVM", "--block-size", "7"], "block_size: expected one of"),
        (["train", "linear", "SVM", "--test-fraction", "1.5"], "test_fraction"),
        (["train", "linear", "SVM", "--class-weight", "1=x"], "class_weight: expected"),
        (["train", "linear", "SVM", "--class-weight", "balanced", "--regression"], "class_weight"),
        (["train", "linear", "SVM", "--learning-rate", "constant", "--eta0", "1e9"], "eta0: exp"),
        (["train", "linear", "TSV"], "data.tsv, line 1: expected 'label index:value …', got"),
        (["train", "linear", "--text", "SVM"], "data.svm, line 1: expected label, tab and text"),
        (["train", "linear", "--text", "TSV", "--regression"], "line 1: expected a finite number"),
        (["predict", "missing", "SVM"], "model: cannot read"),
        (["plan"], "plan: expected either"),
        (["plan", "SVM", "--kind", "warp"], "kind: expected one of"),
        (["plan", "--text", "TSV", "--kind", "ratings"], "kind: expected linear"),
        (["plan", "RATINGS", "--loss", "hinge"], "kind: expected linear"),
        (["plan", "SVM", "--block-size", "7"], "block_size: expected one of"),
    ],
    ids=str,
)
def test_errors_are_one_line_and_leave_nothing(call, svm, tsv, tmp_path, arguments, told):
    files = {"SVM": svm, "TSV": tsv, "RATINGS": tmp_path / "ratings.csv"}
    arguments = [files.get(argument, argument) for argument in arguments]
    if arguments[0] == "train":
        arguments += ["--out", tmp_path / "out"]
    out, err = call(*arguments, status=1)
    assert told in err
    assert out == ""
    assert err.splitlines()[-1].startswith("serialeq: ")
    assert sum(line.startswith("serialeq: ") for line in err.splitlines()) == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "expected 1 to "),
        ("# only a comment\n", "expected 1 to "),
        ("1\n-1\n", "expected features, got none"),
        ("1 1:1\n1 2:1\n", "expected training samples of at least two classes, got only the label"),
        ("1 1:1\n\n# no\n0.5 2:1\n", "line 4: expected an integer as label of a class, got 0.5"),
        ("1 1:1\n1e99 2:1\n", "line 2: expected an integer as label"),
        ("1 1:1\n\n-1 2:nan # bad\n", "line 3: expected finite values, got nan"),
        ("1 1:1\n-1 2:1e999\n", "line 2: expected finite values, got inf"),
        ("1 1:1\n-1 2000000000:1\n", "line 2: expected features numbered without large gaps"),
        ("".join(f"{i} 1:1\n" for i in range(50)), "expected labels that repeat"),
    ],
    ids=str,
)
def test_svmlight_that_cannot_be_used(call, tmp_path, content, told):
    data = tmp_path / "data.svm"
    data.write_text(content)
    _, err = call("train", "linear", data, "--out", tmp_path / "out", status=1)
    assert told in err
    assert str(data) in err
    assert len(err.splitlines()) == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "damaged",
    ["1 1:x", "1 2:1 1:1", "1 1:1 1:1", "one 1:1", "1 -1:1", "1 7", "1 :1", "1,2 1:1", "\xff 1:1",
     "1 99999999999:1", "1 1:1 \x00"],
)  # fmt: skip
def test_a_damaged_svmlight_line_is_named(call, svm, tmp_path, damaged):
    lines = svm.read_text().splitlines()
    lines[10:10] = ["", "# a comment", "   "]
    lines[252] = damaged
    data = tmp_path / "data.svm"
    data.write_bytes("\n".join(lines).encode("latin-1"))
    _, err = call("train", "linear", data, status=1)
    assert f"{data}, line 253: expected 'label index:value …', got " in err
    assert len(err.splitlines()) == 1


def test_the_first_damaged_line_is_named_wherever_it_is(tmp_path):
    for n in range(1, 9):
        for bad in range(n):
            lines = ["1 1:1"] * n
            lines[bad:] = ["1 1:bad"] * (n - bad)
            path = tmp_path / "data.svm.gz"
            path.write_bytes(gzip.compress("\r\n".join(lines).encode()))
            with pytest.raises(DataError, match=rf"line {bad + 1}: .*'1 1:bad' \(could not"):
                read_svmlight(str(path))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "got an empty file"),
        (b"a\tb\n\nno tab\n", "line 3: expected label, tab and text, got 'no tab'"),
        (b"a\tone two\nb\tf\xffo\n", "line 2: expected UTF-8 text, got the byte 0xff"),
        (b"\tno label\n", "line 1: expected a label of 1 to 500 characters"),
        (b"a\t!\nb\t?\n", "empty vocabulary"),
        (b"a\tone\na\ttwo\n", "at least two classes"),
        (b"\x1f\x8b\x08", "line 1: expected UTF-8"),
    ],
    ids=str,
)
def test_texts_that_cannot_be_used(call, tmp_path, content, told):
    data = tmp_path / "data.tsv"
    data.write_bytes(content)
    _, err = call("train", "linear", "--text", data, "--out", tmp_path / "out", status=1)
    assert told in err
    assert not (tmp_path / "out").exists()


def test_reading_texts(tmp_path):
    path = tmp_path / "texts"
    path.write_bytes(b"\xef\xbb\xbfone\r\n\r\ntwo\tthree\r\n")
    assert read_texts(str(path)) == ["one", "", "two\tthree"]
    path.write_bytes(b"a\tone\n\nb\ttwo\tthree\n")
    assert read_texts(str(path)) == ["one", "two\tthree"]
    path.write_bytes(b"a\tone\n\nb two\n")
    with pytest.raises(DataError, match="line 3: expected label, tab and text as in line 1"):
        read_texts(str(path))
    damaged = tmp_path / "texts.gz"
    damaged.write_bytes(gzip.compress(b"one\n" * 1000)[:-9])
    with pytest.raises(DataError, match=r"texts.gz: expected a readable file, got"):
        read_texts(str(damaged))


def test_a_model_that_was_changed_is_refused(call, tsv, tmp_path):
    out = tmp_path / "model"
    call("train", "linear", "--text", tsv, "--out", out, "--epochs", 1)
    arrays = dict(np.load(out / "model.npz"))
    text = json.dumps(about(out))
    assert call("predict", out, "--user", "3", status=1)[1].startswith("serialeq: predict: ")
    for name in arrays:
        changed = arrays[name].copy()
        changed[changed == changed.flat[0]] = changed.flat[-1]
        assert digest_arrays({"a": changed}) != digest_arrays({"a": arrays[name]})
        forge(out, arrays=arrays | {name: changed})
        assert "is recorded" in call("predict", out, tsv, status=1)[1]
    forge(out, arrays=arrays)
    for old, new in [
        ('"kind": "linear"', '"kind": "warp"'),
        ('"kind": "tfidf"', '"kind": "warp"'),
        ('"task": "classification"', '"task": "regression"'),
        ('"loss": ', '"lost": '),
        ('"n_features": 200', '"n_features": 100'),
        ('"norm": "l2"', '"warp": "l2"'),
    ]:
        assert old in text
        forge(out, about=json.loads(text.replace(old, new)))
        assert "model: " in call("predict", out, tsv, status=1)[1]
    forge(out, about=json.loads(text))
    content = bytearray((out / "model.npz").read_bytes())
    content[len(content) // 2] ^= 1
    (out / "model.npz").write_bytes(content)
    assert "model.npz: sha256: expected" in call("predict", out, tsv, status=1)[1]


# ---- processes of their own ------------------------------------------------------------------

SERIALEQ = [sys.executable, "-m", "serialeq.cli"]


def test_in_a_process_of_its_own(svm, tmp_path):
    damaged = tmp_path / "damaged.svm"
    damaged.write_text(svm.read_text().replace("\n1 ", "\n1: ", 1))
    command = [*SERIALEQ, "train", "linear", str(damaged), "--out", str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(f"serialeq: {damaged}, line 2: expected ")
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""


def test_interruption_on_a_terminal(svm, tmp_path, launch):
    """Ctrl-C ends a long run with status 130, the cursor shown again and a checkpoint."""
    main_end, other = pty.openpty()
    process = launch(
        [*SERIALEQ, "train", "linear", str(svm), "--epochs", "100000000", "--engine", "lookahead",
         "--out", str(tmp_path / "out")],
        stderr=other, stdout=other, env=os.environ | {"TERM": "xterm"}, start_new_session=True,
    )  # fmt: skip
    os.close(other)
    shown = b""
    while b"loss" not in shown:
        shown += os.read(main_end, 4096)
    process.send_signal(signal.SIGINT)
    while True:
        try:
            piece = os.read(main_end, 4096)
        except OSError:  # the other end is closed
            break
        if not piece:
            break
        shown += piece
    assert process.wait(timeout=120) == 130
    os.close(main_end)
    assert shown.rfind(b"\x1b[?25h") > shown.rfind(b"\x1b[?25l")
    run = RunDirectory.open(tmp_path / "out")
    assert run.manifest.checkpoints[-1].epoch == run.manifest.chain.n_epochs >= 1

"""Linear models on the command line: what is wrong is one line, and leaves nothing."""

import gzip
import json

import numpy as np
import pytest
from run_files import about, forge

from serialeq import DataError, digest_arrays
from serialeq.reading.svmlight import read_svmlight
from serialeq.reading.texts import read_texts


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
        (["plan", "linear"], "either a svmlight file or --text"),
        (["plan", "linear", "SVM", "--loss", "warp"], "loss: expected one of"),
        (["plan", "linear", "SVM", "--block-size", "7"], "block_size: expected one of"),
    ],
    ids=str,
)
def test_errors_are_one_line_and_leave_nothing(call, svm, tsv, tmp_path, arguments, told):
    files = {"SVM": svm, "TSV": tsv}
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


@pytest.mark.parametrize("label", ["nan", "-inf"])
def test_numbers_that_cannot_be_learnt(call, tmp_path, label):
    data = tmp_path / "data.svm"
    data.write_text(f"1 1:1\n{label} 2:1\n")
    _, err = call("train", "linear", data, "--regression", "--out", tmp_path / "out", status=1)
    assert f"{data}: expected finite numbers as labels, got {label} in sample 2" in err
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
        ('"kind": "tfidf"', '"kind": "warp"'),
        ('"estimator": "LinearClassifier"', '"estimator": "LinearRegressor"'),
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

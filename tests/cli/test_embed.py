"""The command line's word vectors and topics, in this process."""

import json

import numpy as np
import pytest
from run_files import about, content, forge
from texts import documents, texts


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    directory = tmp_path_factory.mktemp("data")
    (directory / "plain.txt").write_text("\n".join(texts()) + "\n")
    labelled = [f"kind{i % 3}\t{text}\n" for i, text in enumerate(documents())]
    (directory / "labelled.tsv").write_text("".join(labelled))
    (directory / "blank.txt").write_text("one two\nthree\n")
    (directory / "empty.txt").write_text("")
    return directory


def test_word_vectors_and_their_neighbours(call, files, tmp_path):
    small = ["--dimensions", 8, "--epochs", 20]
    models = set()
    for engine, jobs in [("serial", 1), ("dataflow", 2), ("locked", 3)]:
        out = tmp_path / engine
        told, progress = call("train", "embed", files / "plain.txt", "--out", out, *small,
                              "--engine", engine, "--jobs", jobs, "--near", "sea3")  # fmt: skip
        models.add(content(out))
    assert len(models) == 1
    assert "epoch 20/20: loss" in progress
    near = next(line for line in told.splitlines() if line.startswith("sea3: "))
    assert near.split()[1].startswith("sea")
    assert "words     24, " in told
    lines = call("predict", out, "-", "--top", 3, stdin="sea3\nland1\n")[0].splitlines()
    assert lines[0] == "word,near,cosine"
    rows = [line.split(",") for line in lines[1:]]
    assert [row[0] for row in rows] == ["sea3"] * 3 + ["land1"] * 3
    assert all(row[1].rstrip("0123456789") == row[0][:-1] for row in rows)
    assert rows[0][1] == near.split()[1]
    assert "expected a word of the vocabulary, got 'river'" in call(
        "predict", out, "-", stdin="river\n", status=1)[1]  # fmt: skip
    assert "expected a file" in call("predict", out, "--user", "sea3", status=1)[1]


def test_topics_of_a_file_and_of_new_texts(call, files, tmp_path):
    small = ["--topics", 3, "--epochs", 30, "--min-documents", 2]
    models = set()
    for engine, jobs in [("serial", 1), ("dataflow", 2)]:
        out = tmp_path / engine
        told, _ = call("train", "topics", files / "labelled.tsv", "--out", out, *small,
                       "--engine", engine, "--jobs", jobs)  # fmt: skip
        models.add(content(out))
    assert len(models) == 1
    lines = [line for line in told.splitlines() if line.startswith("topic ")]
    words = [[word.rstrip("0123456789") for word in line.split()[2:]] for line in lines]
    kinds = [next(word for word in found if word != "any") for found in words]
    assert sorted(kinds) == ["land", "sea", "sky"]
    new = "sky1 sky2 sky3\nsea5 sea0 sea1\n"
    rows = call("predict", out, "-", stdin=new)[0].splitlines()
    assert rows[0] == "topic 0,topic 1,topic 2"
    weights = np.array([row.split(",") for row in rows[1:]], dtype=float)
    assert [kinds[k] for k in weights.argmax(axis=1)] == ["sky", "sea"]


def test_json_is_one_object(call, files):
    told = json.loads(
        call("train", "embed", files / "plain.txt", "--epochs", 2, "--near", "sea1", "--json")[0]
    )
    assert len(told["digest"]) == 64
    assert told["words"] == 24
    assert len(told["near"]["sea1"]) == 10
    assert len(told["history"]) == 2
    told = json.loads(call("train", "topics", files / "labelled.tsv", "--epochs", 2, "--json")[0])
    assert len(told["topics"]) == 10
    assert told["kind"] == "topics"


@pytest.mark.parametrize(("word", "name"), [("embed", "plain.txt"), ("topics", "labelled.tsv")])
def test_they_are_planned_as_they_are_trained(call, files, word, name):
    told = json.loads(call("plan", word, files / name, "--json", "--jobs", 1)[0])
    assert told["kind"] == word
    assert told["statistics"]["omega"] == 2


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["embed", "missing.txt"], "missing.txt"),
        (["embed", "empty.txt"], "expected lines of text, got an empty file"),
        (["embed", "blank.txt"], "got none among 3 different words of 2 texts"),
        (["embed", "plain.txt", "--near", "river"], "near: expected words of the vocabulary"),
        (["embed", "plain.txt", "--window", "99"], "window: expected at most 20"),
        (["embed", "plain.txt", "--dimensions", "0"], "n_components: expected at least 1"),
        (["topics", "missing.txt"], "missing.txt"),
        (["topics", "blank.txt"], "text: "),
        (
            ["topics", "labelled.tsv", "--stop-words", "latin"],
            "stop_words: expected one of",
        ),
        (["topics", "labelled.tsv", "--min-documents", "0"], "min_documents: expected"),
        (["topics", "labelled.tsv", "--zeros", "-1"], "n_zeros: expected"),
        (["topics", "labelled.tsv", "--jobs", "0"], "n_jobs: expected"),
    ],
    ids=str,
)
def test_errors_are_one_line_and_leave_nothing(
    call, files, tmp_path, monkeypatch, arguments, told
):  # fmt: skip
    monkeypatch.chdir(files)
    _, err = call("train", *arguments, "--out", tmp_path / "out", status=1)
    assert told in err
    assert err.splitlines()[-1].startswith("serialeq: ")
    assert not (tmp_path / "out").exists()


def test_a_damaged_model_is_refused(call, files, tmp_path):
    out = tmp_path / "model"
    call("train", "topics", files / "labelled.tsv", "--out", out, "--epochs", 1)
    told = about(out)
    del told["features"]
    forge(out, about=told)
    assert (
        "expected one of texts, got one of a matrix"
        in call("predict", out, "-", stdin="a\n", status=1)[1]
    )

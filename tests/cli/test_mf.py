"""The command line, as a user calls it: in processes of its own."""

import json
import os
import pty
import signal
import subprocess
import time

import pytest
from cli.processes import SERIALEQ, call
from run_files import content

from serialeq import generate_ratings


@pytest.fixture(scope="module")
def ratings(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "ratings.csv"
    made = generate_ratings(20_000, n_users=300, n_items=200, rank=4, seed=1)
    rows = zip(made.users, made.items, made.values, strict=True)
    lines = [f"u{u},film {i},{v:g}\n" for u, i, v in rows]
    path.write_text("user,item,rating\n" + "".join(lines))
    return path


def test_train_predict_recommend(ratings, tmp_path):
    out = tmp_path / "model"
    done = call("train", "mf", ratings, "--out", out, "--test-fraction", 0.1, "--epochs", 3)
    assert "digest" in done.stdout
    assert "epoch 3/3: loss" in done.stderr
    pairs = call("predict", out, "-", input="user,item\nu3,film 7\nu5,film 9\n").stdout
    assert [line.split(",")[:2] for line in pairs.splitlines()] == [
        ["user", "item"],
        ["u3", "film 7"],
        ["u5", "film 9"],
    ]
    best = call("predict", out, "--user", "u3", "--top", 4).stdout.splitlines()
    assert len(best) == 5


def test_model_directory_does_not_depend_on_workers_or_engine(ratings, tmp_path):
    runs = [("serial", 1), ("dataflow", 2), ("dataflow", 3), ("groups", 2), ("locked", 2)]
    contents = set()
    for engine, jobs in runs:
        out = tmp_path / f"{engine}{jobs}"
        call("train", "mf", ratings, "--out", out, "--epochs", 2, "--engine", engine,
             "--jobs", jobs)  # fmt: skip
        contents.add(content(out))
    assert len(contents) == 1


def test_json_is_one_object(ratings):
    told = json.loads(call("train", "mf", ratings, "--epochs", 2, "--json").stdout)
    assert len(told["digest"]) == 64
    assert len(told["history"]) == 2
    told = json.loads(call("plan", "mf", ratings, "--json").stdout)
    assert {row["jobs"] for row in told["rows"]} == {2**k for k in range(11)}
    told = json.loads(call("demo", "--ratings", 20_000, "--epochs", 2, "--json").stdout)
    keys = {"engine", "order", "jobs", "equivalent", "seconds", "speedup", "rmse", "digest"}
    assert all(keys <= row.keys() for row in told["rows"])
    for order in ("shuffled", "blocked"):
        rows = [row for row in told["rows"] if row["order"] == order]
        assert len({row["digest"] for row in rows if row["equivalent"]}) == 1


def test_plan_says_how_parallel_it_is(ratings, tmp_path):
    picture = tmp_path / "plan.png"
    told = call("plan", "mf", ratings, "--plot", picture).stdout
    assert "mean conflict degree" in told
    assert "critical path, blocked" in told
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["train", "mf", "missing.csv"], "missing.csv"),
        (["train", "mf", "RATINGS", "--jobs", "0"], "n_jobs: expected"),
        (["train", "mf", "RATINGS", "--engine", "warp"], "engine: expected one of"),
        (["train", "mf", "RATINGS", "--order", "warp"], "order: expected one of"),
        (["train", "mf", "RATINGS", "--test-fraction", "1.5"], "test_fraction"),
        (["train", "mf", "RATINGS", "--learning-rate", "99"], "lower the step"),
        (["predict", "missing"], "either a file of new data, or --user"),
        (["predict", "missing", "--user", "1"], "model: cannot read"),
    ],
    ids=str,
)
def test_errors_are_one_line_and_leave_nothing(ratings, tmp_path, arguments, told):
    arguments = [str(ratings) if a == "RATINGS" else a for a in arguments]
    if arguments[0] == "train":
        arguments += ["--out", str(tmp_path / "out")]
    done = call(*arguments, status=1, cwd=tmp_path)
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("serialeq: ")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_output_that_does_not_fit_is_one_line_and_the_run_is_kept(ratings, tmp_path, form):
    out = tmp_path / "run"
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [*SERIALEQ, "train", "mf", ratings, "--epochs", "2", "--out", out, *form],
            stdout=full, stderr=subprocess.PIPE, text=True, timeout=120,
        )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "serialeq: [Errno 28] No space left on device"
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    call("verify", out)


def test_output_that_nobody_wants_is_no_error(ratings):
    command = "exec " + " ".join(map(str, [*SERIALEQ, "plan", "mf", ratings])) + " >&-"
    done = subprocess.run(["sh", "-c", command], stderr=subprocess.PIPE, text=True, timeout=120)
    assert "Traceback" not in done.stderr
    assert done.returncode == 0


def test_a_reader_that_has_seen_enough_gets_no_traceback(ratings):
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [*SERIALEQ, "plan", "mf", ratings],
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        timeout=120,
    )
    os.close(writer)
    assert done.returncode == 1
    assert "Broken pipe" not in done.stderr
    assert "Traceback" not in done.stderr


def test_a_damaged_line_is_named(ratings, tmp_path):
    damaged = tmp_path / "damaged.csv"
    lines = ratings.read_text().splitlines(keepends=True)
    lines[41] = "u1,film 1\n"
    damaged.write_text("".join(lines))
    assert "line 42" in call("train", "mf", damaged, status=1).stderr.replace(":42", "line 42")


def test_a_damaged_model_is_refused(ratings, tmp_path):
    out = tmp_path / "model"
    call("train", "mf", ratings, "--out", out, "--epochs", 1)
    content = bytearray((out / "model.npz").read_bytes())
    content[len(content) // 2] ^= 1
    (out / "model.npz").write_bytes(content)
    assert "model.npz: sha256: expected" in call("predict", out, "--user", "u1", status=1).stderr


def test_interruption_on_a_terminal(ratings, launch):
    """Ctrl-C ends a long run within a second, with status 130 and the cursor shown again."""
    main, other = pty.openpty()
    process = launch(
        [*SERIALEQ, "train", "mf", str(ratings), "--epochs", "1000000"],
        stderr=other, stdout=other, env=os.environ | {"TERM": "xterm"}, start_new_session=True,
    )  # fmt: skip
    os.close(other)
    shown = b""
    while b"loss" not in shown:
        shown += os.read(main, 4096)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    while True:
        try:
            piece = os.read(main, 4096)
        except OSError:  # the other end is closed
            break
        if not piece:
            break
        shown += piece
    assert process.wait(timeout=10) == 130
    assert time.monotonic() - began < 1.5
    os.close(main)
    assert shown.rfind(b"\x1b[?25h") > shown.rfind(b"\x1b[?25l")

"""Runs that are killed, signalled, forked, and run beside each other."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
import traceback
import warnings
from dataclasses import replace

import numpy as np
import pytest
from cli.processes import SERIALEQ
from golden import GOLDEN, digest
from harness import SMALL
from run_cases import CASES
from run_files import Interruption, content

import serialeq
from serialeq import (
    LinearClassifier,
    RunRecorder,
    SerialeqError,
    fit,
    generate_ratings,
)
from serialeq.cli.main import main
from serialeq.native.team import WorkerTeam
from serialeq.runs.directory import RunDirectory

KILLS = 6 if SMALL else 60
N = 40


def forked(function, *arguments):
    """Call a function in a forked process; return its id."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of fork beside threads
        pid = os.fork()
    if pid == 0:
        try:
            function(*arguments)
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    return pid


def train(name, out, engine, n_jobs, resume, epochs=N):
    make, order, _ = CASES[name]
    fit(make(), order, n_epochs=epochs, engine=engine, n_jobs=n_jobs, seed=3, with_loss=False,
        callbacks=[RunRecorder(out, resume=resume, every=2)])  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mf adagrad", "linear logistic"])
def test_killed_runs_end_in_the_same_bits(name, tmp_path):
    rng = random.Random(name)
    engines = CASES[name][2]
    for engine in engines:  # compiled once, here
        train(name, tmp_path / engine, engine, 2, False)
    began = time.monotonic()
    train(name, tmp_path / "whole", "serial", 1, False)
    lifetime = time.monotonic() - began
    expected = content(tmp_path / "whole")
    kills, run, finished, places = 0, 0, 0, set()
    while kills < KILLS // 2:
        run += 1
        out = tmp_path / f"killed{run}"
        while True:
            resume = (out / "manifest.json").exists()
            if resume:
                opened = RunDirectory.open(out)
                places.add(opened.manifest.chain.n_epochs)
                if opened.manifest.complete:
                    break
            pid = forked(train, name, out, rng.choice(engines), rng.randint(1, 4), resume)
            time.sleep(rng.uniform(0, 1.2 * lifetime))
            os.kill(pid, signal.SIGKILL)
            _, status = os.waitpid(pid, 0)
            kills += os.WIFSIGNALED(status)
            finished += status == 0
            assert os.WIFSIGNALED(status) or status == 0
        assert content(out) == expected
    assert len(places) > KILLS // 10
    print(f"{name}: {kills} kills, {run} runs, {finished} ends, at epochs {sorted(places)}")


def test_two_processes_train_beside_each_other_after_a_fork(tmp_path):
    names = ["mf adagrad", "mf adagrad", "linear"]
    for name in set(names):
        digest(name)

    def same(name):
        make, order, engines = CASES[name]
        for _ in range(3):
            found = fit(make(), order, n_epochs=3, engine=engines[1], n_jobs=2, seed=5).digest
            assert found == GOLDEN[name]

    pids = [forked(same, name) for name in names]
    assert [os.waitpid(pid, 0)[1] for pid in pids] == [0] * len(names)


def test_two_threads_train_beside_each_other():
    found = {}

    def run(key, name):
        make, order, engines = CASES[name]
        found[key] = {
            fit(make(), order, n_epochs=3, engine=engines[1], n_jobs=2, seed=5).digest
            for _ in range(4)
        }

    names = ["mf", "linear", "mf", "cut"]
    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(names)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {key: {GOLDEN[name]} for key, name in enumerate(names)}


def test_a_team_does_not_outlive_a_fork():
    with WorkerTeam(2, 2) as team:

        def use():
            with pytest.raises(SerialeqError, match="after a fork, make"):
                team.run(lambda thread: False)

        assert os.waitpid(forked(use), 0)[1] == 0


# ---- the command line --------------------------------------------------------------------------


@pytest.fixture
def ratings(tmp_path):
    made = generate_ratings(3_000, n_users=120, n_items=80, rank=4, seed=1)
    rows = zip(made.users, made.items, made.values, strict=True)
    path = tmp_path / "ratings.csv"
    path.write_text("".join(f"{u},{i},{v:g}\n" for u, i, v in rows))
    return path


@pytest.fixture
def call(monkeypatch, capsys):
    def run(*arguments, status=0):
        monkeypatch.setattr(sys, "argv", ["serialeq", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        out, err = capsys.readouterr()
        assert left.value.code == status, err
        return out, err

    return run


@pytest.mark.parametrize(
    ("sent", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)], ids=["TERM", "INT"]
)
def test_a_signal_writes_a_checkpoint(ratings, tmp_path, call, launch, sent, status):
    out, options = tmp_path / "run", ["--epochs", 2000, "--factors", 4, "--test-fraction", 0.2]
    process = launch(
        [*SERIALEQ, "train", "mf", str(ratings), "--out", str(out), *map(str, options)],
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    lines = 0
    while lines < 30:
        line = process.stderr.readline()
        assert line
        lines += line.startswith("epoch ")
    process.send_signal(sent)
    process.communicate()
    assert process.returncode == status
    run = RunDirectory.open(out)
    done = run.manifest.chain.n_epochs
    assert 28 <= done < 2000
    assert run.manifest.checkpoints[-1].epoch == done
    assert f"{done + 1} states" in call("verify", out, "--engine", "groups", "--jobs", 2)[0]
    assert "go on with serialeq train --resume" in call("predict", out, "--user", "1", status=1)[1]
    call("train", "--resume", out, "--engine", "locked", "--jobs", 2)
    call("train", "mf", ratings, "--out", tmp_path / "whole", *options, "--engine", "serial")
    assert content(out) == content(tmp_path / "whole")
    assert "is complete" in call("train", "--resume", out)[1]


def test_verify_and_diff_have_exit_codes(ratings, tmp_path, call):
    a, b = tmp_path / "a", tmp_path / "b"
    call("train", "mf", ratings, "--out", a, "--epochs", 3, "--factors", 4)
    call("train", "mf", ratings, "--out", b, "--epochs", 3, "--factors", 4, "--l2", 0.1)
    assert call("diff", a, a)[0] == "states: the same up to epoch 3\n"
    told, _ = call("diff", a, b, status=3)
    assert "run.parameters.l2: 0.05 and 0.1" in told
    assert "the same up to epoch 0, differ after epoch 1" in told
    assert "same bits: 2 states and the model" in call("verify", a, "--epochs", "2:")[0]
    assert "epochs: expected FIRST:LAST" in call("verify", a, "--epochs", "two", status=1)[1]
    run = RunDirectory.open(a)
    digests = [*run.manifest.chain.digests[:2], "0" * 64, run.manifest.chain.digests[3]]
    chain = type(run.manifest.chain).of(run.manifest.chain.root, digests, 3)
    (a / "manifest.json").write_bytes(replace(run.manifest, chain=chain).encode())
    assert "differs: first after epoch 2" in call("verify", a, status=3)[0]
    moved = ratings.rename(tmp_path / "moved.csv")
    assert "expected a readable file" in call("verify", b, status=1)[1]
    assert "same bits" in call("verify", b, "--data", moved)[0]
    moved.write_bytes(moved.read_bytes().replace(b",5\n", b",4\n", 1))
    _, err = call("verify", b, "--data", moved, status=1)
    assert "moved.csv: sha256: the data (ratings) changed since the run" in err
    _, err = call("train", "mf", moved, "--out", b, status=1)
    assert "holds a run already" in err


def test_an_unwritable_directory_is_named_before_training(ratings, tmp_path, call):
    (tmp_path / "file").write_text("")
    _, err = call("train", "mf", ratings, "--out", tmp_path / "file", status=1)
    assert "out: cannot write" in err
    assert "epoch" not in err


def test_early_stopping_is_resumed(tmp_path):
    rng = np.random.default_rng(1)
    X = rng.random((300, 8))
    y = (X[:, 0] > X[:, 1]).astype(int)
    options = {"max_iter": 200, "tol": 1e-3, "n_iter_no_change": 3, "n_jobs": 1}
    for more in ({}, {"early_stopping": True}):
        whole = LinearClassifier(**options, **more).fit(X, y)
        assert 3 < whole.n_iter_ < 200
        out = tmp_path / f"run{len(more)}"
        for epoch in (2, whole.n_iter_ - 1):
            recorder = RunRecorder(out, resume=epoch > 2)
            with pytest.raises(KeyboardInterrupt):
                LinearClassifier(**options, **more).fit(
                    X, y, callbacks=[recorder, Interruption(epoch)]
                )
        parts = LinearClassifier(**options, **more, engine="lookahead")
        parts.fit(X, y, callbacks=[RunRecorder(out, resume=True)])
        assert (parts.n_iter_, parts.digest_) == (whole.n_iter_, whole.digest_)


def test_export_to_scikit_learn(tmp_path, call):
    rng = np.random.default_rng(0)
    X = np.round(rng.random((80, 5)), 3)
    lines = [
        f"{1 if row[0] > row[1] else 2} " + " ".join(f"{j}:{v:g}" for j, v in enumerate(row, 1))
        for row in X
    ]
    data = tmp_path / "data.svm"
    data.write_text("\n".join(lines) + "\n")
    call("train", "linear", data, "--out", tmp_path / "run", "--epochs", 5, "--average")
    saved = serialeq.load(tmp_path / "run")
    own, theirs = saved.estimator(), saved.to_sklearn()
    assert np.array_equal(own.predict(X), theirs.predict(X))
    assert np.array_equal(theirs.coef_, saved.arrays["coef"])

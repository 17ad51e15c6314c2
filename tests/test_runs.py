"""Run directories: resumed in the same bits, verified, and never half written."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import numpy as np
import pytest
from run_cases import CASES, ratings_problem
from run_files import content

import serialeq
from serialeq import Callback, DataError, RunRecorder, RunVerifier, SerialeqError, fit
from serialeq.runs import atomic, directory
from serialeq.runs.directory import RunDirectory
from serialeq.runs.manifest import Manifest, canonical

N = 5


class Interruption(Callback):
    """Interrupts the training like Ctrl-C, at the end of an epoch."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def on_epoch_end(self, training, record):
        if record.epoch == self.epoch:
            raise KeyboardInterrupt


def train(name, out, engine="serial", n_jobs=1, callbacks=(), **options):
    make, order, _ = CASES[name]
    recorder = RunRecorder(out, **options)
    return fit(make(), order, n_epochs=N, engine=engine, n_jobs=n_jobs, seed=3,
               callbacks=[recorder, *callbacks], with_loss=False)  # fmt: skip


def interrupted(name, out, epoch, **options):
    with pytest.raises(KeyboardInterrupt):
        train(name, out, callbacks=[Interruption(epoch)], **options)


def verified(name, out, first=None, last=None, **options):
    make, order, _ = CASES[name]
    verifier = RunVerifier(out, first, last)
    options = {"engine": "serial", "n_jobs": 1, "seed": 3} | options
    fit(make(), order, n_epochs=N, callbacks=[verifier], **options)
    return verifier


@pytest.mark.parametrize("name", CASES)
def test_a_resumed_run_is_the_run(name, tmp_path):
    train(name, tmp_path / "whole")
    interrupted(name, tmp_path / "parts", 2)
    engines = CASES[name][2]
    for epoch, engine in ((3, engines[1]), (4, engines[-1])):
        assert len(RunDirectory.open(tmp_path / "parts").history) == epoch - 1
        interrupted(name, tmp_path / "parts", epoch, resume=True, engine=engine, n_jobs=2)
    train(name, tmp_path / "parts", resume=True, engine=engines[1], n_jobs=2)
    assert content(tmp_path / "parts") == content(tmp_path / "whole")
    assert [r.epoch for r in RunDirectory.open(tmp_path / "parts").history] == [1, 2, 3, 4, 5]
    assert verified(name, tmp_path / "whole", engine=engines[-1], n_jobs=2).n_compared == N + 1


def test_a_state_that_forgets_something_is_found(tmp_path, monkeypatch):
    """A mutant: AdaGrad's sums are not restored."""
    from serialeq.problems.factorization import Factorization

    load = Factorization.load

    def forgetful(self, arrays):
        load(self, arrays)
        self._curvature[:] = 1

    train("mf adagrad", tmp_path / "whole")
    interrupted("mf adagrad", tmp_path / "parts", 3)
    monkeypatch.setattr(Factorization, "load", forgetful)
    train("mf adagrad", tmp_path / "parts", resume=True)
    assert content(tmp_path / "parts") != content(tmp_path / "whole")


def test_verify_says_where_the_chain_first_differs(tmp_path):
    train("mf", tmp_path, every=1, keep=True)
    run = RunDirectory.open(tmp_path)
    assert [record.epoch for record in run.manifest.checkpoints] == [1, 2, 3, 4, 5]
    assert verified("mf", tmp_path, 2, 4).began == 2
    assert verified("mf", tmp_path, 3, 3, engine="dataflow", n_jobs=2).n_compared == 1
    assert verified("mf", tmp_path, seed=3).first_difference is None
    told = json.loads(run.manifest.encode())
    for epoch in range(N + 1):
        digests = [*told["digests"]]
        digests[epoch] = "0" * 64
        chain = type(run.manifest.chain).of(run.manifest.chain.root, digests)
        forged = Manifest(run.manifest.run, chain, run.manifest.environment, (),
                          run.manifest.model, run.manifest.about)  # fmt: skip
        (tmp_path / "manifest.json").write_bytes(forged.encode())
        assert verified("mf", tmp_path).first_difference == epoch


def test_verify_refuses_what_cannot_be_compared(tmp_path):
    train("mf", tmp_path / "mf")
    with pytest.raises(DataError, match="seed: expected 3, got 4"):
        verified("mf", tmp_path / "mf", seed=4)
    with pytest.raises(DataError, match=r"data\.sha256"):
        verified("mf float64", tmp_path / "mf")
    with pytest.raises(SerialeqError, match="epochs: expected FIRST:LAST within 0:5, got 4:6"):
        RunVerifier(tmp_path / "mf", 4, 6)
    with pytest.raises(SerialeqError, match="engine: expected one that promises"):
        verified("mf", tmp_path / "mf", engine="hogwild")
    train("mf", tmp_path / "free", engine="hogwild")
    with pytest.raises(SerialeqError, match="hogwild, which promises no bits"):
        RunVerifier(tmp_path / "free")


# ---- never half written ------------------------------------------------------------------------


class Crash(BaseException):
    """The process is gone: nothing after it runs."""


def crash_at(monkeypatch, n):
    """Let the n-th call that changes files be the last thing that happens."""
    count = [0]

    def last(function, before):
        def called(*arguments, **options):
            count[0] += 1
            if count[0] == n and before:
                raise Crash
            result = function(*arguments, **options)
            if count[0] == n:
                raise Crash
            if count[0] > n:
                raise Crash
            return result

        return called

    for name in ("replace", "fsync", "ftruncate", "pwrite"):
        monkeypatch.setattr(os, name, last(getattr(os, name), n % 2 == 0))
    monkeypatch.setattr(Path, "unlink", last(Path.unlink, True))
    return count


def crashes(tmp_path, monkeypatch):
    """Yield directories of runs that crashed at every step of writing."""
    n, steps = 0, 1
    while n < steps:
        n += 1
        out = tmp_path / f"run{n}"
        with monkeypatch.context() as patch:
            count = crash_at(patch, n)
            try:
                train("mf", out, every=2)
                steps = n
            except Crash:
                steps = n + 1
        assert count
        yield out


def test_a_crash_at_any_step_leaves_a_run_or_none(tmp_path, monkeypatch):
    train("mf", tmp_path / "whole")
    resumed = 0
    for out in crashes(tmp_path, monkeypatch):
        if not (out / "manifest.json").exists():
            with pytest.raises(DataError, match=r"cannot read .*manifest.json"):
                RunDirectory.open(out)
            train("mf", out)
        elif not RunDirectory.open(out).manifest.complete:
            train("mf", out, resume=True, engine="groups", n_jobs=2)
            resumed += 1
        assert content(out) == content(tmp_path / "whole")
        names = {path.name for path in out.iterdir()}
        assert names <= {"manifest.json", "metrics.jsonl", "model.npz"} | {
            name for name in names if name.startswith((".unfinished-", "checkpoint-"))
        }
    assert resumed > 10


def test_the_manifest_is_written_last(tmp_path, monkeypatch):
    """A mutant that writes the manifest first is found by the same crashes."""
    write = directory.write_atomically

    def manifest_first(path, written):
        if path.name == "manifest.json":
            return
        run = current[0]
        write(run.path / "manifest.json", encoded[0])
        write(path, written)

    current, encoded = [], []
    original = RunDirectory._write

    def mutant(self, manifest, name, written):
        current[:], encoded[:] = [self], [manifest.encode()]
        original(self, manifest, name, written)

    monkeypatch.setattr(RunDirectory, "_write", mutant)
    monkeypatch.setattr(directory, "write_atomically", manifest_first)
    unreadable = 0
    for out in crashes(tmp_path, monkeypatch):
        if (out / "manifest.json").exists():
            try:
                RunDirectory.open(out)
            except DataError:
                unreadable += 1
    assert unreadable


def test_a_full_disk_leaves_what_was_there(tmp_path, monkeypatch):
    train("mf", tmp_path / "whole")
    interrupted("mf", tmp_path / "run", 3)
    before = content_of(tmp_path / "run")

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(DataError, match=r"cannot write .*: No space left on device"):
            train("mf", tmp_path / "run", resume=True, every=1)
    after = content_of(tmp_path / "run")
    assert {k: v for k, v in after.items() if k != "metrics.jsonl"} == {
        k: v for k, v in before.items() if k != "metrics.jsonl"
    }
    train("mf", tmp_path / "run", resume=True)
    assert content(tmp_path / "run") == content(tmp_path / "whole")


def content_of(path):
    return {file.name: file.read_bytes() for file in sorted(path.iterdir())}


def test_a_directory_has_one_writer(tmp_path):
    interrupted("mf", tmp_path, 2)
    lock = atomic.DirectoryLock(tmp_path)
    with pytest.raises(DataError, match="another run is writing there"):
        train("mf", tmp_path, resume=True)
    lock.release()
    with pytest.raises(DataError, match="holds a run already"):
        train("mf", tmp_path)
    train("mf", tmp_path, resume=True)
    with pytest.raises(DataError, match="is complete"):
        train("mf", tmp_path, resume=True)


@pytest.mark.parametrize("epoch", [2, N + 1], ids=["running", "complete"])
def test_bit_flips_are_found(tmp_path, epoch):
    if epoch > N:
        train("mf", tmp_path, every=1, keep=True)
    else:
        interrupted("mf", tmp_path, epoch)
    RunDirectory.open(tmp_path)
    rng = np.random.default_rng(0)
    for path in sorted(tmp_path.iterdir()):
        whole = path.read_bytes()
        for place in rng.integers(0, 8 * len(whole), 150):
            flipped = bytearray(whole)
            flipped[place // 8] ^= 1 << (place % 8)
            path.write_bytes(flipped)
            with pytest.raises(SerialeqError, match=path.name):
                RunDirectory.open(tmp_path)
        for size in rng.integers(0, len(whole), 20):
            path.write_bytes(whole[:size])
            with pytest.raises(SerialeqError, match=path.name):
                RunDirectory.open(tmp_path)
        path.unlink()
        with pytest.raises(SerialeqError, match=path.name):
            RunDirectory.open(tmp_path)
        path.write_bytes(whole)
    RunDirectory.open(tmp_path)


def test_a_newer_manifest_is_named(tmp_path):
    train("mf", tmp_path)
    told = json.loads((tmp_path / "manifest.json").read_bytes())
    told["format"], told["environment"]["serialeq"] = 2, "9.1"
    (tmp_path / "manifest.json").write_bytes(canonical(told))
    with pytest.raises(DataError, match=r"manifest.json: format: .* got 2, .* serialeq 9.1"):
        serialeq.load(tmp_path)


def test_checkpoints_of_other_runs_are_refused(tmp_path):
    interrupted("mf", tmp_path, 2)
    make, order, _ = CASES["mf"]
    for options, told in (
        ({"seed": 4}, "seed: expected 3, got 4"),
        ({"n_epochs": 9}, "n_epochs: expected 5, got 9"),
        ({"order": "shuffled"}, 'order: expected "blocked", got "shuffled"'),
        ({"engine": "hogwild"}, 'promise: expected "serial", got "none"'),
    ):
        options = {"n_epochs": N, "seed": 3, "order": order, "n_jobs": 1} | options
        with pytest.raises(DataError, match=told):
            fit(make(), callbacks=[RunRecorder(tmp_path, resume=True)], **options)
    with pytest.raises(DataError, match="digests"):
        fit(ratings_problem(init_scale=0.1), order, n_epochs=N, seed=3,
            callbacks=[RunRecorder(tmp_path, resume=True)])  # fmt: skip

"""Runs are never half written: crashes at every step, full disks."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from run_files import content, content_of, interrupted, train

from serialeq import DataError
from serialeq.runs import directory
from serialeq.runs.directory import RunDirectory


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

    def mutant(self, manifest, files):
        current[:], encoded[:] = [self], [manifest.encode()]
        original(self, manifest, files)

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

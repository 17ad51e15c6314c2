"""Run directories: one writer, damage found, other runs refused, and odd cases."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest
from run_cases import CASES
from run_files import Interruption, N, content, interrupted, train

import serialeq
from serialeq import Callback, DataError, EarlyStopping, RunRecorder, SerialeqError, fit
from serialeq.problems.mf.example import example
from serialeq.runs import atomic
from serialeq.runs.directory import RunDirectory
from serialeq.runs.manifest import canonical


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
    told["format"], told["environment"]["serialeq"] = 3, "9.1"
    (tmp_path / "manifest.json").write_bytes(canonical(told))
    with pytest.raises(DataError, match=r"manifest.json: format: .* got 3, .* serialeq 9.1"):
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
        fit(example(init_scale=0.1), order, n_epochs=N, seed=3,
            callbacks=[RunRecorder(tmp_path, resume=True)])  # fmt: skip


class Stop(Callback):
    """Ends the training after an epoch."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def on_epoch_end(self, training, record):
        if record.epoch == self.epoch:
            training.stop("enough")


def test_a_run_that_stopped_between_two_links_may_go_on(tmp_path, monkeypatch):
    def interrupt(*arguments, **options):
        raise KeyboardInterrupt

    train("mf", tmp_path / "whole", digest_every=2)
    with monkeypatch.context() as patch:
        patch.setattr(RunDirectory, "complete", interrupt)
        with pytest.raises(KeyboardInterrupt):
            train("mf", tmp_path / "run", digest_every=2, callbacks=[Stop(3)])
    assert RunDirectory.open(tmp_path / "run").manifest.chain.epochs == (0, 2)
    train("mf", tmp_path / "run", resume=True)
    assert content(tmp_path / "run") == content(tmp_path / "whole")


def test_what_comes_before_the_model_may_be_interrupted(tmp_path):
    train("mf", tmp_path, every=100, finish=False)  # others write the model, and never get there
    assert len(RunDirectory.open(tmp_path).history) == N


def test_a_resumed_run_drops_no_checkpoints_that_were_kept(tmp_path):
    interrupted("mf", tmp_path / "run", 3, every=1, keep=True)
    kept = RunDirectory.open(tmp_path / "run").manifest.checkpoints
    assert len(kept) > 1
    train("mf", tmp_path / "run", resume=True)
    manifest = RunDirectory.open(tmp_path / "run").manifest
    assert set(kept) <= set(manifest.checkpoints)


def test_files_with_other_names_are_nobody_s_business(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "checkpoint-best.npz").write_bytes(b"mine")
    train("mf", tmp_path / "run")
    assert (tmp_path / "run" / "checkpoint-best.npz").read_bytes() == b"mine"


def test_lines_are_written_whole_where_the_system_takes_parts(tmp_path, monkeypatch):
    write = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda handle, line, at: write(handle, line[:7], at))
    train("mf", tmp_path / "run")
    assert len(RunDirectory.open(tmp_path / "run").history) == N


def test_a_loss_may_be_an_integer(tmp_path):
    problem = example()
    problem.loss = lambda team=None: 0
    fit(problem, n_epochs=2, engine="serial", n_jobs=1, callbacks=[RunRecorder(tmp_path / "run")])
    assert [record.loss for record in RunDirectory.open(tmp_path / "run").history] == [0.0, 0.0]


def test_other_held_out_data_are_another_run(tmp_path):
    made = serialeq.generate_ratings(3_000, n_users=120, n_items=80, rank=4, seed=1)
    parts = [
        (made.users[s], made.items[s], made.values[s])
        for s in (slice(0, 3_000), slice(0, 500), slice(500, 1_000))
    ]

    def fit_model(held_out, *callbacks):
        model = serialeq.MatrixFactorization(n_factors=8, n_epochs=4, n_jobs=1)
        model.fit(parts[0], validation=held_out, callbacks=callbacks)

    recorder = RunRecorder(tmp_path / "run", every=1)
    with pytest.raises(KeyboardInterrupt):
        fit_model(parts[1], recorder, Interruption(2))
    with pytest.raises(DataError, match=r"resume: .*held_out"):
        fit_model(parts[2], RunRecorder(tmp_path / "run", resume=True))
    fit_model(parts[1], RunRecorder(tmp_path / "run", resume=True))


def test_held_out_losses_need_held_out_data(tmp_path):
    with pytest.raises(SerialeqError, match="expected a training with held-out data"):
        fit(example(), n_epochs=2, n_jobs=1, callbacks=[EarlyStopping(held_out=True)])


def test_a_name_that_is_too_long_is_told(tmp_path):
    with pytest.raises(DataError, match=r"cannot write .*File name too long"):
        train("mf", tmp_path / (300 * "x"))

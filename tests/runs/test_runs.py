"""Run directories: resumed in the same bits, verified, and never half written."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import numpy as np
import pytest
from run_cases import CASES, ratings_problem
from run_files import Interruption, N, content, forge, interrupted, train, verified

import serialeq
from serialeq import (
    BestEpoch,
    Callback,
    DataError,
    EarlyStopping,
    RunRecorder,
    RunVerifier,
    SerialeqError,
    fit,
)
from serialeq.runs import atomic, directory
from serialeq.runs.difference import compare_runs
from serialeq.runs.directory import RunDirectory
from serialeq.runs.manifest import Manifest, canonical
from serialeq.training.callbacks import Training, best_epoch


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
    from serialeq.problems.mf.problem import Factorization

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
        chain = type(run.manifest.chain).of(run.manifest.chain.root, digests, N)
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


@pytest.mark.parametrize(("every", "epochs"), [(2, [0, 2, 4, 5]), (3, [0, 3, 5]), (9, [0, 5])])
def test_a_chain_may_have_every_kth_epoch_and_the_last(tmp_path, every, epochs):
    train("mf", tmp_path / "all", every=1, keep=True)
    train("mf", tmp_path / "whole", digest_every=every, every=1, keep=True)
    run, full = (RunDirectory.open(tmp_path / name) for name in ("whole", "all"))
    assert run.manifest.chain.epochs == tuple(epochs)
    assert run.manifest.chain.digests == tuple(full.manifest.chain.digests[e] for e in epochs)
    assert len(run.history) == N
    assert (tmp_path / "whole/model.npz").read_bytes() == (tmp_path / "all/model.npz").read_bytes()
    assert [record.epoch for record in run.manifest.checkpoints] == epochs[1 : 1 + N // every]
    interrupted("mf", tmp_path / "parts", 4, digest_every=every, every=1, keep=True)
    held = every <= 4  # before the first link there is nothing to keep
    assert (tmp_path / "parts/manifest.json").exists() == held
    train("mf", tmp_path / "parts", resume=held, engine="groups", n_jobs=2, every=1, keep=True,
          digest_every=1 if held else every)  # fmt: skip
    assert content(tmp_path / "parts") == content(tmp_path / "whole")
    found = verified("mf", tmp_path / "whole", 3, 4)
    assert found.first_difference is None
    assert found.n_compared == {2: 2, 3: 2, 9: 2}[every]  # widened to 2:4, 3:5, 0:5
    assert compare_runs(run.manifest, full.manifest)[0][-1] == "states: the same up to epoch 5"


def test_a_run_interrupted_while_its_model_is_written(tmp_path, monkeypatch):
    train("mf", tmp_path / "whole", digest_every=3)

    def interrupt(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(RunDirectory, "complete", interrupt)
        with pytest.raises(KeyboardInterrupt):
            train("mf", tmp_path / "parts", digest_every=3)
    assert RunDirectory.open(tmp_path / "parts").manifest.chain.epochs == (0, 3, 5)
    train("mf", tmp_path / "parts", resume=True)
    assert content(tmp_path / "parts") == content(tmp_path / "whole")


def test_digest_every_is_at_least_1(tmp_path):
    with pytest.raises(SerialeqError, match="digest_every: expected at least 1, got 0"):
        RunRecorder(tmp_path, digest_every=0)


@pytest.mark.parametrize("field", ["serialeq", "kernels"])
def test_a_run_of_other_code_is_not_resumed(tmp_path, field):
    interrupted("mf", tmp_path, 2)
    run = RunDirectory.open(tmp_path)
    run.manifest.environment[field] = other = "0.0.9" if field == "serialeq" else "0" * 64
    (tmp_path / "manifest.json").write_bytes(run.manifest.encode())
    with pytest.raises(DataError, match=f"environment.{field}: the run was begun with {other}"):
        train("mf", tmp_path, resume=True)
    found = verified("mf", tmp_path)  # what it did can be replayed
    assert found.first_difference is None
    assert [(at, there) for at, there, _ in found.environment] == [(field, f'"{other}"')]


def test_another_library_is_told_and_no_obstacle(tmp_path):
    train("mf", tmp_path / "whole")
    interrupted("mf", tmp_path / "run", 2)
    begun = RunDirectory.open(tmp_path / "run").manifest
    begun.environment["numba"] = "0.1"
    (tmp_path / "run" / "manifest.json").write_bytes(begun.encode())
    with pytest.warns(
        UserWarning, match=r"environment.numba: the run was begun with .0.1., and goes on with"
    ):
        train("mf", tmp_path / "run", resume=True)
    both = [RunDirectory.open(tmp_path / name).manifest.chain for name in ("run", "whole")]
    assert both[0] == both[1]


def test_verify_compares_the_model(tmp_path):
    train("mf", tmp_path)
    assert verified("mf", tmp_path).model_differs is False
    assert verified("mf", tmp_path, 0, 3).model_differs is None
    arrays = RunDirectory.open(tmp_path).model()
    arrays["user_factors"] = arrays["user_factors"] + np.float32(1)
    forge(tmp_path, arrays)
    found = verified("mf", tmp_path)
    assert (found.first_difference, found.model_differs) == (None, True)


# ---- early stopping, best epoch ----------------------------------------------------------------


class Losses(Callback):
    """Gives epochs the losses of a list, so that the best one is known."""

    resumes = True  # told of an epoch first

    def __init__(self, *losses):
        self.losses = losses

    def on_train_begin(self, training):
        training.problem.loss = lambda team=None: self.losses[len(training.history)]


LOSSES = (5.0, 3.0, 1.0, 2.0, 1.0)


def train_best(out, *callbacks, n_epochs=N, engine="serial", **options):
    return fit(
        ratings_problem(),
        "blocked",
        n_epochs=n_epochs,
        engine=engine,
        n_jobs=2,
        seed=3,
        callbacks=[BestEpoch(), Losses(*LOSSES), *callbacks, RunRecorder(out, **options)],
    )


@pytest.mark.parametrize("epoch", [1, 2, 3, 4])
@pytest.mark.parametrize("every", [1, 2])
def test_the_best_epoch_is_resumed(tmp_path, epoch, every):
    best = fit(ratings_problem(), "blocked", n_epochs=3, seed=3).digest
    assert train_best(tmp_path / "whole", digest_every=every).digest == best
    run = RunDirectory.open(tmp_path / "whole")
    assert (run.manifest.run["model"], run.manifest.model.epoch) == ("best", 3)
    assert run.manifest.chain.n_epochs == N
    verifier = RunVerifier(tmp_path / "whole")
    fit(ratings_problem(), "blocked", n_epochs=N, n_jobs=1, seed=3,
        callbacks=[BestEpoch(), Losses(*LOSSES), verifier])  # fmt: skip
    assert (verifier.first_difference, verifier.model_differs) == (None, False)
    with pytest.raises(KeyboardInterrupt):
        train_best(tmp_path / "parts", Interruption(epoch), digest_every=every)
    resume = (tmp_path / "parts/manifest.json").exists()
    assert resume == (epoch >= every)
    if resume:
        kept = [r.epoch for r in RunDirectory.open(tmp_path / "parts").manifest.checkpoints]
        done = epoch // every * every
        assert kept == sorted({min(done, 3), done})
    found = train_best(tmp_path / "parts", engine="groups", resume=resume, digest_every=every)
    assert found.digest == best
    assert content(tmp_path / "parts") == content(tmp_path / "whole")


def test_a_run_of_the_last_epoch_does_not_go_on_to_the_best(tmp_path):
    interrupted("mf", tmp_path, 2)
    with pytest.raises(DataError, match='model: expected "last", got "best"'):
        train_best(tmp_path, resume=True)


def test_a_best_epoch_that_is_forgotten_is_found(tmp_path, monkeypatch):
    """A mutant: a resumed training does not know of the best state before."""
    train_best(tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        train_best(tmp_path / "parts", Interruption(4))
    resume = Training.resume
    monkeypatch.setattr(Training, "resume", lambda self, state, history, best: resume(
        self, state, history))  # fmt: skip
    train_best(tmp_path / "parts", resume=True)
    assert content(tmp_path / "parts") != content(tmp_path / "whole")


def test_the_order_of_callbacks_does_not_matter(tmp_path):
    def stopped(out, *after, resume=False):
        early = EarlyStopping(2, 0.0)
        fit(
            ratings_problem(),
            "blocked",
            n_epochs=9,
            seed=3,
            callbacks=[
                early,
                Losses(5.0, 3.0, 4.0, 4.0, 1.0),
                *after,
                RunRecorder(out, resume=resume),
            ],
        )
        return early.best_epoch

    assert stopped(tmp_path / "whole") == 2
    assert RunDirectory.open(tmp_path / "whole").manifest.chain.n_epochs == 4
    for epoch in (3, 4):
        out = tmp_path / f"parts{epoch}"
        with pytest.raises(KeyboardInterrupt):
            stopped(out, Interruption(epoch))
        assert stopped(out, resume=True) == 2
        assert content(out) == content(tmp_path / "whole")


def test_the_best_epoch_is_that_of_the_held_out_loss():
    record = serialeq.training.callbacks.EpochRecord
    assert best_epoch([]) is None
    assert best_epoch([record(1, 0.0, None)]) is None
    assert best_epoch([record(1, 0.0, 1.0, 5.0), record(2, 0.0, 2.0, 4.0)]) == 2
    assert best_epoch([record(1, 0.0, 2.0), record(2, 0.0, 2.0), record(3, 0.0, 3.0)]) == 1


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
    problem = ratings_problem()
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
        fit(ratings_problem(), n_epochs=2, n_jobs=1, callbacks=[EarlyStopping(held_out=True)])


def test_a_name_that_is_too_long_is_told(tmp_path):
    with pytest.raises(DataError, match=r"cannot write .*File name too long"):
        train("mf", tmp_path / (300 * "x"))

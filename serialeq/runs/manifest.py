"""``manifest.json``: what a run is, and what became of it.

Canonical JSON (sorted keys, no blanks, ASCII), so that equal runs have equal bytes: it does not
tell who trained with how many workers, or when. Its last entry, ``~seal``, is the sha256 of the
rest. Every other file of the directory is named in it with its sha256, or, for the metrics, which
have times in them, checked by themselves; so a directory is what its manifest says or an error.
"""

from __future__ import annotations

import hashlib
import json
import platform
import re
import sys
from dataclasses import asdict, dataclass, field, replace
from importlib import metadata
from typing import Any, get_args

import numpy as np

import serialeq
from serialeq.engines.engine import Promise
from serialeq.errors import DataError, SerialeqError
from serialeq.native.source import bits_digest

from .chain import DigestChain

FORMAT = 2
NAME = "manifest.json"
MODELS = ("last", "best")
"""The model is of the last epoch; of the one with the lowest loss (see `BestEpoch`)."""

_LIBRARIES = ("numpy", "scipy", "numba", "llvmlite")
_SEAL = "~seal"
_HEX = re.compile("[0-9a-f]{64}")
_FILE = re.compile(r"[a-z0-9-]+\.[a-z]+")
_STATUS = ("running", "complete")


@dataclass(frozen=True)
class FileRecord:
    """A file of the run directory: its name, its sha256, and the epoch whose state it holds."""

    file: str
    sha256: str
    epoch: int


@dataclass(frozen=True)
class Manifest:
    """See the module.

    Attributes
    ----------
    run : dict
        What is trained: ``problem`` (a kind's word, or a class of problem without estimator),
        ``estimator``, ``parameters``, ``order``, ``seed``, ``n_epochs``, ``promise`` (of the
        engine, see `serialeq.engines.engine`), ``model`` (of which epoch, see `MODELS`),
        ``digest_every`` (see `DigestChain`), ``data`` (``sha256`` of the arrays trained on, and
        the ``files`` they were read from). The chain's root is the sha256 of its canonical
        JSON, without the files' paths.
    chain : DigestChain
    environment : dict
        Version of this package and digest of the code that decides bits, Python, libraries.
    checkpoints : tuple of FileRecord
        In the order of epochs.
    model : FileRecord or None
        Of a complete run.
    about : dict
        What else is to be known of the model.
    format : int
        1: written by 0.1.0, with other names for problems, parameters and promises.
    """

    run: dict[str, Any]
    chain: DigestChain
    environment: dict[str, str]
    checkpoints: tuple[FileRecord, ...] = ()
    model: FileRecord | None = None
    about: dict[str, Any] = field(default_factory=dict)
    format: int = FORMAT

    @classmethod
    def start(cls, run: dict[str, Any], digest: str, problem: type) -> Manifest:
        """Return the manifest of a run before its first epoch, given the state's digest.

        `problem`: the class whose code trains.
        """
        run = json.loads(canonical(run))
        return cls(run, DigestChain(root_of(run)).then(digest, 0), environment(problem))

    @property
    def complete(self) -> bool:
        """Whether the model is there."""
        return self.model is not None

    def checkpoint(self, epoch: int) -> FileRecord:
        """Return the checkpoint of an epoch.

        Raises
        ------
        DataError
            If there is none.
        """
        for record in self.checkpoints:
            if record.epoch == epoch:
                return record
        epochs = [record.epoch for record in self.checkpoints]
        raise DataError(f"{NAME}: checkpoints: expected one of epoch {epoch}, got {epochs}")

    def then(self, digest: str, epoch: int) -> Manifest:
        """Return the manifest with the digest of the state after one more epoch."""
        return replace(self, chain=self.chain.then(digest, epoch))

    def encode(self) -> bytes:
        """Return the bytes of the file."""
        content = {
            "format": self.format,
            "run": self.run,
            "environment": self.environment,
            "epochs": self.chain.n_epochs,
            "digests": list(self.chain.digests),
            "chain": list(self.chain.links),
            "checkpoints": [asdict(record) for record in self.checkpoints],
            "model": self.model and asdict(self.model),
            "about": self.about,
            "status": _STATUS[self.complete],
        }
        seal = hashlib.sha256(canonical(content)).hexdigest()
        return canonical(content | {_SEAL: seal}) + b"\n"

    @classmethod
    def decode(cls, content: bytes, name: str = NAME) -> Manifest:
        """Return the manifest of the bytes.

        Raises
        ------
        DataError
            Names the field that is not as expected.
        """
        try:
            given = json.loads(content)
            again = canonical(given) + b"\n"
        except (ValueError, RecursionError, OverflowError) as error:
            raise DataError(f"{name}: expected whole canonical JSON, got: {error}") from error
        fields = _Fields(given, name)
        version: int = fields.take("format", int)
        if version > FORMAT:
            found = fields.find("environment", "serialeq") or "a newer version"
            raise DataError(
                f"{name}: format: expected at most {FORMAT}, got {version}, written by serialeq "
                f"{found}; this is serialeq {serialeq.__version__}"
            )
        seal = fields.take(_SEAL, str)
        rest = {key: value for key, value in given.items() if key != _SEAL}
        if again != content or hashlib.sha256(canonical(rest)).hexdigest() != seal:
            raise DataError(f"{name}: {_SEAL}: the file was changed or damaged")
        return fields.manifest()


class _Fields:
    """Reads the fields of a manifest and says which is wrong."""

    def __init__(self, given: Any, name: str) -> None:
        self.given, self.name = given, name

    def fail(self, where: str, expected: str, got: Any) -> DataError:
        shown = repr(got)
        shown = shown if len(shown) <= 60 else f"{shown[:60]}…"
        return DataError(f"{self.name}: {where}: expected {expected}, got {shown}")

    def take(self, key: str, kind: type, within: Any = None, where: str = "") -> Any:
        source = self.given if within is None else within
        value: Any = source.get(key) if isinstance(source, dict) else None
        if type(value) is not kind or (kind is int and str(value).startswith("-")):
            raise self.fail(f"{where}{key}", kind.__name__, value)
        return value

    def find(self, *keys: str) -> Any:
        found = self.given
        for key in keys:
            found = found.get(key) if isinstance(found, dict) else None
        return found

    def digest(self, value: Any, where: str) -> str:
        if not isinstance(value, str) or not _HEX.fullmatch(value):
            raise self.fail(where, "64 hex digits", value)
        return value

    def record(self, given: Any, where: str) -> FileRecord:
        file = self.take("file", str, given, f"{where}.")
        if not _FILE.fullmatch(file) or len(given) != 3:
            raise self.fail(f"{where}.file", "a file's name, sha256 and epoch", given)
        epoch = self.take("epoch", int, given, f"{where}.")
        return FileRecord(file, self.digest(given.get("sha256"), f"{where}.sha256"), epoch)

    def manifest(self) -> Manifest:
        run = self.take("run", dict)
        for key, kind in (
            ("problem", str),
            ("parameters", dict),
            ("n_epochs", int),
            ("digest_every", int),
            ("data", dict),
        ):
            self.take(key, kind, run, "run.")
        for key, known in (("promise", get_args(Promise)), ("model", MODELS)):
            if run.get(key) not in known:
                raise self.fail(f"run.{key}", f"one of {', '.join(known)}", run.get(key))
        self.digest(run["data"].get("sha256"), "run.data.sha256")
        for name, file in self.take("files", dict, run["data"], "run.data.").items():
            self.take("path", str, file, f"run.data.files.{name}.")
            self.take("bytes", int, file, f"run.data.files.{name}.")
            self.digest(file.get("sha256"), f"run.data.files.{name}.sha256")
        digests = self.take("digests", list)
        if not digests:
            raise self.fail("digests", "a digest of the start and of each epoch", digests)
        for epoch, digest in enumerate(digests):
            self.digest(digest, f"digests[{epoch}]")
        done, every = self.take("epochs", int), run["digest_every"]
        if every < 1:
            raise self.fail("run.digest_every", "at least 1", every)
        if len(digests) != 1 + -(-done // every):
            raise self.fail("epochs", f"as many as {len(digests)} digests tell of", done)
        chain = DigestChain.of(root_of(run), digests, done, every)
        if list(chain.links) != self.take("chain", list):
            raise self.fail("chain", "the chain of the digests", self.given["chain"])
        environment = self.take("environment", dict)
        for key, value in environment.items():
            if not isinstance(value, str):
                raise self.fail(f"environment.{key}", "a version", value)
        checkpoints = tuple(
            self.record(given, f"checkpoints[{i}]")
            for i, given in enumerate(self.take("checkpoints", list))
        )
        epochs = [record.epoch for record in checkpoints]
        model = self.given.get("model")
        model = model if model is None else self.record(model, "model")
        if epochs != sorted(set(epochs)) or (epochs and epochs[-1] > chain.n_epochs):
            raise self.fail("checkpoints", f"rising epochs up to {chain.n_epochs}", epochs)
        if self.take("status", str) != _STATUS[model is not None]:
            raise self.fail("status", _STATUS[model is not None], self.given["status"])
        if model is None and (not epochs or epochs[-1] != chain.n_epochs):
            raise self.fail("checkpoints", f"one of epoch {chain.n_epochs}", epochs)
        about, version = self.take("about", dict), self.take("format", int)
        return Manifest(run, chain, environment, checkpoints, model, about, version)


def canonical(content: Any) -> bytes:
    """Return canonical JSON."""
    return json.dumps(
        content, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False,
        default=_plain,
    ).encode()  # fmt: skip


def _plain(value: Any) -> Any:
    """Return a number or type of NumPy as JSON can tell it."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.dtype):
        return value.name
    raise SerialeqError(f"manifest: expected parameters that JSON can tell, got {value!r}")


def root_of(run: dict[str, Any]) -> str:
    """Return the sha256 of what is trained, wherever its files are."""
    files = run["data"].get("files", {})
    plain = {
        name: {key: value for key, value in file.items() if key != "path"}
        for name, file in files.items()
    }
    content = run | {"data": run["data"] | {"files": plain}}
    return hashlib.sha256(canonical(content)).hexdigest()


def environment(problem: type) -> dict[str, str]:
    """Return the versions of what trains, and the digest of the code that decides bits."""
    versions = {name: metadata.version(name) for name in _LIBRARIES}
    return versions | {
        "serialeq": serialeq.__version__,
        "code": bits_digest(getattr(sys.modules[problem.__module__], "__file__", None) or ""),
        "python": platform.python_version(),
        "machine": platform.machine(),
    }


def differences(a: Any, b: Any, where: str = "") -> list[tuple[str, str, str]]:
    """Return (field, value in a, value in b) where two JSON objects differ; paths do not count."""
    if isinstance(a, dict) and isinstance(b, dict):
        found = []
        for key in sorted({*a, *b} - {"path", "reading"}):  # what was read has a digest
            place = f"{where}.{key}" if where else key
            if key not in a or key not in b:
                found.append((place, _shown(a, key), _shown(b, key)))
            else:
                found += differences(a[key], b[key], place)
        return found
    one, other = canonical(a).decode(), canonical(b).decode()
    return [] if one == other else [(where, one, other)]


def _shown(content: dict[str, Any], key: str) -> str:
    return canonical(content[key]).decode() if key in content else "nothing"

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
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from importlib import metadata
from typing import Any, get_args

import numpy as np

import serialeq
from serialeq.engines.engine import Promise
from serialeq.errors import DataError, SerialeqError
from serialeq.native.source import bits_digest
from serialeq.reading.lines import shown

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
_NOTHING = object()


@dataclass(frozen=True)
class FileRecord:
    """A file of the run directory: its name, its sha256, and the epoch whose state it holds."""

    file: str
    sha256: str
    epoch: int

    @classmethod
    def of(cls, file: str, content: bytes, epoch: int) -> FileRecord:
        """Return the record of a file with that content."""
        return cls(file, hashlib.sha256(content).hexdigest(), epoch)


@dataclass(frozen=True)
class Manifest:
    """See the module."""

    run: dict[str, Any]
    """What is trained: ``problem`` (a kind's word, or a class of problem without estimator),
    ``estimator``, ``parameters``, ``order``, ``seed``, ``n_epochs``, ``promise`` (of the engine,
    see `serialeq.engines.engine`), ``model`` (of which epoch, see `MODELS`), ``digest_every`` (see
    `DigestChain`), ``data`` (``sha256`` of the arrays trained on, and the ``files`` they were read
    from). The chain's root is the sha256 of its canonical JSON, without the files' paths."""
    chain: DigestChain
    environment: dict[str, str]
    """Version of this package, digest of the code that decides bits, Python, libraries."""
    checkpoints: tuple[FileRecord, ...] = ()
    """In the order of epochs."""
    model: FileRecord | None = None
    """Of a complete run."""
    about: dict[str, Any] = field(default_factory=dict)
    """What else is to be known of the model."""
    format: int = FORMAT
    """1: written by 0.1.0, with other names for problems, parameters and promises."""

    @classmethod
    def start(cls, run: dict[str, Any], digest: str, problem: type) -> Manifest:
        """Return the manifest of a run before its first epoch, given the state's digest.

        `problem`: the class whose code trains.
        """
        run = json.loads(canonical(run))
        return cls(run, DigestChain(root_of(run), {0: digest}), environment(problem))

    @property
    def complete(self) -> bool:
        """Whether the model is there."""
        return self.model is not None

    def checkpoint(self, epoch: int) -> FileRecord:
        """Return the checkpoint of an epoch; DataError if there is none."""
        for record in self.checkpoints:
            if record.epoch == epoch:
                return record
        epochs = [record.epoch for record in self.checkpoints]
        raise DataError(f"{NAME}: checkpoints: expected one of epoch {epoch}, got {epochs}")

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

        DataError: names the field that is not as expected.
        """
        try:
            given = json.loads(content)
            again = canonical(given) + b"\n"
        except (ValueError, RecursionError, OverflowError) as error:
            raise DataError(f"{name}: expected whole canonical JSON, got: {error}") from error
        try:
            return cls._checked(given, again == content)
        except DataError as error:
            raise DataError(f"{name}: {error}") from None

    @classmethod
    def _checked(cls, given: Any, whole: bool) -> Manifest:
        version: Any = given.get("format") if isinstance(given, dict) else None
        _expect(type(version) is int, "format", "an integer", version)
        if version > FORMAT:
            ((_, writer),) = _values(given, ["environment", "serialeq"])
            raise DataError(
                f"format: expected at most {FORMAT}, got {version}, written by serialeq "
                f"{writer or 'a newer version'}; this is serialeq {serialeq.__version__}"
            )
        seal = given.pop(_SEAL, None)
        if not whole or hashlib.sha256(canonical(given)).hexdigest() != seal:
            raise DataError(f"{_SEAL}: the file was changed or damaged")
        models = [] if given.get("model") is None else [given["model"]]
        fields = given | {"model": models}
        for expected, holds, paths in _FIELDS:
            for path in paths.split():
                for where, value in _values(fields, path.split(".")):
                    _expect(holds(value), where, expected, value)
        run, digests, done = given["run"], given["digests"], given["epochs"]
        every, n = run["digest_every"], len(digests)
        _expect(n, "digests", "a digest of the start and of each epoch", digests)
        _expect(every, "run.digest_every", "at least 1", every)
        _expect(n == 1 + -(-done // every), "epochs", f"as many as {n} digests tell of", done)
        chain = DigestChain.of(root_of(run), digests, done, every)
        links = given["chain"]
        _expect(links == list(chain.links), "chain", "the chain of the digests", links)
        checkpoints = tuple(FileRecord(**record) for record in given["checkpoints"])
        epochs = [record.epoch for record in checkpoints]
        rising = epochs == sorted(set(epochs)) and max(epochs, default=0) <= done
        _expect(rising, "checkpoints", f"rising epochs up to {done}", epochs)
        model = next((FileRecord(**record) for record in models), None)
        _expect(model or done in epochs, "checkpoints", f"one of epoch {done}", epochs)
        status = _STATUS[model is not None]
        _expect(given["status"] == status, "status", status, given["status"])
        return cls(run, chain, given["environment"], checkpoints, model, given["about"], version)


def _expect(holds: object, where: str, expected: str, got: Any) -> None:
    if not holds:
        raise DataError(f"{where}: expected {expected}, got {shown(got)}")


def _values(given: Any, path: list[str], where: str = "") -> Iterator[tuple[str, Any]]:
    """Yield where a path leads to (``*``: to every entry), and what is there, if only None."""
    if not path:
        yield where, given
        return
    entries: Any = [(path[0], given.get(path[0]) if isinstance(given, dict) else None)]
    if path[0] == "*":
        entries = given.items() if isinstance(given, dict) else enumerate(given)
    for name, value in entries:
        yield from _values(value, path[1:], f"{where}.{name}" if where else name)


_FIELDS: tuple[tuple[str, Callable[[Any], object], str], ...] = (
    ("an object", lambda value: isinstance(value, dict),
     "run run.parameters run.data run.data.files run.data.files.* environment about"),
    ("a list", lambda value: isinstance(value, list), "digests chain checkpoints"),
    ("a file's name, sha256 and epoch", lambda value: isinstance(value, dict) and len(value) == 3,
     "checkpoints.* model.*"),
    ("a text", lambda value: isinstance(value, str),
     "run.problem run.data.files.*.path environment.* status"),
    ("the name of a file", lambda value: isinstance(value, str) and _FILE.fullmatch(value),
     "checkpoints.*.file model.*.file"),
    ("64 hex digits", lambda value: isinstance(value, str) and _HEX.fullmatch(value),
     "run.data.sha256 run.data.files.*.sha256 digests.* checkpoints.*.sha256 model.*.sha256"),
    ("a count", lambda value: type(value) is int and value >= 0,
     "format epochs run.n_epochs run.digest_every run.data.files.*.bytes checkpoints.*.epoch "
     "model.*.epoch"),
    *((f"one of {', '.join(known)}", known.__contains__, path) for path, known in (
        ("run.promise", get_args(Promise)), ("run.model", MODELS))),
)  # fmt: skip
"""What is expected of fields: in words, as a predicate, and of which; ``*`` is every entry."""


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
            one, other = a.get(key, _NOTHING), b.get(key, _NOTHING)
            found += differences(one, other, f"{where}.{key}" if where else key)
        return found
    one, other = ("nothing" if x is _NOTHING else canonical(x).decode() for x in (a, b))
    return [] if one == other else [(where, one, other)]

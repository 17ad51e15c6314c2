"""Digests of source: of a module's own file and of the package's files that it imports.

As long as a digest stays, what was compiled from these files may be loaded (see `cache`) and what
was trained with them may go on (see `bits_digest`); editing any other file changes nothing.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

PACKAGE = Path(__file__).resolve().parent.parent

_ROOT = str(PACKAGE.parent)
_INSIDE = str(PACKAGE) + os.sep
_BITS = ("order.py", "hypergraph.py", "problem.py", "planning/*.py", "engines/*.py",
         "native/*.py", "training/session.py")  # fmt: skip
_IMPORT = (
    r"(?:from[ \t]+(\.*)([\w.]*)[ \t]+)?import[ \t]*"
    r"(\((?:#[^\n]*|[^)#])*|(?:\\\r?\n|[^\n#])*)"
)
_OURS = re.compile(r"\n" + _IMPORT)
_OTHERS = re.compile(r"\n[ \t]*" + _IMPORT)


class _File(NamedTuple):
    sha256: str
    imports: tuple[str, ...]


def closure(paths: Iterable[str | Path]) -> set[str]:
    """Return the files of modules and of what they import of the package, and so on.

    An import counts where its module does when it is imported: not inside a function or ``if
    TYPE_CHECKING``. So it has to start its line; in a file outside the package, of which nobody
    knows what it does, any import counts. The ``__init__.py`` of a folder on the way to a module
    counts only where something is imported from it: ours are empty, or import on demand. Paths are
    absolute; a file that cannot be read is taken for an empty one.
    """
    found: set[str] = set()
    waiting = [os.path.realpath(path) for path in paths]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += _read(path).imports
    return found


def source_digest(paths: Iterable[str | Path]) -> str:
    """Return the sha256 (64 hex digits) of the names and bytes of the `closure` of files."""
    return _digest(closure(paths))


def code_digest(file: str | Path) -> str:
    """Return the `source_digest` of what a compiled function of a file may consist of.

    For a file outside the package these are all Python files beside it, whose functions it may
    call, what they import of the package, and all of `serialeq.native`.
    """
    if inside(file):
        return source_digest([file])
    return source_digest([file, *_beside(file), *PACKAGE.glob("native/*.py")])


def bits_digest(problem: str | Path) -> str:
    """Return the `source_digest` of all that decides the bits of a training.

    These are orders, planning, engines, what serves every problem, the file of the problem's
    module, in the package or not, with what it imports, and the Python files beside it, without
    what those import (commands and estimators import what reports and records).
    """
    shared = [path for pattern in _BITS for path in PACKAGE.glob(pattern)]
    return _digest(closure([*shared, problem]) | {*_beside(problem)})


def inside(file: str | Path) -> bool:
    """Return whether a file is one of the package's."""
    return os.path.realpath(file).startswith(_INSIDE)


def _beside(file: str | Path) -> list[str]:
    """Return the Python files of a file's folder; none if it is missing (typed in a session)."""
    path = Path(os.path.realpath(file))
    return [str(other) for other in path.parent.glob("*.py")] if path.is_file() else []


def _digest(files: set[str]) -> str:
    digest = hashlib.sha256()
    for name, content in sorted((_name(path), _read(path).sha256) for path in files):
        digest.update(os.fsencode(name) + b"\0" + content.encode())
    return digest.hexdigest()


def _name(path: str) -> str:
    """Return a name that does not tell where the package, or a file outside of it, lies."""
    return path.removeprefix(_ROOT) if path.startswith(_INSIDE) else os.path.basename(path)


@cache
def _read(path: str) -> _File:
    try:
        with open(path, "rb") as file:
            content = file.read()
    except OSError:
        content = b""
    imports = _imports(path, content.decode(errors="replace"))
    return _File(hashlib.sha256(content).hexdigest(), tuple(imports))


def _imports(path: str, text: str) -> Iterator[str]:
    """Yield the package's files that a file imports itself, and those near it (``from .x``)."""
    statement = _OURS if path.startswith(_INSIDE) else _OTHERS
    for dots, module, names in statement.findall("\n" + text):
        words = re.findall(r"[\w.]+", names)
        folder = os.path.normpath(path + "/.." * len(dots)) if dots else _ROOT
        for name in [module] if dots or module else words:
            if dots or name.split(".")[0] == PACKAGE.name:
                yield from _modules(folder, name, words)


def _modules(folder: str, module: str, names: Iterable[str] = ()) -> Iterator[str]:
    """Yield the file of a module below a folder; of a package, also those of names in it."""
    stem = os.path.join(folder, *module.split("."))
    if _exists(f"{stem}.py"):
        yield f"{stem}.py"
        return
    if _exists(f"{stem}/__init__.py"):
        yield os.path.normpath(f"{stem}/__init__.py")
    for name in names:
        yield from _modules(stem, name)


_exists = cache(os.path.isfile)

"""The executor's machine code: what LLVM makes of its acquire loads, release stores and claims."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

from proofs.check import Check, lacking

ARM = "aarch64-unknown-linux-gnu"
X86 = "x86_64-unknown-linux-gnu"


def checks() -> Iterator[Check]:
    """Yield the checks of two instruction sets and their mutants."""
    missing = lacking(modules=("numba", "llvmlite"))
    for name, run in (
        ("aarch64: ldar, stlr, ldaxr, stlxr", _check_arm),
        ("x86-64: moves, lock cmpxchg", _check_x86),
        ("mutant: no release", partial(_check_mutant, " release,", " monotonic,")),
        ("mutant: no acquire", partial(_check_mutant, " acquire,", " monotonic,")),
        ("mutant: claim without release", partial(_check_mutant, " acq_rel ", " acquire ")),
    ):
        yield Check("llvm", name, run, missing)


class Code(NamedTuple):
    """A module in LLVM's language and the name of the function that it is about."""

    module: str
    name: str

    @property
    def function(self) -> str:
        """The text of the function."""
        functions = re.findall(r"^define .*?^}$", self.module, re.M | re.S)
        return next(text for text in functions if f"@{self.name}(" in text)


@cache
def _executor() -> Code:
    """Return the code of `run_thread`, which the cache does not keep: compiled afresh."""
    import numpy as np

    from serialeq.engines.executor import Executor, run_thread
    from serialeq.hypergraph import Hypergraph
    from serialeq.native.team import WorkerTeam
    from serialeq.order import given_order
    from serialeq.planning.serial import plan_serial

    order = given_order(Hypergraph(np.array([0]), np.array([0, 1]), 1), [0])
    progress = Executor(plan_serial(order), WorkerTeam(1)).progress
    module = run_thread.compiled(progress)._library.get_llvm_str()
    name = re.search(r"^define [^@]*@(\w*run_thread\w*)\(", module, re.M)
    assert name is not None
    # Instructions of the host that other machines do not have become calls of unknown functions.
    module = module.replace("@llvm.x86.", "@x86.").replace("@llvm.aarch64.", "@aarch64.")
    return Code(re.sub(r"^target .*$", "", module, flags=re.M), name[1])


def _assembly(code: Code, triple: str) -> str:
    import llvmlite.binding as llvm

    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    machine = llvm.Target.from_triple(triple).create_target_machine(opt=2)
    module = llvm.parse_assembly(f'target triple = "{triple}"\n{code.module}')
    assembly = machine.emit_assembly(module)
    begin = assembly.index(f"\n{code.name}:")
    return assembly[begin : assembly.index(".size", begin)]


def _count(pattern: str, text: str) -> int:
    return len(re.findall(pattern, text))


def _demand(code: Code) -> tuple[int, int, int]:
    """Return the numbers of acquire loads, release stores and claims; none may be weaker."""
    loads = _count(r"load atomic i64, .* acquire", code.function)
    stores = _count(r"store atomic i64 .* release", code.function)
    claims = _count(r"cmpxchg ptr .* acq_rel", code.function)
    every = _count(r"(load|store) atomic|cmpxchg|atomicrmw", code.function)
    if not (loads and stores and claims) or loads + stores + claims != every:
        raise ValueError(f"{every} atomic accesses, of them {loads}, {stores} and {claims}")
    return loads, stores, claims


def _compare_arm(demand: tuple[int, int, int], code: Code) -> str:
    text = _assembly(code, ARM)
    loads, stores, claims = demand
    expected = {"ldar": loads, "stlr": stores, "ldaxr": claims, "stlxr": claims}
    found = {name: _count(rf"\b{name}\s", text) for name in expected}
    enough = all(found[name] >= least for name, least in expected.items())
    return "" if enough else f"expected {expected}, found {found}"


def _check_arm(directory: Path) -> str:
    code = _executor()
    return _compare_arm(_demand(code), code)


def _check_x86(directory: Path) -> str:
    """Plain moves are acquire loads and release stores there; only the claim needs a lock."""
    code = _executor()
    _demand(code)
    text = _assembly(code, X86)
    locked = _count(r"\block\s+cmpxchgq\b", text)
    if not locked or _count("cmpxchg", text) != locked:
        return "a claim without lock cmpxchgq"
    return "an unneeded fence" if _count(r"\b(mfence|xchg\w*)\b", text) else ""


def _check_mutant(ordering: str, weaker: str, directory: Path) -> str:
    """Weaken the executor's accesses: the code for aarch64 must show it."""
    code = _executor()
    weak = re.sub(rf"(atomic i64.*|cmpxchg.*){ordering}", rf"\1{weaker}", code.module)
    return "" if _compare_arm(_demand(code), Code(weak, code.name)) else "it is not noticed"

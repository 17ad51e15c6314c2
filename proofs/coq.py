"""The Coq files: all compile, rest on no axiom that is not expected, and their mutants fail."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from proofs.check import HERE, Check, lacking

FILES = (
    "trace", "corollaries", "schedule", "executions", "clocks", "dataflow", "lookahead",
    "counterexamples",
)  # fmt: skip
"""In the order in which they use each other; these rest on no axiom at all."""

FLOAT_FILES = ("float", "sums")
"""These need Flocq, and the axioms of Coq's real numbers."""

REAL_AXIOMS = {
    "ClassicalDedekindReals.sig_not_dec",
    "ClassicalDedekindReals.sig_forall_dec",
    "FunctionalExtensionality.functional_extensionality_dep",
    "Classical_Prop.classic",
}


class Mutant(NamedTuple):
    """A change of one place in one file, and the lemma whose proof must break."""

    name: str
    file: str
    old: str
    new: str
    breaks: str
    also: tuple[str, ...] = ()  # files to compile after it, if the break comes there


MUTANTS = (
    Mutant(
        "conflicts may change places",
        "trace", "before sigma b a -> independent a b.", "before sigma b a -> a <> b.",
        "serial_equivalence",
    ),
    Mutant(
        "a step may read what another writes",
        "trace", "(writes a v = true -> reads b v = false /\\ writes b v = false)",
        "(writes a v = true -> reads b v = reads b v /\\ writes b v = false)",
        "commute",
    ),
    Mutant(
        "two conflicting samples in one group",
        "corollaries", "level a < level b \\/ independent", "level a <= level b \\/ independent",
        "groups_of_a_batch",
    ),
    Mutant(
        "two components share a variable",
        "corollaries", "component a <> component b -> independent a b)",
        "component a <> component b -> a <> b)",
        "cyclades_components",
    ),
    Mutant(
        "waits are not heeded",
        "schedule", "(forall i, edge i j -> complete h i).",
        "(forall i, i < j -> worker i = worker j -> complete h i).",
        "edge_complete",
    ),
    Mutant(
        "no waits between workers",
        "schedule", "last_use r i j -> leads i j.",
        "last_use r i j -> worker i = worker j -> leads i j.",
        "conflicts_are_ordered",
    ),
    Mutant(
        "a wait may name a later step",
        "schedule", "In i (waits j) -> i < j.", "In i (waits j) -> i <> j.",
        "some_worker_can_step",
    ),
    Mutant(
        "a wait teaches one step too many",
        "clocks", "then S e else max", "then S (S e) else max",
        "take_good",
    ),
    Mutant(
        "joined clock of now, not of the awaited step",
        "clocks", "take (after p) (worker i)", "take (fun e => now p (worker e)) (worker i)",
        "plan_good",
    ),
    Mutant(
        "the clocks are not joined",
        "clocks", "else max (c u) (then_ u).", "else c u.",
        "filter_drops", ("dataflow",),
    ),
    Mutant(
        "margins without the Gram matrix",
        "lookahead", "rule k memory (margin w done k) in", "rule k memory (margin w [] k) in",
        "recur_is_sgd",
    ),
    Mutant(
        "54 bits",
        "float", "Lemma representable : forall e m, room e -> (Z.abs m <= 2 ^ 53)%Z ->",
        "Lemma representable : forall e m, room e -> (Z.abs m <= 2 ^ 54)%Z ->",
        "representable",
    ),
    Mutant(
        "the bound is on the signed sum",
        "sums", "(map (fun f => Z.abs (m f)) l)", "(map m l)",
        "total_weight",
    ),
)  # fmt: skip


def checks() -> Iterator[Check]:
    """Yield one check for each file and each mutant."""
    no_coq = lacking(("coqc",))
    no_flocq = no_coq or ("" if _has_flocq() else "Flocq")
    for name in FILES:
        yield Check("coq", f"{name}.v", partial(_prove, name, set()), no_coq)
    for name in FLOAT_FILES:
        yield Check("coq", f"{name}.v", partial(_prove, name, REAL_AXIOMS), no_flocq)
    for mutant in MUTANTS:
        missing = no_flocq if mutant.file in FLOAT_FILES else no_coq
        yield Check("coq", f"mutant: {mutant.name}", partial(_break, mutant), missing)


def _has_flocq() -> bool:
    where = subprocess.run(["coqc", "-where"], capture_output=True, text=True, check=True)
    return (Path(where.stdout.strip()) / "user-contrib" / "Flocq").is_dir()


def _compile(directory: Path, name: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["coqc", "-q", f"{name}.v"], cwd=directory, capture_output=True, text=True, timeout=300
    )


def _prove(name: str, axioms: set[str], directory: Path) -> str:
    (directory / "coq").mkdir(exist_ok=True)
    text = (HERE / f"{name}.v").read_text()
    (directory / "coq" / f"{name}.v").write_text(text)
    outcome = _compile(directory / "coq", name)
    if outcome.returncode:
        return outcome.stderr.strip()
    theorems = set(re.findall(r"^(?:Theorem|Corollary) (\w+)", text, re.M))
    printed = re.findall(r"^Print Assumptions (\w+)\.", text, re.M)
    if not_printed := theorems - set(printed):
        return f"no Print Assumptions for {sorted(not_printed)}"
    reports = re.findall(r"^(?:Axioms:|Closed under the global context)$", outcome.stdout, re.M)
    used = set(re.findall(r"^(?!Axioms:|Closed )(\w[\w.]*)", outcome.stdout, re.M))
    if len(reports) != len(printed):
        return f"{len(printed)} theorems, but assumptions of {len(reports)}"
    return f"unexpected axioms: {sorted(used - axioms)}" if used - axioms else ""


def _break(mutant: Mutant, directory: Path) -> str:
    text = (HERE / f"{mutant.file}.v").read_text()
    if text.count(mutant.old) != 1:
        return f"{mutant.file}.v: {mutant.old!r} occurs {text.count(mutant.old)} times"
    place = directory / "mutant"
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(directory / "coq", place)
    (place / f"{mutant.file}.v").write_text(text.replace(mutant.old, mutant.new))
    for name in (mutant.file, *mutant.also):
        outcome = _compile(place, name)
        if outcome.returncode:
            broken = _lemma_at_error((place / f"{name}.v").read_text(), outcome.stderr)
            return "" if broken == mutant.breaks else f"breaks {broken}, not {mutant.breaks}"
    return "it compiles"


def _lemma_at_error(text: str, message: str) -> str:
    place = re.search(r'^File "[^"]*", line (\d+)', message, re.M)
    if place is None:
        return message.strip()
    before = "\n".join(text.splitlines()[: int(place[1])])
    lemmas = re.findall(r"^(?:Lemma|Theorem|Corollary|Example|Definition) (\w+)", before, re.M)
    return lemmas[-1] if lemmas else message.strip()

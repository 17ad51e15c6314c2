"""The planner that runs computes the waits of the planner that is proved."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

from proofs.check import Check, lacking

N_CASES, N_STEPS, N_VARIABLES = 60, 14, 6

HEADER = """
Require Import List Arith.
Require Import clocks.
Import ListNotations.
Definition latest_first l :=
  filter (fun e => if in_dec Nat.eq_dec e l then true else false) (rev (seq 0 100)).
Definition planned (workers : list nat) (supports : list (list nat)) :=
  map (waits (fun i => nth i workers 0) (fun i => nth i supports []) latest_first)
    (seq 0 (length workers)).
"""


def checks() -> Iterator[Check]:
    """Yield the comparison and its mutant."""
    missing = lacking(("coqc",), ("numba",))
    yield Check("coq", "find_waits computes the waits of clocks.v", _compare, missing)
    yield Check("coq", "mutant: find_waits forgets one", _compare_mutant, missing)


def _examples(forget: bool = False) -> tuple[str, int]:
    """Return what `find_waits` says of random orders, as Coq examples, and the number of waits.

    With `forget`, the last wait is left out.
    """
    import numpy as np

    from serialeq.hypergraph import Hypergraph
    from serialeq.order import given_order
    from serialeq.planning.dataflow import find_waits

    text = [HEADER]
    n_waits = 0
    draw = random.Random(1)
    for case in range(N_CASES):
        n_workers = 2 + case % 3
        supports = [draw.sample(range(N_VARIABLES), draw.randint(1, 3)) for _ in range(N_STEPS)]
        workers = [draw.randrange(n_workers) for _ in range(N_STEPS)]
        indptr = np.cumsum([0, *map(len, supports)])
        samples = Hypergraph(np.concatenate(supports), indptr, N_VARIABLES)
        order = given_order(samples, range(N_STEPS))
        found = find_waits(order, np.array(workers, dtype=np.uint16), n_workers)
        if forget and case == N_CASES - 1:
            found = found[0][:-1], found[1][:-1]
        waits: list[list[int]] = [[] for _ in range(N_STEPS)]
        for waiter, awaited in zip(*found, strict=True):
            waits[waiter].append(int(awaited))
        n_waits += len(found[0])
        lists = [str(value).replace(",", ";") for value in (workers, supports, waits)]
        text.append(f"Example case_{case}: planned {lists[0]} {lists[1]} = {lists[2]}.")
        text.append("Proof. vm_compute. reflexivity. Qed.")
    return "\n".join(text), n_waits


def _prove(examples: str, directory: Path) -> subprocess.CompletedProcess[str]:
    place = directory / "coq"  # where the other files have been compiled
    (place / "planner.v").write_text(examples)
    command = ["coqc", "-q", "planner.v"]
    return subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=300)


def _compare(directory: Path) -> str:
    examples, n_waits = _examples()
    if n_waits < N_CASES:
        return f"only {n_waits} waits"
    outcome = _prove(examples, directory)
    return outcome.stderr.strip() if outcome.returncode else ""


def _compare_mutant(directory: Path) -> str:
    examples, _ = _examples(forget=True)
    noticed = "Unable to unify" in _prove(examples, directory).stderr
    return "" if noticed else "it is not noticed"

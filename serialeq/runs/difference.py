"""Two runs compared in words."""

from __future__ import annotations

from .manifest import Manifest, differences


def compare_runs(a: Manifest, b: Manifest) -> tuple[list[str], bool]:
    """Return lines about what differs, and whether all bits are the same.

    Bits are those of the states after each epoch and of the model's digest; other versions of
    libraries are told, but are no difference by themselves.
    """
    lines = [f"run.{at}: {one} and {other}" for at, one, other in differences(a.run, b.run)]
    lines += [
        f"environment.{at}: {one} and {other}"
        for at, one, other in differences(a.environment, b.environment)
    ]
    at = a.chain.first_difference(b.chain)
    both = sorted({*a.chain.epochs} & {*b.chain.epochs})
    if at == 0:
        lines.append("states: differ from the start")
    elif at is not None:
        before = both[both.index(at) - 1]
        lines.append(f"states: the same up to epoch {before}, differ after epoch {at}")
    else:
        lines.append(f"states: the same up to epoch {both[-1]}")
    if a.chain.n_epochs != b.chain.n_epochs:
        lines.append(f"epochs done: {a.chain.n_epochs} and {b.chain.n_epochs}")
    models = [run.model.sha256 if run.model else "none yet" for run in (a, b)]
    if models[0] != models[1]:
        lines.append(f"model: {models[0]} and {models[1]}")
    same = at is None and a.chain.n_epochs == b.chain.n_epochs and models[0] == models[1]
    return lines, same

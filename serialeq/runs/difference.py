"""Two runs compared in words."""

from __future__ import annotations

from .manifest import Manifest, differences


def compare_runs(a: Manifest, b: Manifest) -> tuple[list[str], bool]:
    """Return lines about what differs, and whether all bits are the same.

    Bits are those of the states after each epoch and of the model's digest; other versions of
    libraries are told, but are no difference by themselves.
    """
    lines = [
        f"{at}: {one} and {other}"
        for part in ("run", "environment")
        for at, one, other in differences(getattr(a, part), getattr(b, part), part)
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
    same = at is None
    for label, one, other in (
        ("epochs done", a.chain.n_epochs, b.chain.n_epochs),
        ("model", *(run.model.sha256 if run.model else "none yet" for run in (a, b))),
    ):
        if one != other:
            lines.append(f"{label}: {one} and {other}")
            same = False
    return lines, same

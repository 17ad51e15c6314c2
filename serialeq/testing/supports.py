"""Run updates on copies full of canaries: does each touch what it declares, and nothing else?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from serialeq.errors import SerialeqError, SupportError
from serialeq.problem import Problem, check_problem

from .canaries import GuardedCopy, State, check_context, check_owners, draw_values, rows_of

_MOST_SAMPLES = 100
_MOST_REPORTED = 10
_STATES = ("present", "trained", *("near", "positive", "small", "middling", "large") * 3)
_BACKGROUNDS = ("huge", "minus huge", "negative zero", "not a number")


def check_supports(problem: Problem, samples: Any = None, *, seed: int = 0) -> None:
    """Raise if an update reads or writes a variable that is not in the support of its sample.

    Each sample's update runs alone, on copies, from several states: the present one, random
    ones of several sizes, and the one after all samples. What is no variable of the sample
    is then replaced by other values (random, huge, −0.0, NaN), and must neither change nor
    change the result. Integers are replaced by others of the same array. The copies have
    margins, so that steps over the ends of an array are seen (far ones may crash). So faults
    are found that happen in one of these 17 states; a write of the very value that was there
    never is. Also found are contexts that the kernel's work would be lost in: arrays that every
    call of `Problem.context` makes anew, and numbers that `Problem.begin_epoch` changes.

    The problem has to have `Problem.variables`. Its arrays stay as they are, but
    `Problem.begin_epoch` is called: train a new one. Small: a sample takes as long as copying the
    arrays 200 times. By default all `samples` (array of int) are run, or 100 random ones.

    Raises
    ------
    SupportError
        Naming samples, variables and arrays: all that was found with the first ten samples
        that are at fault.
    SerialeqError
        If what `Problem.variables` returns does not fit the context, or the context does not
        stay what it is from call to call.
    """
    check_problem(problem)
    rng = np.random.default_rng(seed)
    n = problem.hypergraph.n_samples
    if samples is None:
        samples = np.arange(n)
        if n > _MOST_SAMPLES:
            samples = np.sort(rng.choice(n, _MOST_SAMPLES, replace=False))
    samples = np.asarray(samples, dtype=np.int32).reshape(-1)
    if samples.size and (samples.min() < 0 or samples.max() >= n):
        raise SerialeqError(f"samples: expected samples in 0..{n - 1}, got {samples.tolist()}")
    stage = _Stage(problem, samples)
    states = [
        (
            name,
            stage.draw(name, rng),
            [stage.draw(kind, rng) for kind in ("middling", _BACKGROUNDS[i % len(_BACKGROUNDS)])],
        )
        for i, name in enumerate(_STATES)
    ]
    faults: dict[tuple[int, str], str] = {}  # sample and fault: the state that showed it first
    for position, sample in enumerate(samples.tolist()):
        for name, state, backgrounds in states:
            for fault in stage.faults(position, state, backgrounds):
                faults.setdefault((sample, fault), name)
        if len({sample for sample, _ in faults}) == _MOST_REPORTED:
            break
    if faults:
        raise SupportError(
            "\n".join(
                f"sample {sample} {fault} (support "
                f"{problem.hypergraph.support(sample).tolist()}; found in state {name!r})"
                for (sample, fault), name in faults.items()
            )
        )


class _Stage:
    """The kernel on copies of the problem's arrays."""

    def __init__(self, problem: Problem, samples: np.ndarray) -> None:
        times = np.arange(samples.size if problem.timed else 0, dtype=np.int32)
        context = problem.bind(samples, times).context
        problem.begin_epoch(0, samples.size)
        fields = {k: v for k, v in context._asdict().items() if isinstance(v, np.ndarray)}
        self.samples = samples
        self.graph = problem.hypergraph
        self.owners = check_owners(problem, fields)
        self.copies = {name: GuardedCopy(array) for name, array in fields.items()}
        self.arrays = {name: copy.array for name, copy in self.copies.items()}
        check_context(problem, samples, times, context, self.owners)
        self.fixed = {k: v.copy() for k, v in self.arrays.items() if k not in self.owners}
        self.present = {name: self.arrays[name].copy() for name in self.owners}
        self.kernel = problem.kernel.bind(context._replace(**self.arrays))

    def run(self, start: int, stop: int, state: State, beyond: int = 0) -> State:
        """Return the state after the samples at the positions ``start <= k < stop``.

        `beyond` chooses between two fillings of the margins.
        """
        for name, array in state.items():
            self.arrays[name][...] = array
        for copy in self.copies.values():
            copy.fill(beyond)
        self.kernel.run(start, stop)
        return {name: self.arrays[name].copy() for name in state}

    def draw(self, kind: str, rng: np.random.Generator) -> State:
        """Return a state of some kind; what belongs to no variable stays as it is."""
        if kind == "present":
            return self.present
        if kind == "trained":
            state = self.run(0, self.samples.size, self.present)
            self._restore()
            return state
        drawn = {name: draw_values(array, kind, rng) for name, array in self.present.items()}
        return self.mix(self.present, drawn, lambda owner: owner >= 0)

    def mix(self, state: State, other: State, chosen: Callable[[np.ndarray], np.ndarray]) -> State:
        """Return `state` with the rows of the chosen variables taken from `other`."""
        mixed = {name: array.copy() for name, array in state.items()}
        for name, owner in self.owners.items():
            rows = chosen(owner)
            mixed[name][rows] = other[name][rows]
        return mixed

    def faults(self, position: int, state: State, backgrounds: list[State]) -> Iterator[str]:
        """Yield what the update of one sample does wrong in one state."""
        member = np.zeros(self.graph.n_variables + 1, dtype=bool)  # the last one for nobody, -1
        member[self.graph.support(int(self.samples[position]))] = True

        def run(before: State, beyond: int = 0) -> State:
            return self.run(position, position + 1, before, beyond)

        def outside(owner: np.ndarray) -> np.ndarray:
            return ~member[owner] & (owner >= 0)

        def differs(after: State) -> bool:
            return any(
                (rows_of(after[name]) != rows_of(result[name]))[member[owner]].any()
                for name, owner in self.owners.items()
            )

        result = run(state)
        faults = [
            *(f"writes beyond the ends of {k!r}" for k, v in self.copies.items() if v.overrun()),
            *(f"writes {k!r}, which variables() does not name" for k in self._restore()),
        ]
        if faults:
            yield from faults
            yield from self._writes(state, result, member)
            return
        again = run(state)
        yield from self._writes(state, again, member)
        if differs(again):
            yield "gives different results in the same state"
            return
        if differs(run(state, beyond=1)):
            yield "reads beyond the ends of an array"
            return
        for background in backgrounds:
            before = self.mix(state, background, outside)
            after = run(before)
            yield from self._writes(before, after, member)
            if differs(after):

                def read(variables: np.ndarray, background: State = background) -> bool:
                    chosen = np.zeros(member.size, dtype=bool)
                    chosen[variables] = True
                    return differs(run(self.mix(state, background, lambda owner: chosen[owner])))

                yield f"reads {_find(np.flatnonzero(~member[:-1]), read)}"
        self._restore()

    def _writes(self, before: State, after: State, member: np.ndarray) -> Iterator[str]:
        for name, owner in self.owners.items():
            changed = (rows_of(before[name]) != rows_of(after[name])).any(axis=1) & ~member[owner]
            for row in np.flatnonzero(changed).tolist():
                whose = f"variable {owner[row]}" if owner[row] >= 0 else "what is no variable's"
                yield f"writes {whose}: {name!r}[{row}]"

    def _restore(self) -> list[str]:
        """Return the read-only arrays that have changed, and undo that."""
        changed = [
            k for k, v in self.fixed.items() if (rows_of(v) != rows_of(self.arrays[k])).any()
        ]
        for name in changed:
            self.arrays[name][...] = self.fixed[name]
        return changed


def _find(variables: np.ndarray, read: Callable[[np.ndarray], bool]) -> str:
    """Name one of the variables that the update reads, by bisection."""
    while variables.size > 1:
        half = variables.size // 2
        part = next((p for p in (variables[:half], variables[half:]) if read(p)), None)
        if part is None:
            return f"some of the variables {variables.tolist()} together"
        variables = part
    return f"variable {variables[0]}"

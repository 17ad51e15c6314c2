"""Linear models: whole training runs of every engine, with Hogwild!, the machine and others.

A turn is a run from arrays to trained weights, everything included: threads, lattice, order, plan,
data layout, all epochs. As lookahead has the weights of the serial run on the lattice, whose
objective is that of the serial run in float64 (a ratio printed last), times to an equal number of
epochs are times to an equal objective.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from typing import Any

from benchmarks import race
from benchmarks.kinds import Effort
from benchmarks.kinds.linear import Setting, quality_setting, race_setting
from benchmarks.linear_peers import ScikitLearn, peers
from benchmarks.linear_runners import (
    Ceiling,
    Engine,
    Entry,
    Lap,
    Task,
    Trainer,
    Turns,
    binary_task,
    class_task,
)
from benchmarks.texts import LabelledSplit, TextDataset
from benchmarks.timing import Timings, take_turns
from serialeq.cli.report import notices
from serialeq.digest import digest_arrays
from serialeq.engines.engine import promise_of

BLOCKS = (8, 16, 32)
BATCHES = (64, 256, 1024)
_SETTINGS = ("race", "quality")
_SERIALS = ("serial float64", "serial lattice")
_SLOW_ROUNDS = 3  # of those that take long


@dataclass(frozen=True, kw_only=True)
class Row(race.Row):
    """One contestant with one loss; ``seconds`` are those from arrays to trained weights.

    Attributes
    ----------
    name, arithmetic : str
    size : int or None
        Samples per block or per mini-batch.
    loss : str
    one_epoch : bool
        One epoch was run, ``seconds`` extrapolated.
    preparation, epoch : float
        Median seconds before the first epoch, and of an epoch.
    over_best_serial : float
        Times the speed of the faster serial run; ``speedup`` is over the one in float64.
    quality : float or None
        The objective after all epochs of the race.
    accuracy : float or None
        Held out, after as many epochs in the setting for quality.
    digest : str or None
        Of the weights, if those of all turns were the same.
    """

    name: str
    arithmetic: str
    size: int | None
    loss: str
    one_epoch: bool
    preparation: float
    epoch: float
    over_best_serial: float
    accuracy: float | None


class Heat:
    """What was measured of some contestants, round by round."""

    def __init__(self, laps: dict[str, list[Lap]]) -> None:
        self.total, self.preparation, self.epoch = (
            Timings({name: [getattr(lap, part) for lap in those] for name, those in laps.items()})
            for part in ("total", "preparation", "epoch")
        )

    @property
    def best_serial(self) -> str:
        """The serial run with the lower median."""
        return min(_SERIALS, key=self.total.median)


def engine_entries(jobs: int, blocks: Sequence[int], batches: Sequence[int]) -> list[Entry]:
    """Return the engines that are compared; the first one of the blocks is the problem's own."""
    entries = [
        Entry("serial float64", "serial", "shuffled", "float64", 1),
        Entry("serial lattice", "serial", "shuffled", "lattice", 1),
        Entry("lookahead, 1 worker", "lookahead", "shuffled", "lattice", 1, blocks[0]),
        *(
            Entry(f"lookahead {block}", "lookahead", "shuffled", "lattice", jobs, block)
            for block in sorted(set(blocks))
        ),
        Entry("lookahead two-level", "lookahead", "reshuffled", "lattice", jobs),
        Entry("auto", "auto", "shuffled", "lattice", jobs),
        Entry("hogwild", "hogwild", "shuffled", "float64", jobs),
    ]
    return entries + [
        Entry(f"minibatch {batch}{alone}", "minibatch", "shuffled", "lattice", n, batch)
        for batch in batches
        for n, alone in ((1, ", 1 worker"), (jobs, ""))
    ]


def measure(
    data: TextDataset, split: LabelledSplit, loss: str, effort: Effort, quick: bool
) -> dict[str, Any]:
    """Return settings, rows and ratios of one loss, and those of all classes of 20 Newsgroups.

    `quick`: one size of blocks and of batches, as others are compiled anew; no VW, no LIBLINEAR.
    """
    jobs, rounds, epochs, _ = effort
    task, setting = binary_task(split, loss, epochs), race_setting(data, loss)
    default_block = task.problem(setting).block
    blocks = [default_block, *(() if quick else BLOCKS)]
    batches = BATCHES[:1] if quick else BATCHES
    trainers: list[Trainer] = [
        *(Engine(task, entry) for entry in engine_entries(jobs, blocks, batches)),
        Ceiling(task, Entry("ceiling", "ceiling", "shuffled", "lattice", jobs)),
        ScikitLearn(task, Entry("scikit-learn", "sklearn", "own", "float64", 1)),
    ]
    references = [t for t in trainers if t.entry.name in (*_SERIALS, "hogwild")]
    locked = Entry("locked", "locked", "shuffled", "float64", jobs, one_epoch=True)
    slow: list[Trainer] = [Engine(task, locked), *([] if quick else peers(task))]
    settings = setting, quality_setting(data, loss)
    notices.print(f"{data}, {loss}: racing, {rounds} rounds")
    heat, rows = _race(task, settings, trainers, [], rounds)
    notices.print(f"{data}, {loss}: {', '.join(t.entry.name for t in slow)}")
    rows += _race(task, settings, slow, references, min(rounds, _SLOW_ROUNDS))[1]
    by_class = data == TextDataset.NEWSGROUPS
    return {
        "loss": loss,
        "settings": {name: s.parameters for name, s in zip(_SETTINGS, settings, strict=True)},
        "rows": [asdict(row) for row in rows],
        "ratios": _ratios(heat, rows, f"lookahead {default_block}", batches),
        "classes": _measure_classes(data, split, loss, effort) if by_class else None,
    }


def _race(
    task: Task,
    settings: tuple[Setting, Setting],
    trainers: Sequence[Trainer],
    references: Sequence[Trainer],
    rounds: int,
) -> tuple[Heat, list[Row]]:
    """Let all have turns; return what was measured, and rows of the trainers.

    `settings`: of the race, and of the runs that tell the accuracy.
    """
    turns = {t.entry.name: Turns(t, settings[0]) for t in [*trainers, *references]}
    heat, bits = Heat(take_turns(turns, rounds)), _serial_bits(task, settings[0])
    return heat, [_row(t, task, settings, turns[t.entry.name], heat, bits) for t in trainers]


def _serial_bits(task: Task, setting: Setting) -> Callable[[Entry], str]:
    """Return the function that tells the digest that an engine should have, by a run of its own."""

    @cache
    def digest_of(serial: Entry) -> str:
        return digest_arrays(Engine(task, serial).fit(setting)[1])

    def expected(entry: Entry) -> str:
        if entry.engine == "minibatch":
            return digest_of(replace(entry, name="", jobs=1))
        return digest_of(replace(entry, name="", engine="serial", jobs=1, size=None))

    return expected


def _row(
    trainer: Trainer,
    task: Task,
    settings: tuple[Setting, Setting],
    turns: Turns,
    heat: Heat,
    bits: Callable[[Entry], str],
) -> Row:
    entry, trained = trainer.entry, turns.trained
    name, ours = entry.name, isinstance(trainer, Engine)
    objective = accuracy = None
    if trained is not None and not entry.one_epoch:
        objective = task.objective(trained, settings[0])
        if settings[1] != settings[0]:
            trained = trainer.fit(settings[1])[1]
            assert trained is not None
        accuracy = task.accuracy(trained)
    return Row(
        **asdict(entry),
        loss=task.loss,
        seconds=heat.total.median(name),
        spread=heat.total.quartiles(name),
        preparation=heat.preparation.median(name),
        epoch=heat.epoch.median(name),
        speedup=heat.total.paired(name, "serial float64"),
        over_hogwild=heat.total.paired(name, "hogwild"),
        over_ceiling=heat.total.paired(name, "ceiling"),
        over_best_serial=heat.total.speed(name, heat.best_serial).paired,
        quality=objective,
        accuracy=accuracy,
        digest=turns.digest if ours else None,
        equivalent=promise_of(entry.engine) == "serial" if ours else None,
        serial_bits=turns.digest == bits(entry) if ours else None,
    )


def _ratios(
    heat: Heat, rows: Sequence[Row], lookahead: str, batches: Sequence[int]
) -> dict[str, Any]:
    """Return the ratios of speeds that are reported, and how far apart the objectives are."""
    total, epoch = heat.total, heat.epoch
    pairs = [(lookahead, row.name) for row in rows if row.name in total and row.name != lookahead]
    pairs += [("lookahead two-level", "hogwild"), ("auto", "serial lattice")]
    pairs += [(f"minibatch {batch}", f"minibatch {batch}, 1 worker") for batch in batches]
    ratios: dict[str, Any] = {f"{a} / {b}": asdict(total.speed(a, b)) for a, b in pairs}
    best = f"{lookahead} / best serial ({heat.best_serial.split()[1]})"
    ratios[best] = asdict(total.speed(lookahead, heat.best_serial))
    for name in (*_SERIALS, lookahead):
        ratios[f"per epoch: {name} / scikit-learn"] = asdict(epoch.speed(name, "scikit-learn"))
    plain, lattice = (next(row.quality for row in rows if row.name == name) for name in _SERIALS)
    assert plain is not None
    assert lattice is not None
    return {"speed": ratios, "objective: lattice over float64": lattice / plain - 1.0}


def _measure_classes(
    data: TextDataset, split: LabelledSplit, loss: str, effort: Effort
) -> dict[str, Any]:
    """Return the times of all classes, each one against the rest, and of scikit-learn's."""
    jobs, rounds, epochs, _ = effort
    task, setting = class_task(split, loss, epochs), race_setting(data, loss)
    trainers: list[Trainer] = [
        Engine(task, Entry("serial float64", "serial", "shuffled", "float64", 1)),
        Engine(task, Entry("serial lattice", "serial", "shuffled", "lattice", 1)),
        Engine(task, Entry("hogwild", "hogwild", "shuffled", "float64", jobs)),
        Engine(task, Entry("lookahead", "lookahead", "shuffled", "lattice", jobs)),
        ScikitLearn(task, Entry("scikit-learn", "sklearn", "own", "float64", jobs)),
    ]
    rounds = min(rounds, _SLOW_ROUNDS)
    notices.print(f"{data}, {loss}: {task.n_classes} classes, {rounds} rounds")
    heat, rows = _race(task, (setting, setting), trainers, [], rounds)
    pairs = [("lookahead", other) for other in ("scikit-learn", "serial float64", "hogwild")]
    return {
        "n_classes": task.n_classes,
        "rows": [asdict(row) for row in rows],
        "ratios": {f"{a} / {b}": asdict(heat.total.speed(a, b)) for a, b in pairs},
    }

"""Linear models: whole training runs of every engine, with Hogwild!, the machine and others.

A turn is a run from arrays to trained weights, everything included: threads, lattice, order, plan,
data layout, all epochs. As lookahead has the weights of the serial run on the lattice, whose
objective is that of the serial run in float64 (a ratio printed last), times to an equal number of
epochs are times to an equal objective.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.linear_peers import ScikitLearn, peers
from benchmarks.linear_runners import (
    Ceiling,
    Engine,
    Entry,
    Lap,
    Setting,
    Task,
    Trainer,
    Turns,
    binary_task,
    class_task,
    quality_setting,
    race_setting,
)
from benchmarks.texts import LabelledSplit, TextDataset
from benchmarks.timing import Timings, take_turns
from serialeq.cli.report import notices
from serialeq.digest import digest_arrays
from serialeq.engines.engine import get_engine

BLOCKS = (8, 16, 32)
BATCHES = (64, 256, 1024)
_SERIALS = ("serial float64", "serial lattice")
_SLOW_ROUNDS = 3  # of those that take long


@dataclass(frozen=True)
class Row:
    """One contestant with one loss.

    Attributes
    ----------
    name, engine, order, arithmetic : str
        An engine, "ceiling" or another library.
    jobs : int
    size : int or None
        Samples per block or per mini-batch.
    loss : str
    one_epoch : bool
        One epoch was run, `total` extrapolated.
    total : float
        Median seconds from arrays to trained weights.
    spread : (float, float)
        Quartiles of the same.
    preparation, epoch : float
        Median seconds before the first epoch, and of an epoch.
    speedup, over_hogwild, over_best_serial : float
        Times the speed, by total time, of the serial run in float64, of Hogwild! and of the
        faster serial run; medians of the ratios within a round.
    objective : float or None
        After all epochs of the race.
    accuracy : float or None
        Held out, after as many epochs in the setting for quality.
    digest : str or None
        Of the weights, if those of all turns were the same.
    equivalent : bool
        The engine promises the bits of the serial run in the same order and arithmetic.
    serial_bits : bool or None
        It had them in all turns. Mini-batches: the bits of one worker. None: not to be expected
        of a peer or a ceiling.
    """

    name: str
    engine: str
    order: str
    arithmetic: str
    jobs: int
    size: int | None
    loss: str
    one_epoch: bool
    total: float
    spread: tuple[float, float]
    preparation: float
    epoch: float
    speedup: float
    over_hogwild: float
    over_best_serial: float
    objective: float | None
    accuracy: float | None
    digest: str | None
    equivalent: bool
    serial_bits: bool | None


class Race:
    """What was measured of some contestants, round by round."""

    def __init__(self, laps: dict[str, list[Lap]]) -> None:
        self.total = Timings({name: [lap.total for lap in these] for name, these in laps.items()})
        self.epoch = Timings({name: [lap.epoch for lap in these] for name, these in laps.items()})
        self.preparation = Timings(
            {name: [lap.preparation for lap in these] for name, these in laps.items()}
        )

    @property
    def best_serial(self) -> str:
        """The serial run with the lower median."""
        return min(_SERIALS, key=self.total.median)


def engine_entries(jobs: int, blocks: Sequence[int], batches: Sequence[int]) -> list[Entry]:
    """Return the engines that are compared; the first one of the blocks is the problem's own."""
    default_block, blocks = blocks[0], sorted(set(blocks))
    entries = [
        Entry("serial float64", "serial", "shuffled", "float64", 1),
        Entry("serial lattice", "serial", "shuffled", "lattice", 1),
        Entry("lookahead, 1 worker", "lookahead", "shuffled", "lattice", 1, default_block),
        *(
            Entry(f"lookahead {block}", "lookahead", "shuffled", "lattice", jobs, block)
            for block in blocks
        ),
        Entry("lookahead two-level", "lookahead", "reshuffled", "lattice", jobs),
        Entry("auto", "auto", "shuffled", "lattice", jobs),
    ]
    for batch in batches:
        entries += [
            Entry(name, "minibatch", "shuffled", "lattice", n, batch)
            for name, n in ((f"minibatch {batch}, 1 worker", 1), (f"minibatch {batch}", jobs))
        ]
    return [*entries, Entry("hogwild", "hogwild", "shuffled", "float64", jobs)]


def measure(
    data: TextDataset, split: LabelledSplit, loss: str, jobs: int, rounds: int, epochs: int,
    quick: bool,
) -> tuple[list[Row], dict[str, Any]]:  # fmt: skip
    """Return rows and ratios of one loss.

    `quick`: one size of blocks and of batches, as others are compiled anew; no VW, no LIBLINEAR.
    """
    task, setting = binary_task(split, loss, epochs), race_setting(data, loss)
    default_block = task.problem(setting).block
    blocks: Sequence[int] = (default_block, *BLOCKS)
    batches: Sequence[int] = BATCHES
    if quick:
        blocks, batches = blocks[:1], batches[:1]
    entries = engine_entries(jobs, blocks, batches)
    trainers: list[Trainer] = [Engine(task, entry) for entry in entries]
    trainers.append(Ceiling(task, Entry("ceiling", "ceiling", "shuffled", "lattice", jobs)))
    trainers.append(ScikitLearn(task, Entry("scikit-learn", "sklearn", "own", "float64", 1)))
    locked = Entry("locked", "locked", "shuffled", "float64", jobs, one_epoch=True)
    slow: list[Trainer] = [Engine(task, locked), *([] if quick else peers(task))]
    references = [t for t in trainers if t.entry.name in (*_SERIALS, "hogwild")]

    notices.print(f"{data}, {loss}: racing, {rounds} rounds")
    turns = {t.entry.name: Turns(t, setting) for t in [*trainers, *slow]}
    race = Race(take_turns(_turns_of(turns, trainers), rounds))
    notices.print(f"{data}, {loss}: {', '.join(t.entry.name for t in slow)}")
    slow_race = Race(take_turns(_turns_of(turns, [*slow, *references]), min(rounds, _SLOW_ROUNDS)))

    notices.print(f"{data}, {loss}: bits and accuracy")
    bits = _SerialBits(task, setting)
    quality = quality_setting(data, loss)
    rows = [
        _row(trainer, task, setting, turns[trainer.entry.name], heat, bits, quality)
        for heat, those in ((race, trainers), (slow_race, slow))
        for trainer in those
    ]
    return rows, _ratios(race, rows, f"lookahead {default_block}", batches)


def _turns_of(turns: dict[str, Turns], trainers: Sequence[Trainer]) -> dict[str, Callable[[], Lap]]:
    return {t.entry.name: turns[t.entry.name] for t in trainers}


class _SerialBits:
    """The digests of serial runs, each made when it is asked for."""

    def __init__(self, task: Task, setting: Setting) -> None:
        self._task, self._setting = task, setting
        self._digests: dict[Entry, str] = {}

    def of(self, entry: Entry) -> str:
        """Return the digest that the bits of an engine should have."""
        batches = entry.engine == "minibatch"
        serial = Entry(
            "",
            "minibatch" if batches else "serial",
            entry.order,
            entry.arithmetic,
            1,
            entry.size if batches else None,
            entry.one_epoch,
        )
        if serial not in self._digests:
            trained = Engine(self._task, serial).fit(self._setting)[1]
            self._digests[serial] = digest_arrays(trained)
        return self._digests[serial]


def _row(
    trainer: Trainer,
    task: Task,
    setting: Setting,
    turns: Turns,
    race: Race,
    bits: _SerialBits,
    quality: Setting | None,
) -> Row:
    entry, trained = trainer.entry, turns.trained
    name, ours = entry.name, isinstance(trainer, Engine)
    objective = accuracy = None
    if trained is not None and not entry.one_epoch:
        objective = task.objective(trained, setting)
        if quality is not None and quality != setting:
            trained = trainer.fit(quality)[1]
            assert trained is not None
        accuracy = task.accuracy(trained)
    return Row(
        **asdict(entry),
        loss=task.loss,
        total=race.total.median(name),
        spread=race.total.quartiles(name),
        preparation=race.preparation.median(name),
        epoch=race.epoch.median(name),
        speedup=race.total.speed(name, "serial float64").paired,
        over_hogwild=race.total.speed(name, "hogwild").paired,
        over_best_serial=race.total.speed(name, race.best_serial).paired,
        objective=objective,
        accuracy=accuracy,
        digest=turns.digest if ours else None,
        equivalent=ours and (entry.engine == "auto" or get_engine(entry.engine).equivalent),
        serial_bits=turns.digest == bits.of(entry) if ours else None,
    )


def _ratios(
    race: Race, rows: Sequence[Row], lookahead: str, batches: Sequence[int]
) -> dict[str, Any]:
    """Return the ratios of speeds that are reported, and how far apart the objectives are."""
    total, epoch = race.total, race.epoch
    ratios: dict[str, Any] = {
        f"{name} / {other}": asdict(total.speed(name, other))
        for name, other in (
            (lookahead, "serial float64"),
            (lookahead, "hogwild"),
            ("lookahead two-level", "hogwild"),
            ("auto", "serial lattice"),
            (lookahead, "lookahead, 1 worker"),
            (lookahead, "ceiling"),
            *((f"minibatch {batch}", f"minibatch {batch}, 1 worker") for batch in batches),
            (lookahead, "scikit-learn"),
        )
    }
    best = f"{lookahead} / best serial ({race.best_serial.split()[1]})"
    ratios[best] = asdict(total.speed(lookahead, race.best_serial))
    for name in (*_SERIALS, lookahead):
        ratios[f"per epoch: {name} / scikit-learn"] = asdict(epoch.speed(name, "scikit-learn"))
    plain, lattice = (next(row.objective for row in rows if row.name == name) for name in _SERIALS)
    assert plain is not None
    assert lattice is not None
    return {"speed": ratios, "objective: lattice over float64": lattice / plain - 1.0}


def measure_classes(
    data: TextDataset, split: LabelledSplit, loss: str, jobs: int, rounds: int, epochs: int
) -> dict[str, Any]:
    """Return the times of all classes, each one against the rest, and of scikit-learn's."""
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
    turns = {t.entry.name: Turns(t, setting) for t in trainers}
    race = Race(take_turns(_turns_of(turns, trainers), rounds))
    bits = _SerialBits(task, setting)
    rows = [
        _row(trainer, task, setting, turns[trainer.entry.name], race, bits, None)
        for trainer in trainers
    ]
    pairs = [("lookahead", other) for other in ("scikit-learn", "serial float64", "hogwild")]
    return {
        "n_classes": task.n_classes,
        "rows": [asdict(row) for row in rows],
        "ratios": {f"{a} / {b}": asdict(race.total.speed(a, b)) for a, b in pairs},
    }

"""The dropout network: sparsity against quality, and the speed of every engine.

A turn is some epochs with all that each needs: drawing the masks, planning, running.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.network_runners import N_GROUPS, Ceiling, Entry, Runner, Task, scikit_learn, train
from benchmarks.texts import LabelledSplit
from benchmarks.timing import race
from serialeq.cli.report import notices, print_table
from serialeq.engines.engine import get_engine

MASKS = ("partition", "independent")
_EPOCHS = {1: 3.0, 2: 1.5}  # the fewer groups learn from a sample, the more epochs it takes
_RATIOS = (
    ("dataflow shuffled", "serial shuffled"),
    ("dataflow blocked", "serial blocked"),
    ("dataflow blocked", "serial shuffled"),
    ("dataflow shuffled", "hogwild shuffled"),
    ("dataflow blocked", "ceiling blocked"),
)


@dataclass(frozen=True)
class Row:
    """One contestant at one sparsity.

    Attributes
    ----------
    sparsity : str
        Groups kept, of how many, and the kind of masks.
    engine, order : str
    jobs : int
    seconds : float
        Median of an epoch, masks and planning included.
    spread : (float, float)
        Quartiles of the same.
    speedup, over_hogwild, over_ceiling : float
        Times the speed of the serial run, of Hogwild! and of independent serial runs, all in
        shuffled order; medians of the ratios within a round.
    epochs : int
        Of the training whose result follows.
    accuracy : float or None
        Held out.
    serial_bits : bool or None
        It had the bits of the serial run; None: it is not an engine.
    equivalent : bool or None
        It promises to.
    digest : str or None
    """

    sparsity: str
    engine: str
    order: str
    jobs: int
    seconds: float
    spread: tuple[float, float]
    speedup: float
    over_hogwild: float
    over_ceiling: float
    epochs: int
    accuracy: float | None = None
    serial_bits: bool | None = None
    equivalent: bool | None = None
    digest: str | None = None


def tasks_of(split: LabelledSplit, hidden_units: int, kept: Sequence[int]) -> list[Task]:
    """Return the sparsities that are compared; kinds of masks where they differ."""
    return [
        Task(split, hidden_units, n_kept, masks)
        for n_kept in kept
        for masks in (MASKS if 1 < n_kept < N_GROUPS else MASKS[:1])
    ]


def entries_of(task: Task, jobs: int) -> tuple[list[Entry], list[Entry]]:
    """Return engines and ceilings; blocks are of use where masks are few."""
    orders = ("shuffled", "blocked") if task.n_kept < N_GROUPS else ("shuffled",)
    engines = [
        Entry(engine, order, 1 if engine == "serial" else jobs)
        for engine in ("serial", "dataflow", "hogwild")
        for order in orders
    ]
    return engines, [Entry("ceiling", order, jobs) for order in orders]


def measure(task: Task, jobs: int, rounds: int, epochs: int) -> tuple[list[Row], dict[str, Any]]:
    """Return rows and ratios of one sparsity."""
    engines, ceilings = entries_of(task, jobs)
    notices.print(f"{task.name}: racing, {rounds} rounds")
    with ExitStack() as stack:
        runners: list[Runner | Ceiling] = [Runner(task, entry) for entry in engines]
        runners += [Ceiling(task, entry) for entry in ceilings]
        for runner in runners:
            stack.callback(runner.close)
        names = [entry.name for entry in (*engines, *ceilings)]
        turns = {name: runner.turn for name, runner in zip(names, runners, strict=True)}
        timings = race(turns, rounds)
    epochs = round(epochs * _EPOCHS.get(task.n_kept, 1.0))
    notices.print(f"{task.name}: {epochs} epochs each for accuracy and bits")
    serial: dict[str, str] = {}
    rows = []
    for entry in (*engines, *ceilings):
        details: dict[str, Any] = {}
        if entry in engines:
            accuracy, digest = train(task, entry, epochs)
            details = {
                "accuracy": accuracy,
                "digest": digest,
                "serial_bits": digest == serial.setdefault(entry.order, digest),
                "equivalent": get_engine(entry.engine).equivalent,
            }
        rows.append(
            Row(
                task.name,
                **asdict(entry),
                seconds=timings.median(entry.name),
                spread=timings.quartiles(entry.name),
                speedup=timings.speed(entry.name, "serial shuffled").paired,
                over_hogwild=timings.speed(entry.name, "hogwild shuffled").paired,
                over_ceiling=timings.speed(entry.name, "ceiling shuffled").paired,
                epochs=epochs,
                **details,
            )
        )
    ratios = {
        f"{a} / {b}": asdict(timings.speed(a, b))
        for a, b in _RATIOS
        if a in timings and b in timings
    }
    return rows, ratios


def compare(
    split: LabelledSplit, hidden_units: int, kept: Sequence[int], jobs: int, rounds: int,
    epochs: int, peer_epochs: int,
) -> dict[str, Any]:  # fmt: skip
    """Return rows and ratios of all sparsities, and what scikit-learn does, if it is to."""
    content: dict[str, Any] = {"hidden_units": hidden_units, "rows": [], "ratios": {}}
    for task in tasks_of(split, hidden_units, kept):
        rows, ratios = measure(task, jobs, rounds, epochs)
        content["rows"] += [asdict(row) for row in rows]
        content["ratios"][task.name] = ratios
    if peer_epochs:
        notices.print(f"scikit-learn, {peer_epochs} epochs")
        content["scikit-learn"] = scikit_learn(split, hidden_units, peer_epochs)
    return content


def show(content: dict[str, Any]) -> None:
    """Print the table and the ratios."""
    print_table(
        f"{content['data']}, {content['hidden_units']} hidden units. Milliseconds of an epoch, "
        "masks and planning included; x: times the speed of serial, Hogwild! and independent "
        "serial runs (ceiling), all shuffled.",
        [
            *("kept", "engine", "order", "jobs", "ms/epoch", "quartiles", "x serial"),
            *("x Hogwild!", "x ceiling", "epochs", "accuracy", "serial bits", "digest"),
        ],
        [_cells(Row(**row)) for row in content["rows"]],
    )
    for sparsity, ratios in content["ratios"].items():
        for name, ratio in ratios.items():
            print(
                f"{sparsity:<17} {name:<38} {ratio['paired']:.2f} ({ratio['low']:.2f} – "
                f"{ratio['high']:.2f} in half of the rounds; of medians {ratio['of_medians']:.2f})"
            )
    if peer := content.get("scikit-learn"):
        accuracies = ", ".join(f"{accuracy:.4f}" for accuracy in peer["accuracies"])
        print(
            f"scikit-learn MLPClassifier: {1e3 * peer['epoch']:.0f} ms/epoch; held-out accuracy "
            f"after 1 to {peer['epochs']} epochs: {accuracies}"
        )


def _cells(row: Row) -> list[str]:
    return [
        row.sparsity,
        row.engine,
        row.order,
        str(row.jobs),
        f"{1e3 * row.seconds:.1f}",
        " – ".join(f"{1e3 * q:.1f}" for q in row.spread),
        f"{row.speedup:.2f}",
        f"{row.over_hogwild:.2f}",
        f"{row.over_ceiling:.2f}",
        "" if row.accuracy is None else str(row.epochs),
        "" if row.accuracy is None else f"{row.accuracy:.4f}",
        {None: "", True: "yes", False: "no"}[row.serial_bits],
        (row.digest or "")[:12],
    ]

"""Results as tables and lines on stdout."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks import cut, linear
from benchmarks.mf import Row
from serialeq.cli.report import print_table

_COLUMNS = ("engine", "order", "jobs", "ns/rating", "quartiles", "speedup", "x Hogwild!")
_YES_NO = {None: "", True: "yes", False: "no"}
_MORE_COLUMNS = ("x ceiling", "plan", "pack", "RMSE", "serial bits", "digest")


def print_rank(rows: Sequence[Row], ratios: dict[str, Any], data: str, error: str = "RMSE") -> None:
    """Print what was measured at one rank; `error` is what the column of errors holds."""
    print_table(
        f"{data}, rank {rows[0].factors}. Speedup over serial shuffled; x: times the speed of "
        "Hogwild! shuffled, of independent serial runs (ceiling). Plan and pack in epochs of "
        "serial shuffled.",
        [error if column == "RMSE" else column for column in _COLUMNS + _MORE_COLUMNS],
        [
            [
                row.engine,
                row.order,
                str(row.jobs),
                f"{row.ns_per_rating:.2f}",
                " – ".join(f"{q / row.seconds * row.ns_per_rating:.2f}" for q in row.spread),
                f"{row.speedup:.2f}",
                f"{row.over_hogwild:.2f}",
                f"{row.over_ceiling:.2f}",
                _number(row.plan_epochs, 2),
                _number(row.pack_epochs, 2),
                _number(row.rmse, 4),
                _YES_NO[row.serial_bits],
                (row.digest or "")[:12],
            ]
            for row in rows
        ],
    )
    _print_ratios(ratios)
    print()


def print_cut(rows: Sequence[cut.Row], ratios: dict[str, Any], described: str) -> None:
    """Print what was measured at a graph cut."""
    print_table(
        f"{described}. Speedup over serial shuffled; x: times the speed of Hogwild! shuffled, of "
        "independent serial runs (ceiling). Prepare: plan and pack, in epochs of serial shuffled.",
        [
            *("engine", "order", "jobs", "ns/edge", "quartiles", "speedup", "x Hogwild!"),
            *("x ceiling", "prepare", "cut", "serial bits", "digest"),
        ],
        [
            [
                row.engine,
                row.order,
                str(row.jobs),
                f"{row.ns_per_edge:.2f}",
                " – ".join(f"{q / row.seconds * row.ns_per_edge:.2f}" for q in row.spread),
                f"{row.speedup:.2f}",
                f"{row.over_hogwild:.2f}",
                f"{row.over_ceiling:.2f}",
                _number(row.prepare_epochs, 2),
                _number(row.cut_value, 1),
                _YES_NO[row.serial_bits],
                (row.digest or "")[:12],
            ]
            for row in rows
        ],
    )
    _print_ratios(ratios)


def print_neighbours(neighbours: dict[str, list[Any]]) -> None:
    """Print the words nearest to some words."""
    for word, found in neighbours.items():
        print(f"{word:<12} {', '.join(f'{other} {cosine:.2f}' for other, cosine in found)}")


def print_linear(
    rows: Sequence[linear.Row], ratios: dict[str, Any], settings: dict[str, Any], described: str
) -> None:
    """Print what was measured with one loss."""
    print_table(
        f"{described}, {rows[0].loss}: {_setting(settings['race'])}; accuracy with "
        f"{_setting(settings['quality'])}. Milliseconds from arrays to trained weights, before "
        "the first epoch, and of an epoch; x: times the speed of serial float64, of Hogwild!, of "
        "the faster serial. ~: one epoch run, extrapolated.",
        _LINEAR_COLUMNS,
        [_linear_cells(row) for row in rows],
    )
    _print_ratios(ratios["speed"])
    difference = ratios["objective: lattice over float64"]
    print(f"{'objective: lattice over float64':<50} {100 * difference:+.4f} %")
    print()


def print_classes(content: dict[str, Any]) -> None:
    """Print the race of one-vs-rest."""
    rows = [linear.Row(**row) for row in content["rows"]]
    print_table(
        f"{content['n_classes']} classes, each one against the rest, {rows[0].loss}",
        _LINEAR_COLUMNS,
        [_linear_cells(row) for row in rows],
    )
    _print_ratios(content["ratios"])
    print()


_LINEAR_COLUMNS = (
    *("contestant", "order", "numbers", "jobs", "total", "quartiles", "prepare", "epoch"),
    *("x float64", "x Hogwild!", "x best serial", "objective", "accuracy", "serial bits", "digest"),
)


def _linear_cells(row: linear.Row) -> list[str]:
    return [
        row.name + " ~" * row.one_epoch,
        row.order,
        row.arithmetic,
        str(row.jobs),
        f"{1e3 * row.total:.1f}",
        " – ".join(f"{1e3 * q:.1f}" for q in row.spread),
        f"{1e3 * row.preparation:.1f}",
        f"{1e3 * row.epoch:.2f}",
        f"{row.speedup:.2f}",
        f"{row.over_hogwild:.2f}",
        f"{row.over_best_serial:.2f}",
        _number(row.objective, 6),
        _number(row.accuracy, 4),
        _YES_NO[row.serial_bits],
        (row.digest or "")[:12],
    ]


def _print_ratios(ratios: dict[str, Any]) -> None:
    width = max(38, *map(len, ratios)) if ratios else 0
    for name, ratio in ratios.items():
        print(
            f"{name:<{width}} {ratio['paired']:.2f} ({ratio['low']:.2f} – {ratio['high']:.2f} in "
            f"half of the rounds; of medians {ratio['of_medians']:.2f})"
        )


def print_quality(quality: dict[str, Any]) -> None:
    """Print errors by epoch and the race to the target."""
    curves = quality["curves"]
    epochs = sorted({epoch for curve in curves.values() for epoch in curve})
    print_table(
        f"Held-out RMSE after epochs, rank {quality['factors']}; "
        + "; ".join(f"{name}: {_setting(s)}" for name, s in quality["settings"].items()),
        ["epoch", *curves],
        [[str(n), *(_number(curve.get(n), 4) for curve in curves.values())] for n in epochs],
    )
    target = quality["target"]
    if target is None:
        return
    for name in ("serialeq", "libmf"):
        if name in target:
            side = target[name]
            low, high = side["spread"]
            print(
                f"{name:<10} {side['seconds']:.4f} s ({low:.4f} – {high:.4f}) from arrays to "
                f"held-out RMSE {side['rmse']:.4f} <= {target['rmse']}, {side['epochs']} epochs, "
                f"{_setting(side['setting'])}"
            )
    if "speed" in target:
        speed = target["speed"]
        print(f"{'ratio':<10} {speed['paired']:.2f} ({speed['low']:.2f} – {speed['high']:.2f})")
    print()


def print_planning(rows: Sequence[dict[str, Any]]) -> None:
    """Print time and memory before the first epoch."""
    print_table(
        "Before the first epoch, ns per rating; peak memory over 12 bytes per rating + model",
        ["ratings", "order", "build", "plan", "pack", "peak MB", "peak / (data + model)"],
        [
            [
                str(row["ratings"]),
                row["order"],
                *(f"{row[key]:.2f}" for key in ("build_ns", "plan_ns", "pack_ns")),
                f"{row['peak_bytes'] / 1e6:.0f}",
                f"{row['peak_over_data_and_model']:.2f}",
            ]
            for row in rows
        ],
    )


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def _setting(setting: dict[str, Any]) -> str:
    return ", ".join(
        f"{name} {value}" if isinstance(value, str) else f"{name} {value:g}"
        for name, value in setting.items()
    )

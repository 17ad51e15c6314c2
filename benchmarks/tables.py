"""Results as tables and lines on stdout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks import linear
from benchmarks.kinds import Source
from benchmarks.race import Row
from serialeq.cli.report import print_table

_YES_NO = {None: "", True: "yes", False: "no"}


def print_race(content: dict[str, Any], source: Source) -> None:
    """Print what was measured with one setting."""
    n, setting = content["samples"], content["setting"]
    print_table(
        f"{source.described}{', ' * bool(setting)}{_words(setting)}: {n:,} samples. Speedup over "
        "serial shuffled; x: times the speed of Hogwild! shuffled, of independent serial runs "
        "(ceiling). Plan and pack in epochs of serial shuffled.",
        [
            *("engine", "order", "jobs", "ns/sample", "ms/epoch", "quartiles", "speedup"),
            *("x Hogwild!", "x ceiling", "plan", "pack", source.measure, "serial bits", "digest"),
        ],
        [
            [
                row.engine,
                row.order,
                str(row.jobs),
                f"{row.seconds / n * 1e9:.2f}",
                *_milliseconds(row),
                _number(row.speedup, 2),
                _number(row.over_hogwild, 2),
                _number(row.over_ceiling, 2),
                _number(row.plan_epochs, 2),
                _number(row.pack_epochs, 2),
                _number(row.quality, 4),
                *_bits(row),
            ]
            for row in (Row(**row) for row in content["rows"])
        ],
    )
    _print_ratios(content["ratios"])
    print()


def print_linear(content: dict[str, Any], described: str) -> None:
    """Print what was measured with one loss."""
    settings, loss = content["settings"], content["loss"]
    _print_linear_rows(
        f"{described}, {loss}: {_words(settings['race'])}; accuracy with "
        f"{_words(settings['quality'])}. Milliseconds from arrays to trained weights, before "
        "the first epoch, and of an epoch; x: times the speed of serial float64, of Hogwild!, of "
        "the faster serial. ~: one epoch run, extrapolated.",
        content["rows"],
    )
    _print_ratios(content["ratios"]["speed"])
    difference = content["ratios"]["objective: lattice over float64"]
    print(f"{'objective: lattice over float64':<50} {100 * difference:+.4f} %\n")
    if classes := content["classes"]:
        title = f"{classes['n_classes']} classes, each one against the rest, {loss}"
        _print_linear_rows(title, classes["rows"])
        _print_ratios(classes["ratios"])
        print()


def _print_linear_rows(title: str, rows: Sequence[dict[str, Any]]) -> None:
    print_table(
        title,
        [
            *("contestant", "order", "numbers", "jobs", "total", "quartiles", "prepare", "epoch"),
            *("x float64", "x Hogwild!", "x best serial", "objective", "accuracy"),
            *("serial bits", "digest"),
        ],
        [
            [
                row.name + " ~" * row.one_epoch,
                row.order,
                row.arithmetic,
                str(row.jobs),
                *_milliseconds(row),
                f"{1e3 * row.preparation:.1f}",
                f"{1e3 * row.epoch:.2f}",
                _number(row.speedup, 2),
                _number(row.over_hogwild, 2),
                f"{row.over_best_serial:.2f}",
                _number(row.quality, 6),
                _number(row.accuracy, 4),
                *_bits(row),
            ]
            for row in (linear.Row(**row) for row in rows)
        ],
    )


def print_quality(content: dict[str, Any], source: Source) -> None:
    """Print the quality by epoch, and what else is told."""
    curves = content["curves"]
    epochs = sorted({epoch for curve in curves.values() for epoch in curve})
    print_table(
        f"{source.described}, {source.measure} after epochs. {_words(content['setting'])}",
        ["epoch", *curves],
        [[str(n), *(_number(curve.get(n), 4) for curve in curves.values())] for n in epochs],
    )
    for name, told in content["facts"].items():
        print(f"{name:<12} {_words(told)}")
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


def _milliseconds(row: Row) -> tuple[str, str]:
    """Return the median and the quartiles."""
    return f"{1e3 * row.seconds:.2f}", " – ".join(f"{1e3 * q:.2f}" for q in row.spread)


def _bits(row: Row) -> tuple[str, str]:
    return _YES_NO[row.serial_bits], (row.digest or "")[:12]


def _print_ratios(ratios: dict[str, Any]) -> None:
    width = max(38, *map(len, ratios)) if ratios else 0
    for name, ratio in ratios.items():
        print(
            f"{name:<{width}} {ratio['paired']:.2f} ({ratio['low']:.2f} – {ratio['high']:.2f} in "
            f"half of the rounds; of medians {ratio['of_medians']:.2f})"
        )


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def _words(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_words(one)}" for name, one in value.items())
    if isinstance(value, (tuple, list)):
        return f"({', '.join(map(_words, value))})"
    return f"{value:.4g}" if isinstance(value, float) else str(value)

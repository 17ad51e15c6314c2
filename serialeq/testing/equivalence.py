"""Compare every engine with the serial one, byte for byte."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from serialeq.engines.engine import ENGINES, get_engine
from serialeq.errors import SerialeqError
from serialeq.native.team import WorkerTeam
from serialeq.problem import Problem, check_problem
from serialeq.training.session import OrderSource, Session

Arrays = Mapping[str, np.ndarray]


def assert_serial_equivalent(
    make_problem: Callable[[], Problem],
    order: Any = "shuffled",
    *,
    engines: Iterable[str] | None = None,
    workers: Iterable[int] = (1, 2, 3, 8),
    epochs: int = 2,
    seed: int = 0,
) -> None:
    """Train with the serial engine and with others; fail unless all models have the same bytes.

    ``make_problem()`` returns the problem at its starting point, the same in every call; `order`
    and its `seed` are those of `serialeq.fit`. The engines are by default all that promise the
    serial bits and that the problem runs on. `workers` are numbers of workers to try; each worker
    has a thread of its own, on however many cores.

    Raises
    ------
    AssertionError
        Naming engine, number of workers, epoch, array, first differing index and both values;
        or if `make_problem` returns problems that differ.
    SerialeqError
        If there is no such engine or order for the problem.
    """
    problem = new_problem(make_problem)
    if engines is None:
        engines = [e.name for e in ENGINES.values() if e.equivalent and problem.runs_on(e.name)]
    start = copy_trained(problem)
    expected = list(_train(problem, order, "serial", 1, epochs, seed))
    workers = list(workers)
    for engine in engines:
        for n_workers in workers if get_engine(engine).parallel else [1]:
            problem = new_problem(make_problem, start)
            models = _train(problem, order, engine, n_workers, epochs, seed)
            for epoch, (trained, serial) in enumerate(zip(models, expected, strict=True), 1):
                difference = first_difference(trained, serial)
                if difference:
                    where = f"engine {engine!r}, {n_workers} workers"
                    if engine == "serial":
                        where = "the serial engine gives two results"
                    raise AssertionError(f"{where}, epoch {epoch}: {difference}")


def _train(
    problem: Problem, order: Any, engine: str, n_workers: int, epochs: int, seed: int
) -> Iterator[dict[str, np.ndarray]]:
    """Yield copies of the trained arrays after each epoch."""
    with WorkerTeam(n_workers, n_workers) as team:
        session = Session(problem, OrderSource(problem, order, seed, team), engine, team)
        for epoch in range(epochs):
            session.run_epoch(epoch)
            yield copy_trained(problem)


def new_problem(make_problem: Any, start: Arrays | None = None) -> Problem:
    """Call `make_problem`; fail unless it returns a problem that is at `start`."""
    problem = make_problem() if callable(make_problem) else None
    if not isinstance(problem, Problem):
        raise SerialeqError(
            "make_problem: expected a function that returns a new Problem, got "
            f"{type(make_problem if problem is None else problem).__name__}"
        )
    check_problem(problem)
    difference = first_difference(copy_trained(problem), start) if start is not None else ""
    if difference:
        raise AssertionError(
            f"make_problem: two problems that it made differ at the start: {difference}"
        )
    return problem


def copy_trained(problem: Problem) -> dict[str, np.ndarray]:
    """Return copies of the trained arrays."""
    arrays = problem.trained()
    if not isinstance(arrays, Mapping) or not all(
        isinstance(array, np.ndarray) for array in arrays.values()
    ):
        raise SerialeqError(
            f"trained: expected a dictionary of arrays from {type(problem).__name__}"
        )
    return {name: np.array(array) for name, array in arrays.items()}


def first_difference(trained: Arrays, expected: Arrays) -> str:
    """Return in words where two models first differ; "" if names, types and bytes are the same.

    NaNs of the same bytes are the same; 0.0 and −0.0 are not.
    """
    if trained.keys() != expected.keys():
        return f"expected arrays {sorted(expected)}, got {sorted(trained)}"
    for name, array in trained.items():
        other = expected[name]
        if (array.dtype, array.shape) != (other.dtype, other.shape):
            return (
                f"array {name!r}: expected {other.dtype} of shape {other.shape}, "
                f"got {array.dtype} of shape {array.shape}"
            )
        a, b = (np.frombuffer(x.tobytes(), np.uint8) for x in (array, other))
        if (a != b).any():
            place = int(np.argmax(a != b)) // array.itemsize
            index = tuple(int(i) for i in np.unravel_index(place, array.shape))
            return f"array {name!r}{list(index)}: expected {_show(other[index])}, " + (
                f"got {_show(array[index])}"
            )
    return ""


def _show(value: Any) -> str:
    """Return a number with its bytes, big-endian."""
    return f"{value} (0x{value.tobytes()[::-1].hex()})"

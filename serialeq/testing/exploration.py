"""Run a schedule on one thread, in an order of events that somebody chooses."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

import numpy as np

from serialeq.errors import ScheduleError
from serialeq.order import Order
from serialeq.planning.schedule import Schedule
from serialeq.planning.serial import plan_serial
from serialeq.problem import Problem

from .equivalence import copy_trained, first_difference, new_problem

Pick = Callable[[list[tuple[int, int]]], int]


def interleave(problem: Problem, schedule: Schedule, pick: Pick) -> None:
    """Run the first epoch, segment by segment on this thread, in an order that `pick` chooses.

    ``pick(ready)`` gets the (worker, segment) pairs that may go on, by worker, and returns a
    position in that list.

    Raises
    ------
    ScheduleError
        If nobody may go on before the end.
    """
    s = schedule
    kernel = problem.bind(s.layout, s.times)
    problem.begin_epoch(0, int((s.stop - s.start).sum()))
    counters = np.zeros(s.n_counters, dtype=np.int64)
    cursor = s.worker_ptr[:-1].copy()
    while (cursor < s.worker_ptr[1:]).any():
        ready = []
        stuck = np.flatnonzero(cursor < s.worker_ptr[1:])
        for w in stuck:
            waits = slice(s.wait_ptr[cursor[w]], s.wait_ptr[cursor[w] + 1])
            if (counters[s.wait_counter[waits]] >= s.wait_value[waits]).all():
                ready.append((int(w), int(cursor[w])))
        if not ready:
            raise ScheduleError(f"deadlock: workers {stuck.tolist()} wait for ever")
        worker, segment = ready[pick(ready)]
        kernel.run(int(s.start[segment]), int(s.stop[segment]))
        posts = slice(s.post_ptr[segment], s.post_ptr[segment + 1])
        counters[s.post_counter[posts]] = s.post_value[posts]
        cursor[worker] += 1


def explore(
    make_problem: Callable[[], Problem],
    order: Order,
    schedule: Schedule,
    *,
    n: int = 20,
    seed: int = 0,
) -> None:
    """Run a schedule in adversarial interleavings; fail unless each gives the serial bits.

    These are: the first worker goes as far as it can, the last one does, all in turn, each
    worker in turn starved until nobody else can go on, and `n` random ones. All on one thread,
    so what fails, fails again. For schedules that divide the samples of `order` among workers.
    ``make_problem()`` returns the problem at its starting point, the same in every call.

    Raises
    ------
    AssertionError
        Naming interleaving, array, first differing index and both values; or if `make_problem`
        returns problems that differ.
    ScheduleError
        If the workers get stuck.
    """
    serial = new_problem(make_problem)
    start = copy_trained(serial)
    interleave(serial, plan_serial(order, 1, serial.timed), lambda ready: 0)
    expected = copy_trained(serial)
    for name, pick in _picks(schedule.n_workers, n, seed):
        problem = new_problem(make_problem, start)
        interleave(problem, schedule, pick)
        difference = first_difference(problem.trained(), expected)
        if difference:
            raise AssertionError(f"interleaving {name!r}: {difference}")


def _picks(n_workers: int, n: int, seed: int) -> Iterator[tuple[str, Pick]]:
    yield "first worker first", lambda ready: 0
    yield "last worker first", lambda ready: -1
    yield "in turn", _in_turn()
    for w in range(n_workers):
        yield f"worker {w} starved", _starve(w)
    for i in range(n):
        yield f"random {i} of seed {seed}", _randomly(random.Random(f"{seed} {i}"))


def _in_turn() -> Pick:
    latest = -1

    def pick(ready: list[tuple[int, int]]) -> int:
        nonlocal latest
        choice = next((i for i, (worker, _) in enumerate(ready) if worker > latest), 0)
        latest = ready[choice][0]
        return choice

    return pick


def _starve(worker: int) -> Pick:
    return lambda ready: next((i for i, (w, _) in enumerate(ready) if w != worker), 0)


def _randomly(rng: random.Random) -> Pick:
    return lambda ready: rng.randrange(len(ready))

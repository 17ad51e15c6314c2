"""The schedule: every engine's plan in one form.

Each worker has a list of *segments*, runs of packed samples, and there are *counters* that only
grow. Before a segment a worker waits until some counters have reached given values; after it,
it posts new values to others. Barriers, groups, connected components, locks, dataflow and
free-for-all differ in nothing but who waits for what.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from serialeq.errors import SerialeqError
from serialeq.native.incidence import count_degrees
from serialeq.native.jit import jit
from serialeq.native.team import MAX_WORKERS
from serialeq.order import Order

_NONE = np.zeros(0, dtype=np.int32)
_OPENS = np.uint8(1)  # marks of a step: it waits, so it opens a segment
_CLOSES = np.uint8(2)  # another worker waits for it, so it closes a segment
NO_WAITS = (np.zeros(0, dtype=np.int64),) * 2


@dataclass(frozen=True, eq=False)
class Schedule:
    """What each worker runs and waits for.

    Attributes
    ----------
    layout : array of int32, shape (n,)
        Sample at each packed position: data are laid out in this order before training.
    times : array of int32, shape (n,) or (0,)
        Serial position of each packed position, if asked for.
    worker_ptr : array of int64, shape (n_workers + 1,)
        Worker ``w`` runs the segments ``worker_ptr[w] <= s < worker_ptr[w + 1]``, in that order.
    start, stop : arrays of int64, shape (n_segments,)
        Packed positions of each segment.
    wait_ptr : array of int64, shape (n_segments + 1,)
    wait_counter, wait_value : arrays of int32, shape (n_waits,)
        Segment ``s`` starts when ``counter[wait_counter[j]] >= wait_value[j]`` for each
        ``wait_ptr[s] <= j < wait_ptr[s + 1]``.
    post_ptr : array of int64, shape (n_segments + 1,)
    post_counter, post_value : arrays of int32, shape (n_posts,)
        After segment ``s`` these counters are set to these values.
    n_counters : int
    """

    layout: np.ndarray
    times: np.ndarray
    worker_ptr: np.ndarray
    start: np.ndarray
    stop: np.ndarray
    wait_ptr: np.ndarray
    wait_counter: np.ndarray
    wait_value: np.ndarray
    post_ptr: np.ndarray
    post_counter: np.ndarray
    post_value: np.ndarray
    n_counters: int

    @property
    def n_workers(self) -> int:
        """Number of workers."""
        return self.worker_ptr.size - 1

    @property
    def n_segments(self) -> int:
        """Number of segments of all workers."""
        return int(self.start.size)

    @property
    def n_waits(self) -> int:
        """Number of waits of all segments."""
        return int(self.wait_counter.size)


def assemble(
    order: Order,
    n_workers: int,
    workers: np.ndarray,
    waits: tuple[np.ndarray, np.ndarray] = NO_WAITS,
    steps: np.ndarray | None = None,
    with_times: bool = False,
) -> Schedule:
    """Turn "who runs which step, and after which" into segments.

    Counter ``w`` is the number of segments that worker ``w`` has finished.

    Parameters
    ----------
    workers : array of uint16, shape (n_steps,)
        Worker of the i-th planned step.
    waits : (waiter, awaited), arrays of int64, shape (n_waits,)
        Planned step ``waiter[j]`` starts after planned step ``awaited[j] < waiter[j]``, which
        another worker runs; ``waiter`` ascending.
    steps : array of int32, shape (n_steps,), optional
        Serial step of the i-th planned step; by default the serial order itself. Each worker
        runs its steps in planned order.
    """
    waiter, awaited = waits
    marks = np.zeros(workers.size, dtype=np.uint8)
    if not order.is_fine:  # tasks of a blocked order stay where they are
        marks[:] = _OPENS
    marks[waiter] |= _OPENS
    marks[awaited] |= _CLOSES
    sizes = count_degrees(workers, n_workers)
    marked = waiter.size + awaited.size if order.is_fine else workers.size
    most = np.full(n_workers, 2 * marked + 1)
    room = np.concatenate([[0], np.cumsum(np.minimum(most, sizes + 1))])
    layout = np.empty(workers.size, dtype=np.int32)
    direct = order.is_fine and not with_times  # then the samples are laid out at once
    stop = np.empty(room[-1], dtype=np.int64)
    segment = np.empty(waiter.size, dtype=np.int64)
    by_awaited = np.argsort(awaited)
    wait_count = np.empty(awaited.size, dtype=np.int32)
    n_segments = _lay_out(
        workers, marks, _NONE if steps is None else steps, order.sequence if direct else _NONE,
        np.cumsum(sizes) - sizes, room, layout, stop, waiter, segment, awaited, by_awaited,
        wait_count,
    )  # fmt: skip
    worker_ptr = np.concatenate([[0], np.cumsum(n_segments)])
    stop = np.concatenate(
        [stop[first : first + n] for first, n in zip(room[:-1], n_segments, strict=True)]
    )
    start = np.concatenate([[0], stop])[:-1].astype(np.int64)
    segment += (worker_ptr - room)[workers[waiter]]
    by_segment = np.argsort(workers[waiter], kind="stable")  # each worker's are in order
    wait_ptr = np.zeros(stop.size + 1, dtype=np.int64)
    np.cumsum(np.bincount(segment, minlength=stop.size), out=wait_ptr[1:])
    placed: dict[str, Any]
    if direct:
        placed = {"layout": layout, "times": _NONE, "start": start, "stop": stop}
    else:
        placed = place_samples(order, layout, start, stop, with_times)
    counts = np.arange(1, stop.size + 1) - np.repeat(worker_ptr[:-1], n_segments)
    return Schedule(
        **placed,
        worker_ptr=worker_ptr,
        wait_ptr=wait_ptr,
        wait_counter=workers[awaited[by_segment]].astype(np.int32),
        wait_value=wait_count[by_segment],
        post_ptr=np.arange(stop.size + 1),
        post_counter=np.repeat(np.arange(n_workers, dtype=np.int32), n_segments),
        post_value=counts.astype(np.int32),
        n_counters=n_workers,
    )


def place_samples(
    order: Order, steps: np.ndarray, start: np.ndarray, stop: np.ndarray, with_times: bool
) -> dict[str, np.ndarray]:
    """Return layout, times, start and stop of a schedule, given the serial steps laid out.

    The samples of a fine order are laid out as the workers meet them. Those of a blocked order
    stay where they are, so that every epoch finds the data in the same places; there each step
    has a segment of its own.
    """
    times = steps if with_times else _NONE
    if order.members is None:
        return {"layout": order.sequence[steps], "times": times, "start": start, "stop": stop}
    tasks = order.sequence[steps]
    if with_times:
        serial = np.zeros(order.members.size, dtype=np.int32)
        serial[order.samples()] = np.arange(order.n_samples)
        times = serial[order.members]
    start, stop = order.bounds[tasks], order.bounds[tasks + 1]
    return {"layout": order.members, "times": times, "start": start, "stop": stop}


@jit
def _lay_out(
    workers: Any, marks: Any, steps: Any, names: Any, place: Any, room: Any, layout: Any,
    stop: Any, waiter: Any, segment: Any, awaited: Any, by_awaited: Any, wait_count: Any,
) -> Any:  # fmt: skip
    """Write layout and segment ends; translate waits from steps to segments.

    The layout consists of ``names[step]``, or of the steps themselves if there are no names.
    Worker ``w`` writes the ends of its segments from ``stop[room[w]]`` on; the number of
    segments of each worker is returned.
    """
    n_workers = place.size
    first = place.copy()  # where each worker's open segment starts
    current = room[:n_workers].copy()  # and its number
    next_waiter = 0
    next_awaited = 0
    for i in range(workers.size):
        w = np.intp(workers[i])
        mark = marks[i]
        if mark & 1:
            if place[w] > first[w]:
                stop[current[w]] = first[w] = place[w]
                current[w] += 1
            while next_waiter < waiter.size and waiter[next_waiter] == i:
                segment[next_waiter] = current[w]
                next_waiter += 1
        step = steps[i] if steps.size else np.int32(i)
        layout[place[w]] = names[step] if names.size else step
        place[w] += 1
        if mark & 2:
            stop[current[w]] = first[w] = place[w]
            current[w] += 1
            while next_awaited < awaited.size and awaited[by_awaited[next_awaited]] == i:
                wait_count[by_awaited[next_awaited]] = current[w] - room[w]
                next_awaited += 1
    for w in range(n_workers):
        if place[w] > first[w]:
            stop[current[w]] = place[w]
            current[w] += 1
    return current - room[:n_workers]


def check_workers(n_workers: int) -> None:
    """Raise SerialeqError for a number of workers that no schedule can be made for."""
    if not 1 <= n_workers <= MAX_WORKERS:
        raise SerialeqError(f"n_workers: expected 1 to {MAX_WORKERS}, got {n_workers}")

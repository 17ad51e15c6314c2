"""A discrete-event simulator that executes the waits and posts of a `Schedule`.

Every engine is a Schedule: groups, CYCLADES, locks, dataflow, Hogwild!, the blocks of lookahead.
The simulator does with them what `serialeq.engines.executor` does, in simulated time: a segment
starts when its worker is free and each counter it waits for has been posted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from serialeq.errors import ScheduleError, SerialeqError
from serialeq.hypergraph import Hypergraph
from serialeq.native.incidence import bounds
from serialeq.native.jit import jit
from serialeq.planning.prediction import DEFAULT_COSTS, CostModel
from serialeq.planning.schedule import Schedule


@dataclass(frozen=True)
class Machine:
    """Costs of the simulated machine, and how its cores are grouped.

    Attributes
    ----------
    costs : CostModel
        Nanoseconds; `sample` is not used, as each sample has a time of its own.
    n_nodes : int
        Sockets or computers. Workers are dealt to them in contiguous runs.
    remote : float
        Hand-off and transfer between nodes cost so many times as much as inside one.
    reading : float
        Share of a hand-off that waits of a segment cost even if there is nothing to wait for any
        more: counters are in lines that another core wrote.
    """

    costs: CostModel = DEFAULT_COSTS
    n_nodes: int = 1
    remote: float = 1.0
    reading: float = 0.0

    def nodes(self, n_workers: int) -> np.ndarray:
        """Return the node of each worker, int64."""
        return np.arange(n_workers) * self.n_nodes // n_workers


FREE = Machine(CostModel(sample=0.0, wait=0.0, handoff=0.0, transfer=0.0, launch=0.0))
"""Where only the work itself takes time."""


@dataclass(frozen=True, eq=False)
class Trace:
    """What happened in simulated time (nanoseconds).

    Attributes
    ----------
    begin, end : arrays of float64, shape (n_segments,)
    work : array of float64, shape (n_workers,)
        Time that each worker spent in its segments, not waiting.
    launch : float
    """

    begin: np.ndarray
    end: np.ndarray
    work: np.ndarray
    launch: float

    @property
    def makespan(self) -> float:
        """Time of the epoch."""
        return float(self.end.max(initial=0.0)) + self.launch

    @property
    def busy(self) -> float:
        """Share of the workers' time that is work."""
        return float(self.work.sum() / (self.work.size * max(self.end.max(initial=0.0), 1e-300)))


def simulate(
    schedule: Schedule,
    times: np.ndarray,
    machine: Machine = FREE,
    lines: Hypergraph | None = None,
) -> Trace:
    """Execute a schedule in simulated time.

    Parameters
    ----------
    schedule : Schedule
    times : array of float64
        Nanoseconds of the work at each packed position.
    machine : Machine
    lines : Hypergraph, optional
        The cache lines (or rows) that each sample touches. A sample with lines that another
        worker touched last costs a transfer: they are fetched at once.

    Raises
    ------
    SerialeqError
        If there is not one time for each position.
    ScheduleError
        If workers wait for each other for ever.
    """
    last = int(schedule.stop.max(initial=0))
    if times.ndim != 1 or times.size < last:
        raise SerialeqError(f"times: expected one for each of {last} positions, got {times.shape}")
    nodes = machine.nodes(schedule.n_workers)
    trace = _run(schedule, times, machine, nodes)
    if lines is None or machine.costs.transfer == 0.0 or schedule.n_workers == 1:
        return trace
    moved = find_moves(schedule, trace, times, lines, nodes)
    costs = (moved * np.array([1.0, machine.remote])).max(axis=1) * machine.costs.transfer
    return _run(schedule, times + costs, machine, nodes)


def _run(schedule: Schedule, times: np.ndarray, machine: Machine, nodes: np.ndarray) -> Trace:
    s, costs = schedule, machine.costs
    before = np.concatenate([[0.0], np.cumsum(times)])
    calls = np.diff(s.wait_ptr) + np.diff(s.post_ptr)
    work = before[s.stop] - before[s.start] + 0.5 * costs.wait * calls
    handoffs = costs.handoff * np.where(nodes[:, None] == nodes, 1.0, machine.remote)
    np.fill_diagonal(handoffs, 0.0)
    poster = _workers(s)[np.repeat(np.arange(s.n_segments), np.diff(s.post_ptr))]
    begin, end, done = _execute(
        s.worker_ptr,
        s.wait_ptr,
        _awaited_posts(s),
        s.post_ptr,
        poster,
        work,
        handoffs,
        machine.reading,
    )
    if done < s.n_segments:
        raise ScheduleError(f"schedule: {s.n_segments - done} segments wait for ever")
    by_worker = np.bincount(_workers(s), weights=work, minlength=s.n_workers)
    return Trace(begin, end, by_worker, costs.launch if s.n_workers > 1 else 0.0)


def _workers(s: Schedule) -> np.ndarray:
    """Return the worker of each segment."""
    return np.repeat(np.arange(s.n_workers), np.diff(s.worker_ptr))


def _awaited_posts(s: Schedule) -> np.ndarray:
    """Return, for each wait, the post that ends it: the least sufficient value; −1: none needed.

    A wait that nobody ends gets the number of posts.
    """
    width = np.int64(1) << 32
    posted = s.post_counter.astype(np.int64) * width + s.post_value
    by_key = np.argsort(posted, kind="stable")
    wanted = s.wait_counter.astype(np.int64) * width + s.wait_value
    place = np.searchsorted(posted[by_key], wanted)
    padded = np.append(by_key, posted.size)
    found = padded[place]
    counter = np.append(s.post_counter, -1)[found]
    found = np.where(counter == s.wait_counter, found, posted.size)
    return np.where(s.wait_value <= 0, -1, found)


@jit
def _execute(
    worker_ptr: Any, wait_ptr: Any, awaited: Any, post_ptr: Any, poster: Any, work: Any,
    handoffs: Any, reading: float,
) -> Any:  # fmt: skip
    """Return begin and end of each segment, and how many could run.

    Workers take turns, each as far as it gets. A segment's start is a function of the ends of
    segments before it, so the turns do not matter.
    """
    n_workers = worker_ptr.size - 1
    n_posts = poster.size
    posted = np.full(n_posts + 1, np.inf)
    begin, end = np.zeros(work.size), np.zeros(work.size)
    cursor = worker_ptr[:-1].copy()
    free = np.zeros(n_workers)
    done = 0
    moved = True
    while moved:
        moved = False
        for w in range(n_workers):
            while cursor[w] < worker_ptr[w + 1]:
                s = cursor[w]
                ready, read = 0.0, 0.0
                for j in range(wait_ptr[s], wait_ptr[s + 1]):
                    post = awaited[j]
                    if post >= 0:
                        way = handoffs[w, poster[post]] if post < n_posts else 0.0
                        ready = max(ready, posted[post] + way)
                        read = max(read, reading * way)  # loads overlap
                start = max(free[w] + read, ready)
                if start == np.inf:
                    break
                begin[s] = start
                free[w] = end[s] = start + work[s]
                for j in range(post_ptr[s], post_ptr[s + 1]):
                    posted[j] = end[s]
                cursor[w] += 1
                done += 1
                moved = True
    return begin, end, done


def find_moves(
    schedule: Schedule, trace: Trace, times: np.ndarray, lines: Hypergraph, nodes: np.ndarray
) -> np.ndarray:
    """Return, for each packed position, whether another worker touched a line of it last.

    Returns
    -------
    array of bool, shape (n_positions, 2)
        A line comes from the same node, and from another one. The lines of one's own, and those
        that nobody touched before, do not count.
    """
    sizes = schedule.stop - schedule.start
    positions = np.repeat(schedule.start - np.cumsum(sizes) + sizes, sizes)
    positions += np.arange(positions.size)
    before = np.concatenate([[0.0], np.cumsum(times)])
    segment = np.repeat(np.arange(schedule.n_segments), sizes)
    when = trace.begin[segment] + before[positions] - before[schedule.start[segment]]
    in_time = np.argsort(when, kind="stable")
    workers = np.repeat(_workers(schedule), sizes)
    moved = np.zeros((times.size, 2), dtype=np.bool_)
    _find_moves(
        *lines.csr, schedule.layout, positions[in_time], workers[in_time], nodes,
        np.full(lines.n_variables, -1), moved,
    )  # fmt: skip
    return moved


@jit
def _find_moves(
    indptr: Any, arity: int, indices: Any, layout: Any, positions: Any, workers: Any, nodes: Any,
    holder: Any, moved: Any,
) -> None:  # fmt: skip
    for i in range(positions.size):
        w = workers[i]
        lower, upper = bounds(indptr, arity, np.intp(layout[positions[i]]))
        for k in range(lower, upper):
            line = np.intp(indices[k])
            u = holder[line]
            if u >= 0 and u != w:
                moved[positions[i], 0 if nodes[u] == nodes[w] else 1] = True
            holder[line] = w

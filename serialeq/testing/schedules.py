"""Check from outside that a schedule admits nothing but the serial result.

The checker knows what waits and posts mean (`planning.schedule`) and nothing of how they were
planned. It is plain Python, slow and short, so that no mistake can hide in planner and checker
alike.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from serialeq.errors import ScheduleError
from serialeq.hypergraph import Hypergraph
from serialeq.order import Order
from serialeq.planning.schedule import Schedule


def check_schedule(order: Order, schedule: Schedule, hypergraph: Hypergraph | None = None) -> None:
    """Raise unless every run of `schedule` gives the result of the serial run of `order`.

    Checked are: all segments get to run, whatever the timing; every sample runs as often as in
    the order; and of any two samples that share a variable, the earlier one happens before the
    later one, by the order of one worker's segments and by waits. Of counters it asks more than
    need be: all posts to one follow each other, in rising order. For up to about 10⁵ samples.

    The variables of each sample are by default those that the order itself names: of a blocked
    order the blocks of each task. Give a hypergraph to check the blocks too, or to compare the
    supports that were declared with the true ones.

    Raises
    ------
    ScheduleError
        Naming the samples, variables and workers concerned.
    """
    checker = _Checker(order, schedule)
    checker.play()
    checker.check_counters()
    checker.check_conflicts(_supports(order, hypergraph))


_Event = tuple[int, int]  # one execution of one sample: its segment and position


class _Checker:
    def __init__(self, order: Order, schedule: Schedule) -> None:
        self.samples: list[int] = order.samples().tolist()
        self.layout: list[int] = schedule.layout.tolist()
        self.times: list[int] = schedule.times.tolist()
        self.schedule = schedule
        self.n_workers = schedule.n_workers
        self.first: list[int] = schedule.worker_ptr.tolist()
        if self.first[0] != 0 or self.first[-1] != schedule.n_segments:
            raise ScheduleError(f"worker_ptr: expected to run from 0 to {schedule.n_segments}")
        workers = np.arange(self.n_workers)
        self.owner: list[int] = np.repeat(workers, np.diff(schedule.worker_ptr)).tolist()
        for s in range(schedule.n_segments):
            if not 0 <= schedule.start[s] <= schedule.stop[s] <= len(self.layout):
                raise ScheduleError(f"segment {s}: no positions of a layout of {len(self.layout)}")
        posters = np.repeat(np.arange(schedule.n_segments), np.diff(schedule.post_ptr))
        # Counter -> (value, segment that posts it), ascending.
        self.posts: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for j in np.argsort(schedule.post_value, kind="stable").tolist():
            post = int(schedule.post_value[j]), int(posters[j])
            self.posts[int(schedule.post_counter[j])].append(post)
        # known[s][w]: how many of worker w's segments are done whenever segment s starts. The
        # keys are in one possible order of execution.
        self.known: dict[int, list[int]] = {}

    def awaited(self, segment: int) -> Iterator[int]:
        """Yield the segments that post what a segment waits for.

        That is the smallest value that satisfies the wait: `check_counters` makes sure that
        larger ones come later.
        """
        s = self.schedule
        for j in range(s.wait_ptr[segment], s.wait_ptr[segment + 1]):
            counter, value = int(s.wait_counter[j]), int(s.wait_value[j])
            if value <= 0:
                continue  # counters start at zero
            posts = self.posts.get(counter, [])
            place = bisect_left(posts, (value, -1))
            if place == len(posts):
                raise ScheduleError(
                    f"{self.describe(segment)} waits for counter {counter} to reach {value}, "
                    "which nobody posts"
                )
            yield posts[place][1]

    def play(self) -> None:
        """Run every segment as soon as its waits hold and note what its worker then knows."""
        awaited = [list(self.awaited(s)) for s in range(self.schedule.n_segments)]
        clock = [[0] * self.n_workers for _ in range(self.n_workers)]
        cursor = self.first[:-1].copy()
        progress = True
        while progress:
            progress = False
            for w in range(self.n_workers):
                while cursor[w] < self.first[w + 1] and all(
                    p in self.known for p in awaited[cursor[w]]
                ):
                    s = cursor[w]
                    for p in awaited[s]:
                        clock[w] = list(map(max, clock[w], self.known[p]))
                        u = self.owner[p]
                        clock[w][u] = max(clock[w][u], p + 1 - self.first[u])
                    self.known[s] = clock[w].copy()
                    clock[w][w] = s + 1 - self.first[w]
                    cursor[w] += 1
                    progress = True
        stuck = [cursor[w] for w in range(self.n_workers) if cursor[w] < self.first[w + 1]]
        if stuck:
            raise ScheduleError(f"deadlock: {', '.join(map(self.describe, stuck))}")

    def is_before(self, a: _Event, b: _Event) -> bool:
        """Return whether `a` is done in every run when `b` starts."""
        (s, _), (t, _) = a, b
        u = self.owner[s]
        return a < b if s == t else self.known[t][u] > s - self.first[u]

    def check_counters(self) -> None:
        """Check that each counter grows: its posts happen one after another, in rising order."""
        for counter, posts in self.posts.items():
            for (low, a), (high, b) in pairwise(posts):
                if low == high or not self.is_before((a, 0), (b, 0)):
                    raise ScheduleError(
                        f"counter {counter} may not grow: {self.describe(a)} posts {low} and "
                        f"{self.describe(b)} posts {high}"
                    )

    def events(self) -> list[_Event]:
        """Return the execution of each serial position.

        Without times, the executions of one sample are matched in the order of one run; if
        that was not the only possible order, they conflict and `check_conflicts` says so.
        """
        s, timed = self.schedule, bool(self.times)
        names = list(zip(self.times, self.layout, strict=True)) if timed else self.layout
        wanted = list(enumerate(self.samples)) if timed else self.samples
        runs: dict[object, list[_Event]] = defaultdict(list)
        for segment in self.known:
            for p in range(s.start[segment], s.stop[segment]):
                runs[names[p]].append((segment, p))
        expected = Counter[object](wanted)
        for name in expected.keys() | runs.keys():
            if len(runs[name]) != expected[name]:
                raise ScheduleError(
                    f"{'(serial position, sample)' if timed else 'sample'} {name}: expected to "
                    f"run {expected[name]} times, got {len(runs[name])}"
                )
        turns = {name: iter(events) for name, events in runs.items()}
        return [next(turns[name]) for name in wanted]

    def check_conflicts(self, supports: Iterator[list[int]]) -> None:
        """Check that samples in conflict happen in serial order; `supports`: one per position."""
        events = self.events()
        last: dict[int, int] = {}  # variable -> serial position of its latest sample
        for t, support in enumerate(supports):
            for v in support:
                before = last.get(v, t)
                if before != t and not self.is_before(events[before], events[t]):
                    a, b = (self.owner[events[i][0]] for i in (before, t))
                    raise ScheduleError(
                        f"variable {v}: sample {self.samples[before]} (worker {a}) has to come "
                        f"before sample {self.samples[t]} (worker {b}), and nothing ensures it"
                    )
                last[v] = t

    def describe(self, segment: int) -> str:
        s = self.schedule
        samples = self.layout[s.start[segment] : s.stop[segment]]
        return f"worker {self.owner[segment]} at sample {samples[0] if samples else None}"


def _supports(order: Order, hypergraph: Hypergraph | None) -> Iterator[list[int]]:
    """Yield the variables of the sample at each serial position."""
    if hypergraph is not None:
        for sample in order.samples():
            yield hypergraph.support(sample).tolist()
        return
    sizes = [1] * order.n_steps if order.is_fine else order.sizes.tolist()
    for task, size in zip(order.sequence, sizes, strict=True):
        resources = order.tasks.support(task).tolist()
        for _ in range(size):
            yield resources

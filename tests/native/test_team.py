"""Teams run jobs, hand on failures, and stop at once when interrupted."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from harness import assign, bind, plan, python_environment, run_python, same_bytes

from serialeq.engines.executor import Executor
from serialeq.errors import SerialeqError
from serialeq.hypergraph import Hypergraph
from serialeq.native import team as team_module
from serialeq.native.team import WorkerTeam, available_cores, count_workers
from serialeq.order import given_order
from serialeq.testing import Chain

INTERRUPTED = """
import sys, threading, time
from dataclasses import replace
import numpy as np
from serialeq.testing import Chain
from harness import bind, contended, plan
from serialeq.digest import digest_arrays
from serialeq.engines.executor import Executor
from serialeq.order import shuffled_order
from serialeq.native.team import WorkerTeam

graph, order = contended(20_000)
problem = Chain(graph)
team = WorkerTeam(2, 2)
schedule = plan("dataflow", order, 2, 1)
if sys.argv[1] == "waiting":  # for a value that nobody posts
    schedule = replace(schedule, wait_value=schedule.wait_value + (1 << 30))
executor, kernel = Executor(schedule, team), bind(problem, schedule)
print("ready", flush=True)
try:
    while True:
        executor.run(kernel)
finally:
    digest = digest_arrays(problem.trained())
    time.sleep(0.05)
    print("stopped" if digest == digest_arrays(problem.trained()) else "still running", flush=True)
"""

INTERRUPTED_OFTEN = """
import random, signal, time
from serialeq.testing import Chain
from harness import bind, contended, plan
from serialeq.engines.executor import Executor
from serialeq.native.team import WorkerTeam

def interrupt(*_):
    raise KeyboardInterrupt

graph, order = contended(200)
problem = Chain(graph)
schedule = plan("dataflow", order, 2, 1)
executor, kernel = Executor(schedule, WorkerTeam(2, 2)), bind(problem, schedule)
signal.signal(signal.SIGALRM, interrupt)
rng = random.Random(0)
stopped = 0
for _ in range(500):
    try:
        signal.setitimer(signal.ITIMER_REAL, rng.uniform(1e-4, 1e-3))
        while True:
            executor.run(kernel)
    except KeyboardInterrupt:
        marks = problem.marks.tobytes()
        time.sleep(2e-4)
        stopped += marks == problem.marks.tobytes()
print("stopped", stopped, "times")
"""


@pytest.mark.parametrize("what", ["training", "waiting"])
def test_an_interruption_stops_all_threads_within_a_second(what: str, launch: Any) -> None:
    process = launch(
        [sys.executable, "-P", "-c", INTERRUPTED, what],
        env=python_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    sent = time.monotonic()
    assert process.stdout.readline() == "stopped\n"
    took = time.monotonic() - sent  # Python's own end is not ours
    _, errors = process.communicate()
    assert took < 1
    assert "KeyboardInterrupt" in errors
    assert process.returncode == -signal.SIGINT


def test_an_interruption_may_come_at_any_moment() -> None:
    # Epochs of microseconds, so that it often comes while work is handed out or gathered in.
    assert run_python(INTERRUPTED_OFTEN) == "stopped 500 times\n"


def test_every_thread_does_its_job_until_it_is_done() -> None:
    calls = [0, 0, 0]

    def job(thread: int, most: int) -> bool:
        calls[thread] += 1
        return calls[thread] < most * (thread + 1)

    with WorkerTeam(3, 3) as team:
        team.run(job, 2)
    assert calls == [2, 4, 6]


@pytest.mark.parametrize("engine", ["serial", "dataflow"])
def test_a_schedule_for_fewer_workers_leaves_threads_alone(engine: str) -> None:
    threads = set()

    def job(thread: int) -> bool:
        threads.add(thread)
        return False

    with WorkerTeam(2, 5) as team:
        team.run(job, n_threads=2)
        assert threads == {0, 1}
        graph = Hypergraph([0, 1, 0, 1], 1, 2)
        order = given_order(graph, [0, 1, 2, 3])
        problem = Chain(graph)
        expected = problem.oracle(np.tile(order.samples(), 50))
        schedule = plan(engine, order, 2, 1)
        executor, kernel = Executor(schedule, team), bind(problem, schedule)
        for _ in range(50):
            executor.run(kernel)
        assert same_bytes(problem.trained(), expected)
        team.run(job)
        assert threads == {0, 1, 2, 3, 4}


def test_threads_are_found_lingering_asleep_and_in_between() -> None:
    rng = np.random.default_rng(0)
    graph = Hypergraph([0, 1, 0, 1], 1, 2)
    order = given_order(graph, [0, 1, 2, 3])
    problem = Chain(graph)
    expected = problem.oracle(np.tile(order.samples(), 400))
    schedule = plan("dataflow", order, 3, 1)
    ran: list[tuple[int, int]] = []
    with WorkerTeam(3, 3) as team:
        executor, kernel = Executor(schedule, team), bind(problem, schedule)
        for turn in range(400):
            if rng.random() < 0.3:
                team.run(lambda thread, turn=turn: ran.append((turn, thread)))
                assert sorted(ran[-3:]) == [(turn, 0), (turn, 1), (turn, 2)]
            executor.run(kernel)
            pause = time.perf_counter() + rng.choice([0.0, 1e-4, 3e-4, 1e-3])
            while time.perf_counter() < pause:
                pass
    assert same_bytes(problem.trained(), expected)


def test_threads_that_are_not_asked_stay_away_however_late_they_are_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Time enough for a thread to finish a task before it is told; then it ran the next job too.
    def late(*arguments: Any) -> Any:
        time.sleep(1e-4)
        return tell(*arguments)

    tell = team_module._tell
    graph = Hypergraph([0, 1, 0, 1], 1, 2)
    problem = Chain(graph)
    schedule = plan("serial", given_order(graph, [0, 1, 2, 3]), 1, 1)
    with WorkerTeam(3, 3) as team:
        monkeypatch.setattr(team_module, "_tell", late)
        executor, kernel = Executor(schedule, team), bind(problem, schedule)
        for _ in range(300):
            team.run(lambda thread: False)
            asked = int(team._told[0])
            executor.run(kernel)
            time.sleep(1e-4)
            assert team._reports.latest.max() == asked


@pytest.mark.parametrize("native", [True, False])
@pytest.mark.parametrize("told", [True, False])
def test_an_interrupted_hand_out_is_made_good(native: bool, told: bool) -> None:
    graph = Hypergraph([0, 1, 0, 1], 1, 2)
    order = given_order(graph, [0, 1, 2, 3])
    problem = Chain(graph)
    with WorkerTeam(3, 3) as team:
        executor = Executor(plan("dataflow", order, 3, 1), team)
        kernel = bind(problem, plan("dataflow", order, 3, 1))
        hand_out = team._hand_out

        def interrupted(*arguments: Any) -> None:
            if told:
                hand_out(*arguments)
            raise KeyboardInterrupt

        for _ in range(20):
            team._hand_out = interrupted  # type: ignore[method-assign]
            with pytest.raises(KeyboardInterrupt):
                executor.run(kernel) if native else team.run(lambda thread: False)
            team._hand_out = hand_out  # type: ignore[method-assign]
            expected = problem.oracle(order.samples())
            executor.run(kernel)
            assert same_bytes(problem.trained(), expected)


INTERRUPTED_TWICE = """
import signal, time
from serialeq.native.team import WorkerTeam

class Interruption(BaseException):
    pass

def interrupt(*_):
    global left
    if left:
        left -= 1
        raise Interruption

def job(thread):
    if thread == 1:
        time.sleep(2e-3)  # slow to stop
    return team.stop_flag[0] == 0

signal.signal(signal.SIGALRM, interrupt)
left = early = 0
with WorkerTeam(2, 2) as team:
    for k in range(300):
        left = 2
        try:
            signal.setitimer(signal.ITIMER_REAL, 1e-3 + k % 97 * 1e-6, 8e-6)
            team.run(job)
        except Interruption:
            pass
        finally:
            left = 0
            signal.setitimer(signal.ITIMER_REAL, 0)
        early += not team._reports.has_finished(1, int(team._told[0]))
print("early", early)
"""


def test_a_second_interruption_waits_for_the_threads_too() -> None:
    assert run_python(INTERRUPTED_TWICE) == "early 0\n"


def test_an_error_that_nobody_waited_for_is_not_that_of_the_next_job() -> None:
    with WorkerTeam(2, 2) as team:
        team._reports.failed(ValueError("of a job whose caller was interrupted"))
        team.run(lambda thread: False)


def test_a_team_that_was_interrupted_while_it_closed_is_closed() -> None:
    class Interrupted(list[Any]):
        def __iter__(self) -> Any:
            yield self[0]
            raise KeyboardInterrupt

    team = WorkerTeam(3, 3)
    queues = team._tasks
    team._tasks = Interrupted(queues)
    with pytest.raises(KeyboardInterrupt):
        team.close()
    with pytest.raises(SerialeqError, match="closed"):
        team.run(lambda thread: False)
    queues[1].put(None)


def test_a_closed_team_says_so() -> None:
    team = WorkerTeam(2, 2)
    team.close()
    with pytest.raises(SerialeqError, match="1 threads beside the caller, got 0"):
        team.run(lambda thread: False)


@pytest.mark.parametrize("failing", [0, 1, 2])
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_failure_stops_those_who_wait_and_is_raised(failing: int, error: Any) -> None:
    def job(thread: int, team: WorkerTeam) -> bool:
        if thread == failing:
            raise error("on purpose")
        return team.stop_flag[0] == 0  # waits for the one that fails

    with WorkerTeam(3, 3) as team:
        for _ in range(3):
            with pytest.raises(error, match="on purpose"):
                team.run(job, team)
        team.run(lambda thread: False)  # and goes on working
        assert team.stop_flag[0] == 0


def test_waiting_workers_see_the_stop_flag() -> None:
    graph = Hypergraph([0, 0, 0], 1, 1)
    schedule = replace(
        assign(given_order(graph, [0, 1, 2]), [0, 1, 2], 3),
        wait_ptr=np.arange(4),
        wait_counter=np.zeros(3, np.int32),
        wait_value=np.full(3, 9, np.int32),  # nobody will post it
    )
    problem = Chain(graph)
    before = problem.marks.tolist()
    with WorkerTeam(3, 3) as team:
        executor, kernel = Executor(schedule, team), bind(problem, schedule)
        stopper = threading.Timer(0.1, team.stop_flag.__setitem__, (0, 1))
        stopper.start()
        began = time.monotonic()
        executor.run(kernel)
        assert 0.05 < time.monotonic() - began < 1
    assert problem.marks.tolist() == before


def test_threads_end_with_the_team() -> None:
    before = set(threading.enumerate())
    with WorkerTeam(4, 4):
        started = set(threading.enumerate()) - before
        assert len(started) == 3
        assert {thread.name for thread in started} == {"serialeq-1", "serialeq-2", "serialeq-3"}
    for thread in started:
        thread.join(5)
        assert not thread.is_alive()


def test_there_are_no_more_threads_than_cores_unless_asked_for() -> None:
    with WorkerTeam(64) as team:
        assert (team.n_workers, team.n_threads) == (64, min(64, available_cores()))
    with WorkerTeam(1) as team:
        assert team.n_threads == 1


def test_numbers_of_jobs_count_as_in_scikit_learn() -> None:
    cores = available_cores()
    assert [count_workers(n) for n in (None, -1, 1, 1024)] == [cores, cores, 1, 1024]
    assert count_workers(-cores) == count_workers(-cores - 5) == 1
    assert count_workers(np.int64(3)) == 3  # type: ignore[arg-type]


@pytest.mark.parametrize("n_jobs", [0, True, 2.0, "2", 1025])
def test_impossible_numbers_of_jobs_are_refused(n_jobs: Any) -> None:
    with pytest.raises(SerialeqError, match="n_jobs: expected"):
        count_workers(n_jobs)

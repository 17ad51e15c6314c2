"""The simulator executes schedules: against a plain oracle, and against what engines measure."""

from dataclasses import replace

import numpy as np
import pytest
from harness import SMALL
from hypothesis import given
from hypothesis import strategies as st

from lecture.calibration import Calibration, plan_chain, predict_time
from lecture.problem_sections import dense, lecture_speedups, remote_memory
from lecture.runs import Run, SideBySide, race, settled
from lecture.settings import Settings
from lecture.simulator import Machine, find_moves, simulate
from lecture.speedups import WORKERS, lookahead_speedups, measure_speedups
from lecture.workloads import (
    dense_classifier,
    graph_cut,
    make_order,
    matrix_completion,
    sparse_svm,
)
from serialeq.engines.engine import ENGINES
from serialeq.errors import ScheduleError, SerialeqError
from serialeq.hypergraph import Hypergraph
from serialeq.native.team import available_cores
from serialeq.order import given_order, shuffled_order
from serialeq.planning.dataflow import plan_dataflow
from serialeq.planning.hogwild import plan_hogwild
from serialeq.planning.lockstep import plan_lockstep
from serialeq.planning.prediction import DEFAULT_COSTS, CostModel, critical_path
from serialeq.planning.serial import plan_serial

COSTS = CostModel(sample=0.0, wait=3.0, handoff=7.0, transfer=2.0, launch=0.0)


def oracle(schedule, times, machine):
    """Execute a schedule event by event: counters are set as simulated time goes on."""
    s, costs, n = schedule, machine.costs, schedule.n_workers
    node = [w * machine.n_nodes // n for w in range(n)]
    history = {}  # counter -> [(time, value, worker)]
    cursor = list(s.worker_ptr[:-1])
    free = [0.0] * n
    ends = np.zeros(s.n_segments)

    def ready(w):
        """Return when worker w can start its next segment, None if not known yet."""
        segment = cursor[w]
        start, read = 0.0, 0.0
        for j in range(s.wait_ptr[segment], s.wait_ptr[segment + 1]):
            if s.wait_value[j] <= 0:
                continue
            posts = [p for p in history.get(s.wait_counter[j], []) if p[1] >= s.wait_value[j]]
            if not posts:
                return None
            time, _, u = min(posts)
            way = costs.handoff * (machine.remote if node[u] != node[w] else 1.0) * (u != w)
            start, read = max(start, time + way), max(read, machine.reading * way)
        return max(start, free[w] + read)

    while True:
        can = [(ready(w), w) for w in range(n) if cursor[w] < s.worker_ptr[w + 1]]
        can = [(start, w) for start, w in can if start is not None]
        if not can:
            break
        start, w = min(can)
        segment = cursor[w]
        calls = s.wait_ptr[segment + 1] - s.wait_ptr[segment]
        calls += s.post_ptr[segment + 1] - s.post_ptr[segment]
        work = times[s.start[segment] : s.stop[segment]].sum() + costs.wait * calls / 2
        free[w] = ends[segment] = start + work
        for j in range(s.post_ptr[segment], s.post_ptr[segment + 1]):
            history.setdefault(s.post_counter[j], []).append((free[w], s.post_value[j], w))
        cursor[w] += 1
    assert cursor == list(s.worker_ptr[1:])
    return ends


@st.composite
def planned(draw):
    n_variables = draw(st.integers(1, 8))
    pairs = draw(
        st.lists(st.lists(st.integers(0, n_variables - 1), min_size=2, max_size=2), max_size=40)
    )
    graph = Hypergraph(np.array(pairs, dtype=np.int64).reshape(-1, 2), 2, n_variables)
    engine = draw(st.sampled_from([e for e in ENGINES.values() if e.plan is not None]))
    order = shuffled_order(graph, draw(st.integers(0, 3)))
    return engine.plan(order, draw(st.integers(1, 5))), order


@given(planned(), st.integers(0, 10), st.sampled_from([1, 2, 3]), st.sampled_from([0.0, 0.5]))
def test_every_engine_against_the_oracle(drawn, seed, n_nodes, reading):
    schedule, order = drawn
    times = np.random.default_rng(seed).exponential(10.0, order.n_samples)
    machine = Machine(COSTS, n_nodes, remote=3.0, reading=reading)
    trace = simulate(schedule, times, machine)
    np.testing.assert_allclose(trace.end, oracle(schedule, times, machine), rtol=1e-12)
    assert trace.work.sum() == pytest.approx((trace.end - trace.begin).sum())


@given(planned())
def test_conflicting_samples_do_not_overlap(drawn):
    schedule, order = drawn
    if schedule.n_waits == 0:  # Hogwild!, or one worker
        return
    trace = simulate(schedule, np.ones(order.n_samples))
    begin, end = np.zeros(order.n_samples), np.zeros(order.n_samples)
    for s in range(schedule.n_segments):
        for k in range(schedule.start[s], schedule.stop[s]):
            sample = schedule.layout[k]
            begin[sample] = trace.begin[s] + k - schedule.start[s]
            end[sample] = begin[sample] + 1
    supports = order.tasks.indices.reshape(-1, 2)
    for i, later in enumerate(order.sequence):
        for earlier in order.sequence[:i]:
            if set(supports[later]) & set(supports[earlier]):
                assert end[earlier] <= begin[later] + 1e-9


def hard_order(n=3000, seed=0):
    pairs = np.random.default_rng(seed).integers(0, 200, (n, 2))
    return shuffled_order(Hypergraph(pairs, 2, 200), seed)


def test_a_schedule_without_its_waits_is_faster():
    order = hard_order()
    schedule = plan_dataflow(order, 16)
    unit = np.ones(order.n_samples)
    bare = replace(schedule, wait_ptr=np.zeros_like(schedule.wait_ptr))
    assert simulate(bare, unit).makespan < simulate(schedule, unit).makespan
    assert simulate(schedule, unit).makespan >= critical_path(order)


def test_serial_time_and_busy_share():
    order = hard_order()
    times = np.arange(order.n_samples, dtype=float)
    trace = simulate(plan_serial(order), times)
    assert trace.makespan == times.sum()
    assert trace.busy == 1.0
    chain = plan_chain(order, 2, 10)
    assert simulate(chain, times).makespan == pytest.approx(times.sum())
    assert simulate(chain, times).busy == pytest.approx(0.5)
    late = simulate(chain, times, Machine(replace(COSTS, wait=0.0)))
    assert late.makespan == pytest.approx(times.sum() + chain.n_waits * COSTS.handoff)


def test_blocks_of_lookahead_are_a_schedule_too():
    schedule = plan_lockstep(np.arange(10, dtype=np.int32), 4, 2)
    times = np.array([1.0, 1.0, 5.0, 1.0, 2.0, 2.0, 2.0, 2.0])
    assert simulate(schedule, times).makespan == 2 + 2 + 5 + 2


def test_deadlock_is_an_error():
    order = hard_order(50)
    schedule = plan_dataflow(order, 4)
    assert schedule.n_waits
    with pytest.raises(ScheduleError, match="wait for ever"):
        simulate(replace(schedule, wait_value=schedule.wait_value + 1000), np.ones(50))


def test_times_have_to_be_enough():
    with pytest.raises(SerialeqError, match="times: expected one for each of 50 positions"):
        simulate(plan_serial(hard_order(50)), np.ones(49))


def test_moved_lines_by_hand():
    graph = Hypergraph([[0, 1], [0, 1], [0, 2], [1, 2]], 2, 3)
    order = given_order(graph, np.arange(4))
    schedule = plan_chain(order, 2, 1)  # workers 0 1 0 1
    unit = np.ones(4)
    trace = simulate(schedule, unit)
    where = np.argsort(schedule.layout)
    one_node = find_moves(schedule, trace, unit, graph, np.array([0, 0]))
    assert one_node[where].tolist() == [[False, False]] + [[True, False]] * 3
    two_nodes = find_moves(schedule, trace, unit, graph, np.array([0, 1]))
    assert (two_nodes == one_node[:, ::-1]).all()
    costs = CostModel(sample=0.0, wait=0.0, handoff=0.0, transfer=10.0, launch=1.0)
    assert simulate(schedule, unit, Machine(costs), graph).makespan == 4 + 30 + 1
    assert simulate(schedule, unit, Machine(costs, 2, 3.0), graph).makespan == 4 + 90 + 1


def test_remote_memory_costs():
    workload = matrix_completion(40_000, 0)
    calibration = Calibration(DEFAULT_COSTS, {"shuffled": 10.0}, {"shuffled": 1.2})
    order = make_order(workload.make(), "shuffled", 0)
    times = [
        predict_time(calibration, workload, order, plan_hogwild(order, 8), n_nodes, remote)
        for n_nodes, remote in ((1, 1.0), (1, 9.0), (2, 9.0), (4, 9.0))
    ]
    assert times[0] == times[1] < times[2] < times[3]
    assert predict_time(calibration, workload, order, plan_serial(order)) == pytest.approx(
        400_000, rel=1e-3
    )


def test_chain_has_the_bits_of_the_serial_run():
    workload = matrix_completion(40_000, 0)
    order = make_order(workload.make(), "shuffled", 0)
    bits = []
    for schedule in (plan_serial(order), plan_chain(order, 2, 8), plan_chain(order, 1, 8)):
        problem = workload.make()
        run = Run(problem, schedule)
        run.epoch()
        run.epoch()
        run.close()
        bits.append({name: array.tobytes() for name, array in problem.trained().items()})
    assert bits[0] == bits[1] == bits[2]


def test_side_by_side_runs_a_share_of_each():
    workload = matrix_completion(40_000, 0)
    order = make_order(workload.make(), "blocked", 0)
    problems = [workload.make() for _ in range(2)]
    runs = SideBySide(problems, plan_hogwild(order, 2))
    runs.epoch()
    runs.close()
    start = workload.make().trained()["user_factors"]
    changed = [(p.trained()["user_factors"] != start).any(axis=1) for p in problems]
    assert all(0 < mask.sum() < mask.size for mask in changed)


def test_race_takes_turns():
    class Counting:
        calls, closed = "", False

        def reset(self):
            self.calls += "r"

        def prepare(self):
            self.calls += "p"

        def epoch(self):
            self.calls += "e"

        def close(self):
            self.closed = True

    a, b = Counting(), Counting()
    times = race({"a": a, "b": b}, 3)
    assert times.median("a") > 0
    assert (a.calls.count("r"), b.calls.count("r")) == (5, 4)  # the first one tells how many epochs
    assert all(turn.startswith("pepe") for turn in a.calls.split("r")[1:])
    assert a.closed
    assert b.closed
    assert times.speed("a", "a").paired == 1.0


@pytest.mark.parametrize("n_jobs", sorted({1, min(2, available_cores())}))
def test_speedups_are_complete(n_jobs):
    speedups = measure_speedups(sparse_svm(400, 0), n_jobs, 1, 0, sparse_svm(400, 0, "lattice"))
    assert set(speedups.simulated) == {
        *(("shuffled", e) for e in ("hogwild", "locked", "cyclades", "dataflow")),
        ("two-level", "lookahead"),
    }
    assert all(len(own) == len(WORKERS) for own in speedups.simulated.values())
    assert set(speedups.measured) == (set(speedups.simulated) if n_jobs > 1 else set())
    assert len(speedups.checks()) == len(speedups.measured)
    costs = speedups.calibration.costs
    assert costs.sample > 0
    assert min(costs.wait, costs.handoff, costs.transfer, costs.launch) >= 0


def test_everyone_starts_from_the_same_model():
    workload = graph_cut(6, 0)
    order = make_order(workload.make(), "shuffled", 0)
    warm = settled(workload, order)
    start = warm.make().trained()["x"]
    assert (start == warm.make().trained()["x"]).all()
    assert (start != workload.make().trained()["x"]).any()
    problem = warm.make()
    run = Run(problem, plan_dataflow(order, 2))
    run.prepare()
    run.epoch()
    assert (problem.trained()["x"] != start).any()
    run.reset()
    assert (problem.trained()["x"] == start).all()
    run.close()


def test_lines_of_a_cut_are_shared():
    workload = graph_cut(6, 0)
    problem = workload.make()
    lines = workload.lines(problem)
    assert lines.n_variables == -(-problem.hypergraph.n_variables // 16)
    assert lines.n_samples == problem.hypergraph.n_samples


def test_lookahead_gains_with_features():
    speedups = [lookahead_speedups(dense_classifier(200, d, 0)()) for d in (64, 1024)]
    assert speedups[0][0] == speedups[1][0] == 1.0
    assert speedups[1][WORKERS.index(8)] > speedups[0][WORKERS.index(8)]


@pytest.mark.slow
@pytest.mark.skipif(available_cores() < 2, reason="needs two cores")
@pytest.mark.skipif(SMALL, reason="compares times: needs a machine without other tests (-n 0)")
def test_predicted_speedups_are_those_measured():
    """Within 15 % for factorisation and cuts; a busy machine gets three tries."""
    worst = {}
    for attempt in range(3):
        settings = Settings(quick=True, seed=attempt, n_jobs=2)
        for speedups in lecture_speedups(settings)[1:]:
            for (kind, engine), measured, predicted in speedups.checks():
                if engine == "dataflow":
                    key = speedups.workload.name, kind
                    error = abs(predicted / measured - 1)
                    worst[key] = min(worst.get(key, np.inf), error)
        if max(worst.values()) <= 0.15:
            break
    assert set(worst) == {
        ("mf", "blocked"),
        ("mf", "shuffled"),
        ("cut", "blocked"),
        ("cut", "shuffled"),
    }
    assert max(worst.values()) <= 0.15, worst


@pytest.mark.slow
def test_sections_of_problems():
    settings = Settings(quick=True, seed=0, n_jobs=min(2, available_cores()))
    assert [s.key for s in dense(settings) + remote_memory(settings)] == ["dense", "remote-memory"]

"""Turns, ratios and seconds are what they say."""

from __future__ import annotations

from benchmarks.timing import Timings, race, seconds, take_turns


def test_race_gives_everyone_a_warm_up_and_the_first_turn_in_turn():
    turns = []

    def contestant(name):
        def turn():
            turns.append(name)
            return float(len(turns))

        return turn

    timings = race({name: contestant(name) for name in "abc"}, rounds=2)
    assert "".join(turns) == "abc" + "abc" + "bca"
    assert timings.median("a") == (4 + 9) / 2
    assert timings.median("b") == (5 + 7) / 2


def test_turns_without_a_warm_up():
    assert take_turns({"a": lambda: 1}, 2, warm_up=False) == {"a": [1, 1]}


def test_speed_pairs_times_of_the_same_round():
    timings = Timings({"ours": [1.0, 2.0, 10.0], "theirs": [3.0, 4.0, 10.0]})
    speed = timings.speed("ours", "theirs")
    assert speed.paired == 2.0
    assert (speed.low, speed.high) == (1.5, 2.5)
    assert speed.of_medians == 2.0
    assert timings.quartiles("ours") == (1.5, 6.0)
    assert timings.paired("ours", "theirs") == 2.0
    assert timings.paired("ours", "nobody") is None
    assert "ours" in timings
    assert "nobody" not in timings


def test_seconds_counts_one_call():
    calls = []
    assert seconds(lambda: calls.append(1)) > 0
    assert calls == [1]

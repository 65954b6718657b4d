"""The clock of a live source: true times whatever jumps, the camera's clock or our own."""

from __future__ import annotations

import itertools
from types import SimpleNamespace

import pytest

from oneclick.video.streams import clock as clock_module
from oneclick.video.streams.clock import StreamClock

START = 1_800_000_000.0
STEP = 0.04


@pytest.mark.parametrize("set_by", [-3600.0, -90.0, -30.0, -5.0, 5.0, 25.0, 59.0, 90.0, 3600.0])
@pytest.mark.parametrize("is_stamped", [True, False])
def test_times_follow_our_clock_when_it_is_set(set_by: float, is_stamped: bool) -> None:
    clock, jumps = StreamClock(), []
    for number in range(200):
        arrival = START + number * STEP + (set_by if number >= 100 else 0.0)
        stamp = number * STEP if is_stamped else arrival
        at, is_jump = clock.place(stamp, arrival, number * STEP)
        assert at == pytest.approx(arrival, abs=0.01)
        jumps += [number] * is_jump
    assert jumps == [100]


def test_packets_that_were_held_up_keep_their_times() -> None:
    clock, times = StreamClock(), []
    for number in range(200):
        taken = START + number * STEP
        late = 20.0 if 100 <= number < 150 else 0.0
        at, is_jump = clock.place(number * STEP, taken + late, number * STEP + late)
        assert not is_jump
        times.append(at - START)
    assert times == pytest.approx([number * STEP for number in range(200)], abs=0.02)


def test_times_never_go_back_when_the_first_packets_came_late() -> None:
    clock = StreamClock()
    arrivals = [START + max(3.0, number * STEP) for number in range(100)]
    times = [clock.place(number * STEP, at, at)[0] for number, at in enumerate(arrivals)]
    assert all(later >= time for time, later in itertools.pairwise(times))
    assert times[-1] == pytest.approx(arrivals[-1], abs=0.02)


def test_a_clock_that_is_set_while_packets_are_held_up_moves_their_times_by_as_much() -> None:
    clock = StreamClock()
    for number in range(200):
        late = 20.0 if number >= 50 else 0.0
        set_by = 45.0 if number >= 100 else 0.0
        steady = number * STEP + late
        at, is_jump = clock.place(number * STEP, START + steady + set_by, steady)
        assert at == pytest.approx(START + number * STEP + set_by, abs=0.02)
        assert is_jump == (number == 100)


def test_a_file_that_is_played_goes_on_when_our_clock_is_set() -> None:
    clock = StreamClock(is_played=True)
    for number in range(100):
        arrival = START + number * STEP - (7200.0 if number >= 50 else 0.0)
        at, _ = clock.place(number * STEP, arrival, number * STEP)
        assert at == pytest.approx(arrival, abs=0.01)


def test_clocks_are_read_at_one_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    steady = itertools.chain([0.0, 5.0], itertools.count(5.0, 0.001))
    monkeypatch.setattr(
        clock_module, "time", SimpleNamespace(monotonic=lambda: next(steady), time=lambda: START)
    )
    wall, steady_seconds = clock_module.read_clocks()
    assert wall == START
    assert steady_seconds == pytest.approx(5.001)

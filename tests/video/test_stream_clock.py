"""The clock of a live source: true times whatever jumps, the camera's clock or our own."""

from __future__ import annotations

import itertools

import pytest

from oneclick.video.streams.clock import StreamClock

START = 1_800_000_000.0
STEP = 0.04


@pytest.mark.parametrize("set_by", [-3600.0, -90.0, 90.0, 3600.0])
@pytest.mark.parametrize("is_stamped", [True, False])
def test_times_follow_our_clock_when_it_is_set(set_by: float, is_stamped: bool) -> None:
    clock, jumps = StreamClock(), []
    for number in range(200):
        arrival = START + number * STEP + (set_by if number >= 100 else 0.0)
        at, is_jump = clock.place(number * STEP if is_stamped else arrival, arrival)
        assert at == pytest.approx(arrival, abs=0.01)
        jumps += [number] * is_jump
    assert jumps == [100]


def test_packets_that_were_held_up_keep_their_times() -> None:
    clock, times = StreamClock(), []
    for number in range(200):
        taken = START + number * STEP
        late = 20.0 if 100 <= number < 150 else 0.0
        at, is_jump = clock.place(number * STEP, taken + late)
        assert not is_jump
        times.append(at - START)
    assert times == pytest.approx([number * STEP for number in range(200)], abs=0.02)


def test_times_never_go_back_when_the_first_packets_came_late() -> None:
    clock = StreamClock()
    arrivals = [START + max(3.0, number * STEP) for number in range(100)]
    times = [clock.place(number * STEP, at)[0] for number, at in enumerate(arrivals)]
    assert all(later >= time for time, later in itertools.pairwise(times))
    assert times[-1] == pytest.approx(arrivals[-1], abs=0.02)

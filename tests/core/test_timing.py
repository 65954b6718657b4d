"""A few points give the true time of every frame, and no span goes across a break."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oneclick.core.spans import Span
from oneclick.core.timing import CONSTANT, MOST_POINTS, describe_times


def test_an_even_video_needs_no_points() -> None:
    assert describe_times(np.arange(1000) / 25, [], 25.0) == CONSTANT
    assert CONSTANT.seconds_at(100, 25.0) == 4.0
    assert CONSTANT.stretches(7) == [Span(0, 7)]


def test_a_phone_that_slows_down_keeps_its_times() -> None:
    times = np.concatenate([np.arange(120) / 30, 4 + np.arange(120) / 6])
    timing = describe_times(times, [], 12.0)
    assert len(timing.frames) <= 5
    assert [timing.seconds_at(k, 12.0) for k in range(240)] == pytest.approx(times, abs=0.001)
    assert timing.rate_of(Span(0, 90), 12.0) == pytest.approx(30)
    assert timing.rate_of(Span(150, 180), 12.0) == pytest.approx(6)


def test_a_break_divides_a_video() -> None:
    times = np.where(np.arange(100) < 40, np.arange(100) / 10, 3600 + np.arange(100) / 10)
    timing = describe_times(times, [40], 10.0)
    assert timing.stretches(100) == [Span(0, 40), Span(40, 100)]
    assert [timing.stretch_at(k, 100) for k in (0, 39, 40, 99)] == [
        *[Span(0, 40)] * 2,
        *[Span(40, 100)] * 2,
    ]
    assert timing.seconds_at(39, 10.0) == pytest.approx(3.9)
    assert timing.seconds_at(40, 10.0) == pytest.approx(3604)
    assert timing.seconds_at(100, 10.0) == pytest.approx(3610)


@given(
    steps=st.lists(st.floats(0.005, 2.0), min_size=1, max_size=400),
    breaks=st.sets(st.integers(1, 399), max_size=5),
)
def test_described_times_stay_near_the_true_ones(steps: list[float], breaks: set[int]) -> None:
    times = np.concatenate([[0.0], np.cumsum(steps)])
    starts = sorted(frame for frame in breaks if frame < len(times))
    timing = describe_times(times, starts, 25.0)
    assert len(timing.frames) <= max(MOST_POINTS, 2 * (len(starts) + 2))
    described = [timing.seconds_at(k, 25.0) for k in range(len(times))]
    assert np.abs(np.array(described) - times).max() < 2.5
    assert (np.diff(described) > 0).all()
    if len(times) < MOST_POINTS:
        assert described == pytest.approx(times, abs=0.001)

"""Time stamps are repaired where a few are mad, and break where time jumps."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from oneclick.video import stamps

EVEN = np.arange(200) / 25
Change = Callable[[NDArray[np.float64]], None]


def set_at(frames: object, value: float) -> Change:
    def change(times: NDArray[np.float64]) -> None:
        times[frames] = value  # type: ignore[call-overload]

    return change


def add_at(frames: object, value: float) -> Change:
    def change(times: NDArray[np.float64]) -> None:
        times[frames] += value  # type: ignore[call-overload]

    return change


REPAIRED: dict[str, tuple[Change, int]] = {
    "hours ahead now and then": (add_at(slice(30, None, 50), 40_000.0), 4),
    "half a second ahead": (add_at(60, 0.5), 1),
    "the same as before": (set_at(60, EVEN[59]), 1),
    "six in a row": (add_at(slice(60, 66), 1000.0), 6),
    "the last but two": (add_at(-3, 1000.0), 1),
    "missing": (set_at(slice(0, None, 3), np.nan), 67),
}


@pytest.mark.parametrize("name", REPAIRED)
def test_a_few_mad_stamps_are_repaired(name: str) -> None:
    change, count = REPAIRED[name]
    times = EVEN.copy()
    change(times)
    settled = stamps.settle(times, 0.1)
    assert settled.seconds == pytest.approx(EVEN)
    assert (settled.repaired, len(settled.breaks)) == (count, 0)
    assert 1 / settled.step == pytest.approx(25)


@pytest.mark.parametrize("jump", [-4.0, -1000.0, 30.0, 3600.0, 86400.0 * 30])
def test_a_jump_that_stays_is_a_break(jump: float) -> None:
    times = EVEN.copy()
    times[100:] += jump
    settled = stamps.settle(times, 0.1)
    assert settled.breaks.tolist() == [100]
    assert 1 / settled.step == pytest.approx(25)
    is_told = 0 < jump <= stamps.LONGEST_GAP
    assert settled.seconds[100] == pytest.approx(4.0 + (jump if is_told else 0.0))


@pytest.mark.parametrize("times", [np.full(50, np.nan), np.zeros(50), np.arange(50)[::-1] * 1.0])
def test_stamps_that_say_nothing_give_even_frames(times: NDArray[np.float64]) -> None:
    settled = stamps.settle(times.astype(float), 0.1)
    assert settled.is_worthless
    assert settled.seconds == pytest.approx(np.arange(50) * 0.1)


@given(
    noise=st.lists(st.tuples(st.integers(0, 199), st.floats(-1e6, 1e6)), max_size=40),
    jumps=st.lists(st.tuples(st.integers(1, 199), st.floats(-1e4, 1e4)), max_size=4),
)
@example(noise=[(0, -56.0), (189, 0.04)], jumps=[(1, 1.0)])
def test_settled_times_always_ascend(
    noise: list[tuple[int, float]], jumps: list[tuple[int, float]]
) -> None:
    times = EVEN.copy()
    for at, amount in jumps:
        times[at:] += amount
    for at, amount in noise:
        times[at] += amount
    settled = stamps.settle(times, 0.04)
    assert (np.diff(settled.seconds) > 0).all()
    assert (np.diff(settled.breaks) > 0).all()


REORDERED = EVEN.reshape(-1, 4)[:, [0, 3, 1, 2]].ravel()


def with_gap(times: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(np.arange(200) >= 100, times + 3600, times)


def mad(times: NDArray[np.float64], at: int) -> NDArray[np.float64]:
    return np.where(np.arange(200) == at, times + 3600, times)


@pytest.mark.parametrize(
    ("times", "is_sound"),
    [
        (EVEN, True),
        (REORDERED, True),
        (with_gap(EVEN), True),
        (with_gap(REORDERED), True),
        (mad(EVEN, 30), False),
        (mad(REORDERED, 195), False),
        (np.where(np.arange(200) >= 100, EVEN - 4, EVEN), False),
        (np.full(200, np.nan), False),
    ],
)
def test_sorted_stamps_are_the_order_only_where_nothing_crosses_a_jump(
    times: NDArray[np.float64], is_sound: bool
) -> None:
    assert stamps.order_is_sound(times) == is_sound


def test_a_few_lost_frames_do_not_change_the_rate_and_many_do() -> None:
    few = np.delete(EVEN, [50, 51, 120])
    many = np.delete(EVEN, np.arange(4, 200, 5))
    assert 1 / stamps.settle(few, 0.1).step == pytest.approx(25)
    assert 1 / stamps.settle(many, 0.1).step == pytest.approx(25 * 0.8, rel=0.01)

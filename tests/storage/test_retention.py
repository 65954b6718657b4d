from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from oneclick.storage import retention
from oneclick.storage.retention import ClockReading

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def reading(wall: timedelta, uptime: timedelta | None = None, boot: str = "b") -> ClockReading:
    """Clocks after `wall` of the clock and `uptime` of the machine."""
    up = wall if uptime is None else uptime
    return ClockReading(wall=NOON + wall, boot=boot, uptime=1000 + up.total_seconds())


# what the clock and the uptime show at the second maintenance, and what has surely passed
SECOND = {
    "a day later": (reading(DAY), DAY),
    "a week later": (reading(7 * DAY), 7 * DAY),
    "clock 40 days ahead": (reading(40 * DAY, timedelta(hours=1)), timedelta(hours=1)),
    "clock back": (reading(-9 * DAY, DAY), DAY),
    "restarted, a day later": (reading(DAY, timedelta(), "c"), DAY),
    "restarted, clock 40 days ahead": (reading(40 * DAY, timedelta(), "c"), DAY),
    "restarted, clock back": (reading(-9 * DAY, timedelta(), "c"), timedelta()),
    "another host": (reading(DAY / 2, timedelta(), ""), DAY / 2),
}


@pytest.mark.parametrize("case", SECOND)
def test_time_goes_on_by_what_has_surely_passed(case: str, tmp_path: Path) -> None:
    second, passed = SECOND[case]
    path = tmp_path / "retention.json"
    first = retention.advance(path, {}, NOON, reading(timedelta()))
    assert first.at == NOON
    assert retention.advance(path, {}, NOON + 99 * DAY, second).at == NOON + passed


def test_at_first_the_catalog_knows_the_time_better_than_a_clock_that_is_ahead(
    tmp_path: Path,
) -> None:
    ahead = reading(40 * DAY)
    assert retention.advance(tmp_path / "a.json", {}, NOON, ahead).at == NOON
    assert retention.advance(tmp_path / "b.json", {}, NOON + 99 * DAY, ahead).at == ahead.wall
    (tmp_path / "c.json").write_bytes(b"{")
    assert retention.advance(tmp_path / "c.json", {}, NOON, ahead).at == NOON


def test_a_recording_written_under_a_clock_far_back_is_no_older_than_its_arrival(
    tmp_path: Path,
) -> None:
    path, raw = tmp_path / "retention.json", tmp_path / "raw.mp4"
    retention.advance(path, {}, NOON, reading(timedelta()))
    raw.write_bytes(b"video")
    os.utime(raw, (0, 0))
    state = retention.advance(path, {"v": raw}, NOON, reading(DAY))
    assert state.births == {"v": NOON}
    assert retention.advance(path, {"v": raw}, NOON, reading(9 * DAY)).births == {"v": NOON}
    assert retention.advance(path, {}, NOON, reading(10 * DAY)).births == {}


def test_the_clocks_of_this_machine_can_be_read() -> None:
    first, second = ClockReading.now(), ClockReading.now()
    assert timedelta() <= second.since(first) < DAY

"""A day begins at midnight, on the days on which clocks are changed too."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from oneclick.report import buckets

DAYS = [
    ("2026-03-08T04:59:59", 0, "2026-03-07T05:00:00"),  # a second before midnight
    ("2026-03-08T05:00:00", 0, "2026-03-08T05:00:00"),
    ("2026-03-08T22:00:00", 0, "2026-03-08T05:00:00"),  # clocks went forward at 7:00 UTC
    ("2026-03-09T12:00:00", 1, "2026-03-08T05:00:00"),
    ("2026-03-09T12:00:00", 7, "2026-03-02T05:00:00"),
    ("2026-11-01T23:00:00", 0, "2026-11-01T04:00:00"),  # they went back at 6:00 UTC
    ("2026-11-02T12:00:00", 6, "2026-10-27T04:00:00"),
    ("2027-01-01T03:00:00", 0, "2026-12-31T05:00:00"),
]
"""A time, days before it, and when that day began in New York; all UTC."""


@pytest.fixture
def new_york(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let this machine stand in New York."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "EST5EDT,M3.2.0,M11.1.0")
        time.tzset()
        yield
    time.tzset()


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(("at", "days", "start"), DAYS)
def test_a_day_begins_at_midnight_of_a_zone(at: str, days: int, start: str) -> None:
    assert buckets.day_start(utc(at), ZoneInfo("America/New_York"), days) == utc(start)


@pytest.mark.usefixtures("new_york")
@pytest.mark.parametrize(("at", "days", "start"), DAYS)
def test_a_day_begins_at_midnight_of_this_machine(at: str, days: int, start: str) -> None:
    assert buckets.day_start(utc(at), None, days) == utc(start)

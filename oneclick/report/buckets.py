"""Rounding of times to minutes, to longer buckets and to days."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta, tzinfo

HOUR = timedelta(hours=1)


def full_minute(at: datetime) -> datetime:
    """Return the full minute that contains a time."""
    return at.replace(second=0, microsecond=0)


def bucket_end(at: datetime, seconds: int) -> datetime:
    """Round a time up to the next multiple of `seconds` since 1970; a multiple stays as it is."""
    return at + timedelta(seconds=-at.timestamp() % seconds)


def day_start(at: datetime, zone: tzinfo | None, days: int = 0) -> datetime:
    """Return the midnight before a time, UTC; on the day on which clocks are changed too.

    Args:
        at: timezone-aware.
        zone: whose midnight it is; None is the zone of this machine.
        days: how many days earlier the day is.
    """
    day = at.astimezone(zone).date() - timedelta(days=days)
    # Without a zone it is local time, with the offset that was valid then.
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)

"""Rounding of times to minutes and to longer buckets."""

from __future__ import annotations

from datetime import datetime, timedelta

HOUR = timedelta(hours=1)


def full_minute(at: datetime) -> datetime:
    """Return the full minute that contains a time."""
    return at.replace(second=0, microsecond=0)


def bucket_end(at: datetime, seconds: int) -> datetime:
    """Round a time up to the next multiple of `seconds` since 1970; a multiple stays as it is."""
    return at + timedelta(seconds=-at.timestamp() % seconds)

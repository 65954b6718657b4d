"""Ends of minutes and of longer buckets of time."""

from __future__ import annotations

from datetime import datetime, timedelta

HOUR = timedelta(hours=1)


def minute(at: datetime) -> datetime:
    """The full minute in which a moment lies."""
    return at.replace(second=0, microsecond=0)


def end(at: datetime, seconds: int) -> datetime:
    """The end of the bucket in which a moment lies; a bucket's own start ends the one before."""
    return at + timedelta(seconds=-at.timestamp() % seconds)

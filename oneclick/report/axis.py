"""Labels of the time axis of a timeline: dates, and hours or days below them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from oneclick.report.windows import DAY, HOUR

Label = tuple[int, str]
"""Column, and the text that begins there."""
TICKS = tuple(HOUR * hours for hours in (1, 2, 3, 4, 6, 12))


def dates(starts: Sequence[datetime], size: int) -> Iterator[Label]:
    """Label each new day with its date, or each new month for buckets of a day and longer."""
    date_format = "%Y-%m" if size >= DAY else "%Y-%m-%d"
    texts = [f"{start:{date_format}}" for start in starts]
    return ((k, text) for k, text in enumerate(texts) if k == 0 or text != texts[k - 1])


def hours(starts: Sequence[datetime], size: int, spacing: int) -> Iterator[Label]:
    """Label full hours, or days of the month, at least `spacing` columns apart.

    Args:
        starts: start of each column.
        size: seconds of one column.
        spacing: columns.
    """
    if size >= DAY:
        return ((k, f"{t:%d}") for k, t in enumerate(starts) if k % spacing == 0)
    tick = next((tick for tick in TICKS if tick % size == 0 and tick // size >= spacing), DAY)
    return ((k, f"{t:%H}") for k, t in enumerate(starts) if t.timestamp() % tick == 0)


def duration(seconds: float) -> str:
    """Format a duration in hours, or in minutes below one hour."""
    return f"{seconds / HOUR:,.1f} h" if seconds >= HOUR else f"{seconds / 60:.1f} min"

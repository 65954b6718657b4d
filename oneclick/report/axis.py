"""What stands at the time axis of a timeline: dates, and hours or days below them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from oneclick.report.windows import DAY, HOUR

Label = tuple[int, str]
"""Column, and the text that begins there."""
TICKS = tuple(HOUR * hours for hours in (1, 2, 3, 4, 6, 12))


def dates(starts: Sequence[datetime], size: int) -> Iterator[Label]:
    """The date where a new day begins, or the month for buckets of a day and longer."""
    form = "%Y-%m" if size >= DAY else "%Y-%m-%d"
    texts = [f"{start:{form}}" for start in starts]
    return ((k, text) for k, text in enumerate(texts) if k == 0 or text != texts[k - 1])


def hours(starts: Sequence[datetime], size: int, room: int) -> Iterator[Label]:
    """Full hours, or days of the month, at least `room` columns apart."""
    if size >= DAY:
        return ((k, f"{t:%d}") for k, t in enumerate(starts) if k % room == 0)
    tick = next((tick for tick in TICKS if tick % size == 0 and tick // size >= room), DAY)
    full = ((k, t) for k, t in enumerate(starts) if t.timestamp() % tick == 0)
    return ((k, f"{t:%H}") for k, t in full)


def length(seconds: float) -> str:
    """A length of video in hours, or in minutes below one."""
    return f"{seconds / HOUR:,.1f} h" if seconds >= HOUR else f"{seconds / 60:.1f} min"

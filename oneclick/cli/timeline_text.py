"""A timeline as text: a row for each camera, a column for each bucket, a block for its hits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import inf
from typing import TYPE_CHECKING

from oneclick.cli import time_arguments

if TYPE_CHECKING:
    from oneclick.report.timeline import CameraTimeline, Timeline

BLOCKS = "▁▂▃▄▅▆▇█"
NO_HITS, NO_VIDEO = "·", " "
INDENT = "  "
TOTALS = "{:>7}  {:>8}"


def column_count(timeline: Timeline, width: int, by_trigger: bool) -> int:
    """Return how many buckets fit beside labels and totals in a terminal of `width` characters."""
    return width - _label_width(timeline, by_trigger) - len(TOTALS.format("", "")) - 2


def lines(timeline: Timeline, by_trigger: bool) -> Iterator[str]:
    """Yield the time axis, a line per camera (and per trigger, with `by_trigger`), and a legend."""
    from oneclick.report import axis

    label, starts = _label_width(timeline, by_trigger), timeline.columns
    dates = place_labels(axis.dates(starts, timeline.bucket_seconds))
    hours = place_labels(axis.hours(starts, timeline.bucket_seconds, 3), len(starts))
    yield f"{'':{label}}  {dates}"
    yield f"{'camera':{label}}  {hours:{len(starts)}}{TOTALS.format('hits', 'video')}"
    for line in timeline.cameras:
        total = TOTALS.format(f"{sum(line.hits.values()):,}", axis.duration(line.seconds))
        yield f"{line.camera:{label}}  {_strip(line, timeline)}{total}"
        for name in timeline.triggers if by_trigger else ():
            if name in line.hits:
                text = _strip(line, timeline, name)
                yield f"{INDENT + name:{label}}  {text}{line.hits[name]:>7,}"
    yield legend(timeline)


def legend(timeline: Timeline) -> str:
    """Return the line that explains the characters of the strips."""
    ends = [1, timeline.top] if timeline.top > 1 else [1]
    scale = " … ".join(f"{_block(hits, timeline)} {hits:,}" for hits in ends)
    size = time_arguments.format_duration(timeline.bucket_seconds)
    return f"hits in {size} (log): {scale}   {NO_HITS} no hits   blank: no video   times in UTC"


def _label_width(timeline: Timeline, by_trigger: bool) -> int:
    names = ["camera", *(line.camera for line in timeline.cameras)]
    if by_trigger:
        names += [INDENT + name for name in timeline.triggers]
    return max(map(len, names))


def _strip(line: CameraTimeline, timeline: Timeline, trigger: str | None = None) -> str:
    """Return one character per bucket for the hits of one trigger, or of all of them."""
    by_start = {cell.start: cell for cell in line.cells}
    cells = (by_start.get(start) for start in timeline.columns)
    return "".join(_block(cell.count(trigger), timeline) if cell else NO_VIDEO for cell in cells)


def _block(hits: int, timeline: Timeline) -> str:
    return BLOCKS[round(timeline.heat(hits) * (len(BLOCKS) - 1))] if hits else NO_HITS


def place_labels(labels: Iterable[tuple[int, str]], width: float = inf) -> str:
    """Return a line with each text at its column.

    A text that would touch the one before it, or reach beyond `width`, is left out.
    """
    line = ""
    for column, text in labels:
        if (not line or column > len(line)) and column + len(text) <= width:
            line = line.ljust(column) + text
    return line

"""A timeline as text: a row for each camera, a column for each bucket, a block for its hits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import inf
from typing import TYPE_CHECKING

from oneclick.cli import when

if TYPE_CHECKING:
    from oneclick.report.timeline import CameraLine, Timeline

BLOCKS = "▁▂▃▄▅▆▇█"
NO_HITS, NO_VIDEO = "·", " "
INDENT = "  "
TOTALS = "{:>7}  {:>8}"


def columns(whole: Timeline, width: int, by_trigger: bool) -> int:
    """Buckets that fit beside names and totals in a terminal of this width."""
    return width - _label(whole, by_trigger) - len(TOTALS.format("", "")) - 2


def lines(shown: Timeline, by_trigger: bool) -> Iterator[str]:
    """Axis, one line a camera and, if wanted, one for each trigger below it, and the legend."""
    from oneclick.report import axis

    label, starts = _label(shown, by_trigger), shown.columns
    dates = _placed(axis.dates(starts, shown.bucket_seconds))
    hours = _placed(axis.hours(starts, shown.bucket_seconds, 3), len(starts))
    yield f"{'':{label}}  {dates}"
    yield f"{'camera':{label}}  {hours:{len(starts)}}{TOTALS.format('hits', 'video')}"
    for line in shown.cameras:
        total = TOTALS.format(f"{sum(line.hits.values()):,}", axis.length(line.seconds))
        yield f"{line.camera:{label}}  {_strip(line, shown)}{total}"
        for name in _triggers(line, shown) if by_trigger else ():
            text = _strip(line, shown, name)
            yield f"{INDENT + name:{label}}  {text}{line.hits[name]:>7,}"
    yield legend(shown)


def legend(shown: Timeline) -> str:
    """What the characters mean."""
    ends = [1, shown.top] if shown.top > 1 else [1]
    scale = " … ".join(f"{_block(hits, shown)} {hits:,}" for hits in ends)
    size = when.short(shown.bucket_seconds)
    return f"hits in {size} (log): {scale}   {NO_HITS} no hits   blank: no video   times in UTC"


def _label(whole: Timeline, by_trigger: bool) -> int:
    names = ["camera", *(line.camera for line in whole.cameras)]
    if by_trigger:
        names += [INDENT + name for name in whole.triggers]
    return max(map(len, names))


def _triggers(line: CameraLine, shown: Timeline) -> list[str]:
    return [name for name in shown.triggers if name in line.hits]


def _strip(line: CameraLine, shown: Timeline, trigger: str | None = None) -> str:
    cells = {cell.start: cell for cell in line.cells}
    found = (cells.get(start) for start in shown.columns)
    return "".join(_block(cell.count(trigger), shown) if cell else NO_VIDEO for cell in found)


def _block(hits: int, shown: Timeline) -> str:
    return BLOCKS[round(shown.heat(hits) * (len(BLOCKS) - 1))] if hits else NO_HITS


def _placed(labels: Iterable[tuple[int, str]], room: float = inf) -> str:
    """Each text at its column, but none that would touch the one before it or leave the room."""
    line = ""
    for column, text in labels:
        if (not line or column > len(line)) and column + len(text) <= room:
            line = line.ljust(column) + text
    return line

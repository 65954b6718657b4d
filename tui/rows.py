"""Lines of coloured text as plain values: what a panel draws before any widget is involved."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

Part = tuple[str, str]
"""Text, and its style: a colour `#rrggbb`, perhaps with `bold`, `reverse` or `on #rrggbb`."""
Row = list[Part]
ELLIPSIS = "…"
BLOCKS = "▁▂▃▄▅▆▇█"


def width(row: Iterable[Part]) -> int:
    """Cells that a row takes."""
    return sum(cell_len(text) for text, _ in row)


def clip(text: str, room: int) -> str:
    """At most `room` cells, with an ellipsis where something was cut off."""
    if cell_len(text) <= room:
        return text
    return set_cell_size(text, max(room - 1, 0)) + (ELLIPSIS if room > 0 else "")


def middle(text: str, room: int) -> str:
    """At most `room` cells; of a long id both ends stay."""
    if cell_len(text) <= room or room < 8:
        return clip(text, room)
    head = (room - 1) // 3
    return text[:head] + ELLIPSIS + text[-(room - 1 - head) :]


def left(text: str, room: int) -> str:
    """Exactly `room` cells, text to the left."""
    return set_cell_size(clip(text, room), room)


def right(text: str, room: int) -> str:
    """Exactly `room` cells, text to the right."""
    text = clip(text, room)
    return " " * (room - cell_len(text)) + text


def fit(row: Row, room: int) -> Row:
    """A row of exactly `room` cells."""
    made: Row = []
    for text, style in row:
        if cell_len(text) >= room:
            return [*made, (clip(text, room), style)]
        made.append((text, style))
        room -= cell_len(text)
    return [*made, (" " * room, "")]


def spread(begin: Row, end: Row, room: int) -> Row:
    """One part to the left, one to the right; the left one gives way."""
    space = room - width(end)
    return [*fit(begin, max(space, 0)), *end]


def on(row: Row, colour: str) -> Row:
    """The same before another background."""
    return [(text, f"{style} on {colour}") for text, style in row]


def plain(rows: Iterable[Row]) -> list[str]:
    """Without colours."""
    return ["".join(text for text, _ in row).rstrip() for row in rows]


def spark(values: Sequence[float]) -> str:
    """A block for each value, from nothing to the largest."""
    top = max(values, default=0)
    if top <= 0:
        return BLOCKS[0] * len(values)
    return "".join(BLOCKS[min(int(value / top * 8), 7)] for value in values)


@functools.cache
def style(text: str) -> Style:
    """Parsed once."""
    return Style.parse(text) if text else Style.null()


def strip(row: Row, room: int, ground: Style) -> Strip:
    """As Textual paints it."""
    segments = [Segment(text, ground + style(how)) for text, how in fit(row, room)]
    return Strip(segments, room)

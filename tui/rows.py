"""Rows of coloured text as plain values: what a panel draws before any widget is involved.

Widths count terminal cells: most characters take one, wide ones two.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from oneclick.core import visible

StyledText = tuple[str, str]
"""Text, and its style: a colour `#rrggbb`, perhaps with `bold`, `reverse` or `on #rrggbb`."""
StyledRow = list[StyledText]
ELLIPSIS = "…"
BLOCKS = "▁▂▃▄▅▆▇█"


def row_width(row: Iterable[StyledText]) -> int:
    """Return the cells that a row takes."""
    return sum(cell_len(text) for text, _ in row)


def shorten(text: str, width: int) -> str:
    """Cut the text to at most `width` cells, with an ellipsis at the end if anything is cut.

    Hidden characters are shown as escapes, here and in `to_strip`: what a panel measures is what
    is painted.
    """
    text = visible.line(text)
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, max(width - 1, 0)) + (ELLIPSIS if width > 0 else "")


def shorten_middle(text: str, width: int) -> str:
    """Cut the text to at most `width` cells in its middle, so that both ends of an id stay."""
    text = visible.line(text)
    if cell_len(text) <= width or width < 8:
        return shorten(text, width)
    head = (width - 1) // 3
    return text[:head] + ELLIPSIS + text[-(width - 1 - head) :]


def align_left(text: str, width: int) -> str:
    """Cut or pad the text to exactly `width` cells, aligned to the left."""
    return set_cell_size(shorten(text, width), width)


def align_right(text: str, width: int) -> str:
    """Cut or pad the text to exactly `width` cells, aligned to the right."""
    text = shorten(text, width)
    return " " * (width - cell_len(text)) + text


def fit(row: StyledRow, width: int) -> StyledRow:
    """Cut or pad a row to exactly `width` cells."""
    fitted: StyledRow = []
    for text, style in row:
        if cell_len(text) >= width:
            return [*fitted, (shorten(text, width), style)]
        fitted.append((text, style))
        width -= cell_len(text)
    return [*fitted, (" " * width, "")]


def justify(start: StyledRow, end: StyledRow, width: int) -> StyledRow:
    """Place `start` at the left and `end` at the right of `width` cells; `start` is cut to fit."""
    space = width - row_width(end)
    return [*fit(start, max(space, 0)), *end]


def with_background(row: StyledRow, colour: str) -> StyledRow:
    """Return the row with another background colour."""
    return [(text, f"{style} on {colour}") for text, style in row]


def sparkline(values: Sequence[float]) -> str:
    """Return a block character for each value, scaled from 0 to the largest value."""
    top = max(values, default=0)
    if top <= 0:
        return BLOCKS[0] * len(values)
    return "".join(BLOCKS[min(int(value / top * 8), 7)] for value in values)


@functools.cache
def parse_style(text: str) -> Style:
    """Parse a style of Rich; cached, as the same few styles are painted all the time."""
    return Style.parse(text) if text else Style.null()


def to_strip(row: StyledRow, width: int, background: Style) -> Strip:
    """Convert a row into the strip that Textual paints."""
    row = [(visible.line(text), style) for text, style in row]
    segments = [Segment(text, background + parse_style(style)) for text, style in fit(row, width)]
    return Strip(segments, width)

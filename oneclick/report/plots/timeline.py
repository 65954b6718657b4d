"""A timeline drawn as a picture: cameras and triggers down, time across, colour for hits."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from oneclick.report import axis
from oneclick.report.plots import figure as pages
from oneclick.report.plots.figure import Colour, Page
from oneclick.report.timeline import CameraLine, Timeline
from oneclick.report.windows import DAY, HOUR

INK: Colour = (33, 37, 41)
GREY: Colour = (92, 99, 107)
RULE: Colour = (173, 181, 189)
NO_HITS: Colour = (230, 234, 238)
HEAT = np.array([(255, 222, 115), (251, 152, 42), (216, 51, 60), (92, 12, 66)], np.float64)
"""From one hit to the most; each darker than the one before, so that it reads in grey too."""

MARGIN, HEAD, AXIS, FOOT = 24, 46, 34, 60
CAMERA_ROW, TRIGGER_ROW, SPACE = 24, 14, 12
CELLS, NARROW, WIDE = 960, 3, 28
"""Most units of all cells together; least and most of one."""
TOTALS = (56, 124)
"""Where the columns of totals end, right of the cells."""
RAMP = 160
"""Units of the colour scale."""
LEAST = 480
"""Units that title and legend need."""


def draw(whole: Timeline, by_trigger: bool = True) -> Page:
    """The timeline on a page; buckets are joined where there are too many to be seen."""
    chart = _Chart(whole.fitting(CELLS // NARROW), by_trigger)
    page = Page.blank(chart.width, chart.bottom + FOOT)
    _head(page, chart)
    _axis(page, chart)
    for row in chart.rows:
        _row(page, chart, row)
    _legend(page, chart)
    return page


@dataclass(frozen=True)
class _Row:
    """A camera, or one of its triggers, `y` units from the top."""

    line: CameraLine
    trigger: str | None
    y: float

    @property
    def height(self) -> float:
        return TRIGGER_ROW if self.trigger else CAMERA_ROW

    @property
    def hits(self) -> int:
        return self.line.hits[self.trigger] if self.trigger else sum(self.line.hits.values())

    @property
    def label(self) -> tuple[str, float]:
        """Text and its size."""
        return (self.trigger, 6.5) if self.trigger else (self.line.camera, 9)


@dataclass(frozen=True)
class _Chart:
    """Where everything stands, in units of the layout."""

    shown: Timeline
    by_trigger: bool

    @cached_property
    def rows(self) -> list[_Row]:
        """Cameras from the top down, each above its triggers."""
        rows: list[_Row] = []
        y = float(HEAD + AXIS)
        for line in self.shown.cameras:
            names = [name for name in self.shown.triggers if name in line.hits]
            for name in [None, *names] if self.by_trigger else [None]:
                rows.append(_Row(line, name, y))
                y += rows[-1].height + 1
            y += SPACE
        return rows

    @cached_property
    def left(self) -> float:
        """Where the cells begin."""
        return MARGIN + 14 + max((pages.width(*row.label) for row in self.rows), default=0)

    @cached_property
    def cell(self) -> float:
        """Width of one column."""
        return float(np.clip(CELLS / max(len(self.shown.columns), 1), NARROW, WIDE))

    @property
    def right(self) -> float:
        """Where the cells end."""
        return self.left + self.cell * len(self.shown.columns)

    @property
    def width(self) -> float:
        return max(self.right + TOTALS[-1], self.left + LEAST) + MARGIN

    @property
    def bottom(self) -> float:
        """Where the rows end."""
        return self.rows[-1].y + self.rows[-1].height if self.rows else HEAD + AXIS


def _head(page: Page, chart: _Chart) -> None:
    shown = chart.shown
    page.text(MARGIN, MARGIN + 12, f"Hits per {_size(shown.bucket_seconds)}", INK, 12)
    if shown.start and shown.stop:
        text = f"{shown.start:%Y-%m-%d %H:%M} to {shown.stop:%Y-%m-%d %H:%M} UTC"
        page.text(chart.width - MARGIN, MARGIN + 12, text, GREY, 8, right=True)


def _axis(page: Page, chart: _Chart) -> None:
    shown, y = chart.shown, HEAD + AXIS
    free = -1.0
    for column, text in axis.dates(shown.columns, shown.bucket_seconds):
        x = chart.left + column * chart.cell
        page.fill(x, y - 24, 1, chart.bottom - y + 24, RULE)
        if x > free:
            page.text(x + 4, y - 16, text, INK, 7.5)
            free = x + pages.width(text, 7.5) + 8
    room = int(np.ceil(22 / chart.cell))
    for column, text in axis.hours(shown.columns, shown.bucket_seconds, room):
        page.text(chart.left + column * chart.cell + 4, y - 4, text, GREY, 6.5)
    for end, text in zip(TOTALS, ("hits", "video"), strict=True):
        page.text(chart.right + end, y - 4, text, GREY, 6.5, right=True)


def _row(page: Page, chart: _Chart, row: _Row) -> None:
    text, size = row.label
    colour, base = (GREY if row.trigger else INK), row.y + (row.height + size) / 2
    page.text(chart.left - 10, base, text, colour, size, right=True)
    step, gap = chart.shown.bucket_seconds, 0.5 if chart.cell < 8 else 1
    for cell in row.line.cells:
        column = (cell.start - chart.shown.columns[0]).total_seconds() // step
        hits = cell.count(row.trigger)
        shade = _shade(chart.shown.heat(hits)) if hits else NO_HITS
        x = chart.left + column * chart.cell + gap
        page.fill(x, row.y, chart.cell - gap, row.height, shade)
    page.text(chart.right + TOTALS[0], base, f"{row.hits:,}", colour, 7.5, right=True)
    if not row.trigger:
        hours = axis.length(row.line.seconds)
        page.text(chart.right + TOTALS[1], base, hours, GREY, 7.5, right=True)


def _legend(page: Page, chart: _Chart) -> None:
    x, y = chart.left, chart.bottom + 22
    page.fill(x, y, 20, 12, NO_HITS)
    page.text(x + 26, y + 10, "no hits", GREY, 6.5)
    page.text(x + 82, y + 10, "blank: no video", GREY, 6.5)
    x += 190
    for k in range(RAMP):
        page.fill(x + k, y, 1, 12, _shade(k / (RAMP - 1)))
    for hits in _marks(chart.shown):
        page.text(x + RAMP * chart.shown.heat(hits), y + 23, f"{hits:,}", GREY, 6.5)
    page.text(x + RAMP + 10, y + 10, "hits in one cell", GREY, 6.5)


def _marks(shown: Timeline) -> list[int]:
    """Round numbers of hits for the colour scale, and the most there are."""
    tens = [10**k for k in range(9) if 10**k * 2 <= shown.top]
    return list(dict.fromkeys([1, *tens, shown.top or 1]))


def _shade(heat: float) -> Colour:
    place = np.linspace(0, 1, len(HEAT))
    red, green, blue = (round(float(np.interp(heat, place, HEAT[:, k]))) for k in range(3))
    return red, green, blue


def _size(seconds: int) -> str:
    names = (("day", DAY), ("hour", HOUR), ("minute", 60), ("second", 1))
    name, unit = next((name, unit) for name, unit in names if seconds % unit == 0)
    return name if seconds == unit else f"{seconds // unit} {name}s"

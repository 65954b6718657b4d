"""A timeline as a picture: cameras and triggers down, time across, colour for hits."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from oneclick.report import axis
from oneclick.report.plots import figure
from oneclick.report.plots.figure import Colour, Page
from oneclick.report.timeline import CameraTimeline, Timeline
from oneclick.report.windows import DAY, HOUR

INK: Colour = (33, 37, 41)
GREY: Colour = (92, 99, 107)
RULE: Colour = (173, 181, 189)
NO_HITS: Colour = (230, 234, 238)
HEAT = np.array([(255, 222, 115), (251, 152, 42), (216, 51, 60), (92, 12, 66)], np.float64)
"""Colours from one hit to the most; each is darker than the one before, so that the scale works in
greyscale too."""

MARGIN, HEAD, AXIS, FOOT = 24, 46, 34, 60
CAMERA_ROW, TRIGGER_ROW, SPACE = 24, 14, 12
CELLS, NARROW, WIDE = 960, 3, 28
"""Largest width of all cells together; smallest and largest width of one."""
TOTALS = (56, 124)
"""Right ends of the columns of totals, from the right end of the cells."""
RAMP = 160
"""Width of the colour scale."""
MIN_WIDTH = 480
"""Width that title and legend need."""


def draw(timeline: Timeline, by_trigger: bool = True) -> Page:
    """Draw a timeline; buckets are merged where they would be too narrow."""
    chart = _TimelineChart(timeline.fit_columns(CELLS // NARROW), by_trigger)
    page = Page.blank(chart.width, chart.bottom + FOOT)
    chart.draw_title(page)
    chart.draw_axis(page)
    for row in chart.rows:
        chart.draw_row(page, row)
    chart.draw_legend(page)
    return page


@dataclass(frozen=True)
class _ChartRow:
    """A camera, or one of its triggers, `y` units from the top."""

    line: CameraTimeline
    trigger: str | None
    y: float

    @property
    def height(self) -> float:
        """Return the height of the row."""
        return TRIGGER_ROW if self.trigger else CAMERA_ROW

    @property
    def hits(self) -> int:
        """Return the number of hits in the row."""
        return self.line.hits[self.trigger] if self.trigger else sum(self.line.hits.values())

    @property
    def label(self) -> tuple[str, float]:
        """Return the label and its font size."""
        return (self.trigger, 6.5) if self.trigger else (self.line.camera, 9)


@dataclass(frozen=True)
class _TimelineChart:
    """Layout and drawing of a timeline, in units of the layout."""

    timeline: Timeline
    by_trigger: bool

    @cached_property
    def rows(self) -> list[_ChartRow]:
        """Return the cameras from the top down, each above its triggers."""
        rows: list[_ChartRow] = []
        y = float(HEAD + AXIS)
        for line in self.timeline.cameras:
            triggers = [name for name in self.timeline.triggers if name in line.hits]
            for trigger in [None, *triggers] if self.by_trigger else [None]:
                rows.append(_ChartRow(line, trigger, y))
                y += rows[-1].height + 1
            y += SPACE
        return rows

    @cached_property
    def columns_left(self) -> float:
        """Return the left end of the cells."""
        return MARGIN + 14 + max((figure.text_width(*row.label) for row in self.rows), default=0)

    @cached_property
    def column_width(self) -> float:
        """Return the width of one column."""
        return float(np.clip(CELLS / max(len(self.timeline.columns), 1), NARROW, WIDE))

    @property
    def columns_right(self) -> float:
        """Return the right end of the cells."""
        return self.columns_left + self.column_width * len(self.timeline.columns)

    @property
    def width(self) -> float:
        """Return the width of the page."""
        return max(self.columns_right + TOTALS[-1], self.columns_left + MIN_WIDTH) + MARGIN

    @property
    def bottom(self) -> float:
        """Return the lower end of the rows."""
        return self.rows[-1].y + self.rows[-1].height if self.rows else HEAD + AXIS

    def draw_title(self, page: Page) -> None:
        """Draw the title and the time window."""
        timeline = self.timeline
        title = f"Hits per {bucket_name(timeline.bucket_seconds)}"
        page.text(MARGIN, MARGIN + 12, title, INK, 12)
        if timeline.start and timeline.stop:
            text = f"{timeline.start:%Y-%m-%d %H:%M} to {timeline.stop:%Y-%m-%d %H:%M} UTC"
            page.text(self.width - MARGIN, MARGIN + 12, text, GREY, 8, right=True)

    def draw_axis(self, page: Page) -> None:
        """Draw dates and hours above the columns, and the headings of the totals."""
        starts, size, y = self.timeline.columns, self.timeline.bucket_seconds, HEAD + AXIS
        label_end = -1.0
        for column, text in axis.dates(starts, size):
            x = self.columns_left + column * self.column_width
            page.fill(x, y - 24, 1, self.bottom - y + 24, RULE)
            if x > label_end:
                page.text(x + 4, y - 16, text, INK, 7.5)
                label_end = x + figure.text_width(text, 7.5) + 8
        for column, text in axis.hours(starts, size, int(np.ceil(22 / self.column_width))):
            x = self.columns_left + column * self.column_width
            page.text(x + 4, y - 4, text, GREY, 6.5)
        for end, text in zip(TOTALS, ("hits", "video"), strict=True):
            page.text(self.columns_right + end, y - 4, text, GREY, 6.5, right=True)

    def draw_row(self, page: Page, row: _ChartRow) -> None:
        """Draw label, cells and totals of one row."""
        text, size = row.label
        colour, base = (GREY if row.trigger else INK), row.y + (row.height + size) / 2
        page.text(self.columns_left - 10, base, text, colour, size, right=True)
        step, gap = self.timeline.bucket_seconds, 0.5 if self.column_width < 8 else 1
        for cell in row.line.cells:
            column = (cell.start - self.timeline.columns[0]).total_seconds() // step
            hits = cell.count(row.trigger)
            shade = heat_colour(self.timeline.heat(hits)) if hits else NO_HITS
            x = self.columns_left + column * self.column_width + gap
            page.fill(x, row.y, self.column_width - gap, row.height, shade)
        page.text(self.columns_right + TOTALS[0], base, f"{row.hits:,}", colour, 7.5, right=True)
        if not row.trigger:
            video = axis.duration(row.line.seconds)
            page.text(self.columns_right + TOTALS[1], base, video, GREY, 7.5, right=True)

    def draw_legend(self, page: Page) -> None:
        """Draw the colour scale, with round numbers of hits and the largest below it."""
        x, y, top = self.columns_left, self.bottom + 22, self.timeline.top
        page.fill(x, y, 20, 12, NO_HITS)
        page.text(x + 26, y + 10, "no hits", GREY, 6.5)
        page.text(x + 82, y + 10, "blank: no video", GREY, 6.5)
        x += 190
        for k in range(RAMP):
            page.fill(x + k, y, 1, 12, heat_colour(k / (RAMP - 1)))
        tens = [10**k for k in range(9) if 10**k * 2 <= top]
        for hits in dict.fromkeys([1, *tens, top or 1]):
            page.text(x + RAMP * self.timeline.heat(hits), y + 23, f"{hits:,}", GREY, 6.5)
        page.text(x + RAMP + 10, y + 10, "hits in one cell", GREY, 6.5)


def heat_colour(heat: float) -> Colour:
    """Interpolate HEAT linearly; 0 is its first colour, 1 its last."""
    positions = np.linspace(0, 1, len(HEAT))
    red, green, blue = (round(float(np.interp(heat, positions, HEAT[:, k]))) for k in range(3))
    return red, green, blue


def bucket_name(seconds: int) -> str:
    """Format the length of a bucket, such as `hour` or `15 minutes`."""
    units = (("day", DAY), ("hour", HOUR), ("minute", 60), ("second", 1))
    name, unit = next((name, unit) for name, unit in units if seconds % unit == 0)
    return name if seconds == unit else f"{seconds // unit} {name}s"

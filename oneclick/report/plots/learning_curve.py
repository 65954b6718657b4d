"""The learning curve as a picture: small charts one below the other, weeks across."""

from __future__ import annotations

from collections.abc import Sequence

from oneclick.report import formatting
from oneclick.report.history import CURVES, WeekRow
from oneclick.report.plots import figure
from oneclick.report.plots.figure import Colour, Page

INK: Colour = (33, 37, 41)
GREY: Colour = (92, 99, 107)
RULE: Colour = (206, 212, 218)
LINE: Colour = (20, 99, 176)
LEFT, RIGHT, TOP, FOOT = 70, 90, 44, 40
HEIGHT, SPACE = 110, 44
WEEK = 46
MIN_WIDTH = 420
BLOCKS = "▁▂▃▄▅▆▇█"


def spark(values: Sequence[float | None]) -> str:
    """Draw one block character a value, from the least to the greatest; None is a blank."""
    numbers = [value for value in values if value is not None]
    low, high = min(numbers, default=0.0), max(numbers, default=0.0)
    blocks = []
    for value in values:
        if value is None:
            blocks.append(" ")
        else:
            share = (value - low) / (high - low) if high > low else 0.5
            blocks.append(BLOCKS[round(share * (len(BLOCKS) - 1))])
    return "".join(blocks)


def draw(weeks: Sequence[WeekRow]) -> Page:
    """Draw all CURVES of `history.weekly_history`."""
    width = max(MIN_WIDTH, WEEK * max(len(weeks) - 1, 1))
    page = Page.blank(LEFT + width + RIGHT, TOP + len(CURVES) * (HEIGHT + SPACE) + FOOT)
    page.text(LEFT, 26, "What every week brought", INK, 12)
    step = width / max(len(weeks) - 1, 1)
    for number, (name, title) in enumerate(CURVES.items()):
        top = TOP + number * (HEIGHT + SPACE)
        values = [getattr(week, name) for week in weeks]
        points = [(LEFT + k * step, v) for k, v in enumerate(values) if v is not None]
        draw_curve(page, title, points, top, width)
    label_end = 0.0
    for k, week in enumerate(weeks):
        x = LEFT + k * step
        if x >= label_end:
            page.text(x - 14, TOP + len(CURVES) * (HEIGHT + SPACE), week.week[2:], GREY, 6.5)
            label_end = x + figure.text_width(week.week, 6.5) + 8
    return page


def draw_curve(
    page: Page, title: str, points: Sequence[tuple[float, float]], top: float, width: float
) -> None:
    """Draw one chart from 0 up, with the last value beside it.

    Args:
        page: page to draw on.
        title: above the chart.
        points: x on the page, and value.
        top: upper end of the chart's title.
        width: of the chart.
    """
    base, high = top + SPACE / 2 + HEIGHT, max((value for _, value in points), default=1) or 1
    page.text(LEFT, top + SPACE / 2 - 8, title, INK, 8)
    page.fill(LEFT, base, width, 1, RULE)
    page.fill(LEFT, base - HEIGHT, width, 1, RULE)
    page.text(LEFT - 8, base + 3, "0", GREY, 6.5, right=True)
    page.text(LEFT - 8, base - HEIGHT + 3, formatting.number(high), GREY, 6.5, right=True)
    positions = [(x, base - HEIGHT * value / high) for x, value in points]
    page.line(positions, LINE)
    for x, y in positions:
        page.fill(x - 2, y - 2, 4, 4, LINE)
    if points:
        (x, y), last = positions[-1], points[-1][1]
        page.text(x + 8, y + 3, formatting.number(last), INK, 8)

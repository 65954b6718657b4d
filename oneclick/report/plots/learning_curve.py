"""The learning curve drawn: small charts one below the other, weeks across."""

from __future__ import annotations

from collections.abc import Sequence

from oneclick.report import formatting
from oneclick.report.history import CURVES, Week
from oneclick.report.plots import figure as pages
from oneclick.report.plots.figure import Colour, Page

INK: Colour = (33, 37, 41)
GREY: Colour = (92, 99, 107)
RULE: Colour = (206, 212, 218)
LINE: Colour = (20, 99, 176)
LEFT, RIGHT, TOP, FOOT = 70, 90, 44, 40
HEIGHT, SPACE = 110, 44
WEEK = 46
LEAST = 420
BLOCKS = "▁▂▃▄▅▆▇█"


def spark(values: Sequence[float | None]) -> str:
    """One character a value, from the least to the greatest; a blank where there is none."""
    known = [value for value in values if value is not None]
    low, high = min(known, default=0.0), max(known, default=0.0)
    top = len(BLOCKS) - 1
    return "".join(
        " " if value is None else BLOCKS[round(_part(value, low, high) * top)] for value in values
    )


def draw(weeks: Sequence[Week]) -> Page:
    """All CURVES of `history.history` on a page."""
    across = max(LEAST, WEEK * max(len(weeks) - 1, 1))
    page = Page.blank(LEFT + across + RIGHT, TOP + len(CURVES) * (HEIGHT + SPACE) + FOOT)
    page.text(LEFT, 26, "What every week brought", INK, 12)
    step = across / max(len(weeks) - 1, 1)
    for number, (name, title) in enumerate(CURVES.items()):
        top = TOP + number * (HEIGHT + SPACE)
        _chart(page, title, [getattr(week, name) for week in weeks], top, across, step)
    free = 0.0
    for k, week in enumerate(weeks):
        x = LEFT + k * step
        if x >= free:
            page.text(x - 14, TOP + len(CURVES) * (HEIGHT + SPACE), week.week[2:], GREY, 6.5)
            free = x + pages.width(week.week, 6.5) + 8
    return page


def _chart(
    page: Page,
    title: str,
    values: Sequence[float | None],
    top: float,
    across: float,
    step: float,
) -> None:
    """One curve from zero up, its last value beside it."""
    base, high = top + SPACE / 2 + HEIGHT, max((v for v in values if v is not None), default=1) or 1
    page.text(LEFT, top + SPACE / 2 - 8, title, INK, 8)
    page.fill(LEFT, base, across, 1, RULE)
    page.fill(LEFT, base - HEIGHT, across, 1, RULE)
    page.text(LEFT - 8, base + 3, "0", GREY, 6.5, right=True)
    page.text(LEFT - 8, base - HEIGHT + 3, formatting.number(high), GREY, 6.5, right=True)
    points = [
        (LEFT + k * step, base - HEIGHT * value / high)
        for k, value in enumerate(values)
        if value is not None
    ]
    page.line(points, LINE)
    for x, y in points:
        page.fill(x - 2, y - 2, 4, 4, LINE)
    if points:
        last = next(value for value in reversed(values) if value is not None)
        page.text(points[-1][0] + 8, points[-1][1] + 3, formatting.number(last), INK, 8)


def _part(value: float, low: float, high: float) -> float:
    return (value - low) / (high - low) if high > low else 0.5

"""Trigger hits of every camera through time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, tzinfo

from oneclick.design import Ink
from oneclick.report import formatting
from oneclick.report.numbers import Kept
from oneclick.report.snapshot import Goals, Heat, HeatRow, Zoom
from tui import rows
from tui.rows import Row

SUM = 6
"""Cells of the column of sums."""
NAMES = {Zoom.HOUR: "1 h", Zoom.SIX_HOURS: "6 h", Zoom.DAY: "24 h", Zoom.MONTH: "30 d"}
CAP = 0.98
"""Quantile of the cells that is shown as hot as can be: one burst must not wash out the rest."""


def draw(
    heat: Heat,
    kept: Kept,
    goals: Goals,
    room: int,
    height: int,
    ink: Ink,
    zone: tzinfo | None,
    cursor: int | None = None,
    top: int = 0,
) -> list[Row]:
    """The time axis, a row for each camera from `top` on, the triggers, the share kept."""
    label = min(max([6, *(len(row.camera) for row in heat.cameras)]), 16)
    across = max(room - label - SUM - 2, 8)
    factor = math.ceil(len(heat.cameras[0].cells) / across) if heat.cameras else 1
    merged = [merge(row, factor) for row in heat.cameras]
    scale = cap(merged)
    lines = [_axis(heat, label, across, ink, zone)]
    if not heat.cameras:
        lines.append([("no video yet: oneclick run VIDEO", ink["quiet"])])
    for k in range(top, min(len(merged), top + camera_rows(height, len(merged)))):
        line = _line(heat.cameras[k], merged[k], scale, label, across, ink)
        lines.append(rows.on(rows.fit(line, room), ink["panel"]) if k == cursor else line)
    return [*lines, _triggers(heat, ink), _share(kept, goals, heat, ink)]


def camera_rows(height: int, cameras: int) -> int:
    """Rows that are left for cameras."""
    return max(min(height - 3, cameras), 1)


def merge(row: HeatRow, factor: int) -> list[int | None]:
    """Every `factor` cells as one: their sum, None where none of them has video."""
    found: list[int | None] = []
    for k in range(0, len(row.cells), factor):
        part = [value for value in row.cells[k : k + factor] if value is not None]
        found.append(sum(part) if part else None)
    return found


def cap(merged: Sequence[Sequence[int | None]]) -> float:
    """Hits that are shown as hot as can be."""
    found = sorted(value for row in merged for value in row if value)
    return float(found[min(int(CAP * len(found)), len(found) - 1)]) if found else 1.0


def level(hits: int, scale: float) -> int:
    """0 for no hits, 1 to 4 by the square root."""
    return max(1, math.ceil(4 * math.sqrt(min(hits / scale, 1.0)))) if hits else 0


def _line(
    row: HeatRow, merged: Sequence[int | None], scale: float, label: int, across: int, ink: Ink
) -> Row:
    line: Row = [(rows.left(row.camera, label), ink["text"]), (" ", "")]
    for value in merged:
        if value is None:
            line.append((" ", ""))
        else:
            heat = level(value, scale)
            line.append((ink.design.heat.glyphs[heat], ink.heat[heat]))
    gap = " " * max(across - len(merged) + 1, 1)
    return [*_joined(line), (gap, ""), (rows.right(formatting.count(row.hits), SUM), ink["text"])]


def _joined(line: Row) -> Row:
    """Neighbours of one style as one part."""
    made: Row = []
    for text, style in line:
        if made and made[-1][1] == style:
            made[-1] = (made[-1][0] + text, style)
        else:
            made.append((text, style))
    return made


def _axis(heat: Heat, label: int, across: int, ink: Ink, zone: tzinfo | None) -> Row:
    """When the window begins and ends."""
    quiet = ink["quiet"]
    begin, end = (_clock(at, heat.bucket_seconds, zone) for at in (heat.start, heat.stop))
    ends = f"last recording {end}" if heat.behind else end
    if len(begin) + len(ends) + 2 > across:
        begin = ""
    middle = rows.spread([(begin, quiet)], [(ends, ink["warn"] if heat.behind else quiet)], across)
    return [(" " * (label + 1), ""), *middle, (rows.right("hits", SUM + 1), quiet)]


def _clock(at: datetime, bucket: int, zone: tzinfo | None) -> str:
    at = at.astimezone(zone)
    return f"{at:%d %b %H:%M}" if bucket >= 900 else f"{at:%H:%M}"


def _triggers(heat: Heat, ink: Ink) -> Row:
    total = sum(hits for _, hits in heat.triggers)
    if not total:
        more = f", {heat.undated:,} in videos without a date" if heat.undated else ""
        return [(f"no hits here{more}", ink["quiet"])]
    line: Row = []
    for name, hits in heat.triggers:
        line += [(f"{name} ", ink["text"]), (f"{hits / total:.0%}  ", ink["quiet"])]
    return line


def _share(kept: Kept, goals: Goals, heat: Heat, ink: Ink) -> Row:
    """How much of the raw video was kept, against what is worth annotating."""
    if not kept.frames:
        return []
    high = kept.share > 10 * goals.kept
    line = [
        ("kept ", ink["quiet"]),
        (formatting.share(kept.share), f"{ink['warn'] if high else ink['ok']} bold"),
        (
            f" of {_hours(kept.seconds)} raw video, the goal is {formatting.share(goals.kept)}",
            ink["quiet"],
        ),
    ]
    if heat.undated and heat.triggers:
        line.append((f" · {formatting.count(heat.undated)} hits without a date", ink["quiet"]))
    return line


def _hours(seconds: float) -> str:
    return (
        f"{formatting.count(round(seconds / 3600))} h"
        if seconds >= 3600
        else f"{seconds / 60:.1f} min"
    )

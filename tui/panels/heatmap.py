"""Trigger hits of every camera through time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import tzinfo

from oneclick.design import Ink
from oneclick.report import formatting
from oneclick.report.numbers import KeptVideo
from oneclick.report.snapshot import Goals, HeatmapRow, HitHeatmap, Zoom
from oneclick.tui import rows
from oneclick.tui.rows import StyledRow

SUM_WIDTH = 6
"""Cells of the column of sums."""
ZOOM_NAMES = {Zoom.HOUR: "1 h", Zoom.SIX_HOURS: "6 h", Zoom.DAY: "24 h", Zoom.MONTH: "30 d"}
TOP_QUANTILE = 0.98
"""Quantile of the cells that gets the hottest colour: one burst must not wash out the rest."""


def draw(
    heatmap: HitHeatmap,
    video: KeptVideo,
    goals: Goals,
    width: int,
    height: int,
    *,
    ink: Ink,
    zone: tzinfo | None,
    cursor: int | None = None,
    top: int = 0,
) -> list[StyledRow]:
    """Return the time axis, a row per camera, the shares of the triggers and that of kept video.

    Args:
        heatmap: hits by camera and time.
        video: how much of the raw video the clips hold.
        goals: of the settings.
        width: cells of a row.
        height: rows; cameras that do not fit are left out.
        ink: colours.
        zone: of the times on the axis.
        cursor: number of the camera to highlight.
        top: number of the first camera to draw.
    """
    label = min(max([6, *(len(row.camera) for row in heatmap.cameras)]), 16)
    columns = max(width - label - SUM_WIDTH - 2, 8)
    factor = math.ceil(len(heatmap.cameras[0].cells) / columns) if heatmap.cameras else 1
    merged = [merge_cells(row, factor) for row in heatmap.cameras]
    scale = top_hits(merged)
    lines = [time_axis(heatmap, label, columns, ink, zone)]
    if not heatmap.cameras:
        lines.append([("no video yet: oneclick run VIDEO", ink["quiet"])])
    for k in range(top, min(len(merged), top + camera_rows(height, len(merged)))):
        line = camera_row(heatmap.cameras[k], merged[k], scale, label, columns, ink)
        if k == cursor:
            line = rows.with_background(rows.fit(line, width), ink["panel"])
        lines.append(line)
    return [*lines, trigger_shares(heatmap, ink), kept_share(video, goals, heatmap, ink)]


def camera_rows(height: int, cameras: int) -> int:
    """Return how many cameras fit: the axis and two rows of shares stand around them."""
    return max(min(height - 3, cameras), 1)


def merge_cells(row: HeatmapRow, factor: int) -> list[int | None]:
    """Sum every `factor` cells to one; None where none of them has video."""
    sums: list[int | None] = []
    for k in range(0, len(row.cells), factor):
        part = [hits for hits in row.cells[k : k + factor] if hits is not None]
        sums.append(sum(part) if part else None)
    return sums


def top_hits(merged: Sequence[Sequence[int | None]]) -> float:
    """Return the hits of a cell from which on it gets the hottest colour."""
    hits = sorted(value for row in merged for value in row if value)
    return float(hits[min(int(TOP_QUANTILE * len(hits)), len(hits) - 1)]) if hits else 1.0


def heat_level(hits: int, scale: float) -> int:
    """Return 0 for no hits, else 1 to 4 by the square root of their share of `scale`."""
    return max(1, math.ceil(4 * math.sqrt(min(hits / scale, 1.0)))) if hits else 0


def camera_row(
    row: HeatmapRow,
    merged: Sequence[int | None],
    scale: float,
    label: int,
    columns: int,
    ink: Ink,
) -> StyledRow:
    """Return the name of a camera, its cells and the sum of its hits.

    Args:
        row: one camera.
        merged: its cells as `merge_cells` gives them.
        scale: as `top_hits` gives it.
        label: cells of the name.
        columns: cells of the strip.
        ink: colours.
    """
    line: StyledRow = [(rows.align_left(row.camera, label), ink["text"]), (" ", "")]
    for hits in merged:
        level = 0 if hits is None else heat_level(hits, scale)
        cell = (" ", "") if hits is None else (ink.design.heat.glyphs[level], ink.heat[level])
        if line[-1][1] == cell[1]:
            line[-1] = (line[-1][0] + cell[0], cell[1])  # neighbours of one style as one part
        else:
            line.append(cell)
    gap = " " * max(columns - len(merged) + 1, 1)
    total = rows.align_right(formatting.count(row.hits), SUM_WIDTH)
    return [*line, (gap, ""), (total, ink["text"])]


def time_axis(
    heatmap: HitHeatmap, label: int, columns: int, ink: Ink, zone: tzinfo | None
) -> StyledRow:
    """Return the row above the cameras: when the window begins and ends."""
    quiet = ink["quiet"]
    form = "%d %b %H:%M" if heatmap.bucket_seconds >= 900 else "%H:%M"
    start, stop = (f"{at.astimezone(zone):{form}}" for at in (heatmap.start, heatmap.stop))
    end = f"last recording {stop}" if heatmap.behind else stop
    if len(start) + len(end) + 2 > columns:
        start = ""
    end_style = ink["warn"] if heatmap.behind else quiet
    middle = rows.justify([(start, quiet)], [(end, end_style)], columns)
    return [(" " * (label + 1), ""), *middle, (rows.align_right("hits", SUM_WIDTH + 1), quiet)]


def trigger_shares(heatmap: HitHeatmap, ink: Ink) -> StyledRow:
    """Return each trigger with its share of all hits in the window."""
    total = sum(hits for _, hits in heatmap.triggers)
    if not total:
        more = f", {heatmap.undated:,} in videos without a date" if heatmap.undated else ""
        return [(f"no hits here{more}", ink["quiet"])]
    line: StyledRow = []
    for name, hits in heatmap.triggers:
        line += [(f"{name} ", ink["text"]), (f"{hits / total:.0%}  ", ink["quiet"])]
    return line


def kept_share(video: KeptVideo, goals: Goals, heatmap: HitHeatmap, ink: Ink) -> StyledRow:
    """Return the share of raw video that clips hold, against the share worth annotating."""
    if not video.frames:
        return []
    high = video.share > 10 * goals.kept
    hours = f"{formatting.count(round(video.seconds / 3600))} h"
    length = hours if video.seconds >= 3600 else f"{video.seconds / 60:.1f} min"
    line = [
        ("kept ", ink["quiet"]),
        (formatting.share(video.share), f"{ink['warn'] if high else ink['ok']} bold"),
        (f" of {length} raw video, the goal is {formatting.share(goals.kept)}", ink["quiet"]),
    ]
    if heatmap.undated and heatmap.triggers:
        line.append((f" · {formatting.count(heatmap.undated)} hits without a date", ink["quiet"]))
    return line

"""The model in service, how it got better, and what the gate said last."""

from __future__ import annotations

from datetime import datetime

from oneclick.design import Ink
from oneclick.report import formatting
from oneclick.report.snapshot import Serving
from tui import rows
from tui.panels import curve
from tui.rows import Row


def draw(found: Serving, at: datetime, room: int, height: int, ink: Ink) -> list[Row]:
    """Champion and mAP, the last decision with its first reason, and the curve if there is room."""
    quiet = ink["quiet"]
    if found.champion is None:
        lines: list[Row] = [[("no model in service yet: oneclick train", quiet)]]
    else:
        lines = [_champion(found, at, room, ink)]
    lines += _verdict(found, room, ink)
    if found.dataset:
        text = f"{formatting.count(found.images)} labelled images in {found.dataset}"
        lines.append([(rows.clip(text, room), quiet)])
    values = [value for _, _, value in found.history]
    free = height - len(lines)
    if len(values) > 1 and free >= 3:
        lines += curve.draw(values, room, min(free, 6), ink)
    return lines


def _champion(found: Serving, at: datetime, room: int, ink: Ink) -> Row:
    if not found.history:
        return [(rows.clip(found.champion or "", room), ink["text"])]
    since, _, value = found.history[-1]
    end: Row = [("  mAP ", ink["quiet"]), (f"{value:.3f}", f"{ink['text']} bold")]
    end.append((f" {formatting.age(since, at)}", ink["quiet"]))
    return rows.spread([(found.champion or "", ink["text"])], end, room)


def _verdict(found: Serving, room: int, ink: Ink) -> list[Row]:
    if not found.verdict:
        return []
    glyph, colour = ink.verdict(found.verdict)
    reason = f": {found.reasons[0]}" if found.reasons else ""
    said = rows.clip(f"{found.verdict}{reason}", room - 2)
    return [[(f"{glyph} ", colour), (said, ink["text"])]]

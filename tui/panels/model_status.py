"""The model in service, its history, and the last decision of the gate."""

from __future__ import annotations

from datetime import datetime

from oneclick.design import Ink
from oneclick.report import formatting
from oneclick.report.snapshot import ModelStatus
from oneclick.tui import rows
from oneclick.tui.panels import curve
from oneclick.tui.rows import StyledRow


def draw(status: ModelStatus, at: datetime, width: int, height: int, ink: Ink) -> list[StyledRow]:
    """Return champion and mAP, the last verdict with its first reason, and the curve if it fits."""
    quiet = ink["quiet"]
    lines = [champion_row(status, at, width, ink)]
    if status.verdict:
        glyph, colour = ink.verdict(status.verdict)
        reason = f": {status.reasons[0]}" if status.reasons else ""
        text = rows.shorten(f"{status.verdict}{reason}", width - 2)
        lines.append([(f"{glyph} ", colour), (text, ink["text"])])
    if status.dataset:
        text = f"{formatting.count(status.images)} labelled images in {status.dataset}"
        lines.append([(rows.shorten(text, width), quiet)])
    values = [value for _, _, value in status.history]
    space = height - len(lines)
    if len(values) > 1 and space >= 3:
        lines += curve.draw(values, width, min(space, 6), ink)
    return lines


def champion_row(status: ModelStatus, at: datetime, width: int, ink: Ink) -> StyledRow:
    """Return the champion with its mAP and the age of its promotion, as far as they are known."""
    if status.champion is None:
        return [("no model in service yet: oneclick train", ink["quiet"])]
    if not status.history:
        return [(rows.shorten(status.champion, width), ink["text"])]
    since, _, value = status.history[-1]
    end: StyledRow = [
        ("  mAP ", ink["quiet"]),
        (f"{value:.3f}", f"{ink['text']} bold"),
        (f" {formatting.age(since, at)}", ink["quiet"]),
    ]
    return rows.justify([(status.champion, ink["text"])], end, width)

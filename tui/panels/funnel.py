"""Clips per stage, from left to right."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from oneclick.design import Ink
from oneclick.report import formatting
from oneclick.report.snapshot import StageNow
from tui import rows
from tui.rows import Row

NARROW = 13
"""Cells of a column below which words are shortened."""
LONG = 3600
"""Seconds from which on waiting is worth a warning."""


def draw(stages: Sequence[StageNow], at: datetime, room: int, ink: Ink) -> list[Row]:
    """Four rows: what the stage is called, clips and change, the oldest, and a bar."""
    room = max(room // len(stages), 6)
    top = max((stage.clips for stage in stages), default=0)
    lines: list[Row] = [[], [], [], []]
    for stage in stages:
        for line, part in zip(lines, _column(stage, at, top, room, ink), strict=True):
            line += part
    return lines


def _column(stage: StageNow, at: datetime, top: int, room: int, ink: Ink) -> tuple[Row, ...]:
    known, colour = ink.design.stage_of(stage.stage), ink.stage(stage.stage)
    word = known.word if room >= NARROW else known.short
    quiet = ink["quiet"]
    empty = not stage.clips
    name = rows.left(f"{known.number} {known.glyph} {word}", room)
    count = formatting.count(stage.clips)
    change = f" {stage.change:+d}" if abs(stage.change) < 1000 else f" {_signed(stage.change)}"
    fits = stage.change and len(count) + len(change) < room
    change = change if fits else ""
    return (
        [(name, colour)],
        rows.fit([(count, quiet if empty else f"{ink['text']} bold"), (change, quiet)], room),
        [_oldest(stage, at, room, ink)],
        _bar(stage.clips, top, room, colour, ink),
    )


def _signed(change: int) -> str:
    return ("+" if change > 0 else "") + formatting.count(change)


def _oldest(stage: StageNow, at: datetime, room: int, ink: Ink) -> tuple[str, str]:
    if stage.oldest is None:
        return rows.left("", room), ink["quiet"]
    late = (at - stage.oldest).total_seconds() > LONG
    mark = f" {ink.design.state['warn']}" if late else ""
    text = f"{'' if room < NARROW else 'oldest '}{formatting.age(stage.oldest, at)}{mark}"
    return rows.left(text, room), ink["warn"] if late else ink["quiet"]


def _bar(clips: int, top: int, room: int, colour: str, ink: Ink) -> Row:
    """By the square root, so that a few clips show beside a hundred thousand."""
    inner = room - 1
    full = round((clips / top) ** 0.5 * (inner - 1)) if top else 0
    full = max(full, 1) if clips else 0
    return [("━" * full, colour), ("─" * (inner - full), ink["rule"]), (" ", "")]

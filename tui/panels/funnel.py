"""Clips per stage, from left to right."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from oneclick.design import Ink
from oneclick.report import formatting
from oneclick.report.snapshot import StageRow
from oneclick.tui import rows
from oneclick.tui.rows import StyledRow

NARROW = 13
"""Cells of a column below which words are shortened."""
LATE_SECONDS = 3600
"""Age of a clip's stage from which on it is shown as a warning."""


def draw(stages: Sequence[StageRow], at: datetime, width: int, ink: Ink) -> list[StyledRow]:
    """Return four rows: name of each stage, clips and change, age of the oldest, and a bar."""
    column = max(width // len(stages), 6)
    top = max((stage.clips for stage in stages), default=0)
    lines: list[StyledRow] = [[], [], [], []]
    for stage in stages:
        for line, part in zip(lines, stage_column(stage, at, top, column, ink), strict=True):
            line += part
    return lines


def stage_column(
    stage: StageRow, at: datetime, top: int, width: int, ink: Ink
) -> tuple[StyledRow, ...]:
    """Return the four rows of one stage.

    Args:
        stage: counts of one stage.
        at: the time that is shown; ages are relative to it.
        top: clips of the largest stage.
        width: cells of the column.
        ink: colours.
    """
    style, colour = ink.design.stage_of(stage.stage), ink.stage(stage.stage)
    quiet, warn = ink["quiet"], ink["warn"]
    title = f"{style.number} {style.glyph} {style.word if width >= NARROW else style.short}"
    count = formatting.count(stage.clips)
    sign = "+" if stage.change > 0 else ""
    change = f" {sign}{formatting.count(stage.change)}"
    if not stage.change or len(count) + len(change) >= width:
        change = ""
    oldest, late = "", False
    if stage.oldest is not None:
        late = (at - stage.oldest).total_seconds() > LATE_SECONDS
        mark = f" {ink.design.state['warn']}" if late else ""
        prefix = "" if width < NARROW else "oldest "
        oldest = f"{prefix}{formatting.age(stage.oldest, at)}{mark}"
    # By the square root, so that a few clips show beside a hundred thousand.
    bar = round((stage.clips / top) ** 0.5 * (width - 2)) if top else 0
    bar = max(bar, 1) if stage.clips else 0
    number = quiet if not stage.clips else f"{ink['text']} bold"
    return (
        [(rows.align_left(title, width), colour)],
        rows.fit([(count, number), (change, quiet)], width),
        [(rows.align_left(oldest, width), warn if late else quiet)],
        [("━" * bar, colour), ("─" * (width - 1 - bar), ink["rule"]), (" ", "")],
    )

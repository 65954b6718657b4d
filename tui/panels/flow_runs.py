"""Flow runs: what Prefect runs and ran."""

from __future__ import annotations

from datetime import datetime

from oneclick.design import Ink
from oneclick.report import formatting
from oneclick.report.snapshot import FlowRunRow
from oneclick.tui import rows
from oneclick.tui.rows import StyledRow

FLOW_WIDTH, STATE_WIDTH, AGE_WIDTH = 12, 11, 5


def draw(run: FlowRunRow, at: datetime, width: int, ink: Ink) -> StyledRow:
    """Return the row of a run: glyph, flow, state, age, progress or duration, and its message."""
    glyph, colour = ink.state(run.state)
    quiet = ink["quiet"]
    age = formatting.age(run.ended or run.started, at) if run.started else ""
    line: StyledRow = [
        (f"{glyph} ", colour),
        (rows.align_left(run.flow, FLOW_WIDTH), ink["text"]),
        (rows.align_left(run.state.lower(), STATE_WIDTH), colour),
        (rows.align_right(age, AGE_WIDTH), quiet),
        (rows.align_right(progress_or_duration(run), AGE_WIDTH), quiet),
        (f"  {run.detail}", quiet),
    ]
    return rows.fit(line, width)


def progress_or_duration(run: FlowRunRow) -> str:
    """Return the duration of a run that ended, the progress of one that runs, or an empty text."""
    if run.progress is not None:
        return f"{run.progress:.0%}"
    if run.started and run.ended:
        return formatting.duration((run.ended - run.started).total_seconds())
    return ""

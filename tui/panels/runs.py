"""Flow runs: what Prefect does now and did before."""

from __future__ import annotations

from datetime import datetime

from oneclick.design import Ink
from oneclick.report import formatting
from oneclick.report.snapshot import RunNow
from tui import rows
from tui.rows import Row

FLOW, STATE, AGE = 12, 11, 5


def draw(run: RunNow, at: datetime, room: int, ink: Ink) -> Row:
    """Glyph, flow, state, age, how long it took or how far it is, and what it said."""
    glyph, colour = ink.state(run.state)
    quiet = ink["quiet"]
    age = formatting.age(run.ended or run.started, at) if run.started else ""
    line: Row = [
        (f"{glyph} ", colour),
        (rows.left(run.flow, FLOW), ink["text"]),
        (rows.left(run.state.lower(), STATE), colour),
        (rows.right(age, AGE), quiet),
        (rows.right(_took(run), AGE), quiet),
        (f"  {run.detail}", quiet),
    ]
    return rows.fit(line, room)


def _took(run: RunNow) -> str:
    if run.progress is not None:
        return f"{run.progress:.0%}"
    if run.started and run.ended:
        return formatting.length((run.ended - run.started).total_seconds())
    return ""

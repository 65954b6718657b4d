"""What only a person can do."""

from __future__ import annotations

from oneclick.design import Ink
from oneclick.report.snapshot import ActionItem
from oneclick.tui import rows
from oneclick.tui.rows import StyledRow

STATES = {"review": "warn", "gate": "warn", "insight": "warn", "start": "wait"}
"""State by kind; all others are failures."""


def draw(item: ActionItem, width: int, ink: Ink) -> StyledRow:
    """Return the row of an action item: glyph, text, and a sign that Enter starts it."""
    state = STATES.get(item.kind, "fail")
    text = rows.shorten(item.text, width - 4)
    return rows.justify(
        [(f"{ink.design.state[state]} ", ink[state]), (text, ink["text"])],
        [(" ⏎", ink["quiet"])],
        width,
    )


def draw_none(ink: Ink) -> StyledRow:
    """Return the row that stands where there is nothing to do."""
    return [(f"{ink.design.state['ok']} nothing: everything runs by itself", ink["quiet"])]

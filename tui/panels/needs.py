"""What only a person can do."""

from __future__ import annotations

from oneclick.design import Ink
from oneclick.report.snapshot import Need
from tui import rows
from tui.rows import Row

STATES = {"review": "warn", "quarantined": "fail", "flow": "fail", "gate": "warn", "start": "wait"}


def draw(need: Need, room: int, ink: Ink) -> Row:
    """Glyph and text; Enter does it."""
    state = STATES.get(need.kind, "fail")
    text = rows.clip(need.text, room - 4)
    return rows.spread(
        [(f"{ink.design.state[state]} ", ink[state]), (text, ink["text"])],
        [(" ⏎", ink["quiet"])],
        room,
    )


def nothing(ink: Ink) -> Row:
    """Where nobody is needed."""
    return [(f"{ink.design.state['ok']} nothing: everything runs by itself", ink["quiet"])]

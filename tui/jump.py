"""Jump mode: a letter on every panel; the key of a letter puts the focus on its panel."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.app import ComposeResult
from textual.screen import ModalScreen
from textual.widgets import Static

from oneclick.tui.panel import Panel

LETTERS = "asdfghjklqwertzuiop"


class JumpScreen(ModalScreen[Panel | None]):
    """Letters over the panels; dismissed with the panel, or with None for any other key."""

    def __init__(self, panels: Sequence[Panel]) -> None:
        super().__init__()
        self._panels = dict(zip(LETTERS, panels, strict=False))

    def compose(self) -> ComposeResult:
        """Yield the letters, each at the corner of its panel."""
        for letter, panel in self._panels.items():
            mark = Static(f" {letter} ", classes="letter", markup=False)
            mark.absolute_offset = panel.region.offset
            yield mark

    def on_key(self, event: events.Key) -> None:
        """End jump mode, whatever key is pressed."""
        event.stop()
        self.dismiss(self._panels.get(event.character or ""))

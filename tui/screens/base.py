"""What all numbered screens share."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.screen import Screen
from textual.widgets import Static

from oneclick import design
from oneclick.tui import panel_plugins
from oneclick.tui.bars import HeaderBar, HintsBar
from oneclick.tui.host import Host
from oneclick.tui.panel import Panel, SnapshotView


class NumberedScreen(Screen[None]):
    """A screen of panels between a header and a line of keys."""

    NAME: ClassVar[str] = ""
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide"), (160, "-huge")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-short"), (32, "-tall")]  # noqa: RUF012

    def panels(self) -> ComposeResult:
        """Yield the panels, in reading order."""
        raise NotImplementedError

    def compose(self) -> ComposeResult:
        """Yield header, panels and keys, and a notice for terminals that are too small."""
        yield HeaderBar()
        yield from self.panels()
        yield from panel_plugins.plugin_panels(self.NAME)
        yield Static("oneclick needs a terminal of 80×24; q leaves", id="small")
        yield HintsBar()

    def show(self, view: SnapshotView) -> None:
        """Show a view in all panels."""
        with self.app.batch_update():
            for panel in self.query(Panel):
                panel.show(view)

    def set_mode(self, mode: design.Mode) -> None:
        """Show everything in the dark or the light theme."""
        for panel in self.query(Panel):
            panel.mode = mode
        self.query_one(HeaderBar).refresh()
        self.query_one(HintsBar).refresh()

    @property
    def host(self) -> Host:
        """Return the app."""
        assert isinstance(self.app, Host)
        return self.app

    def on_resize(self) -> None:
        """Show only the notice in a terminal below 80×24."""
        size = self.app.size
        self.set_class(size.width < 80 or size.height < 24, "-small")

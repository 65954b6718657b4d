"""What all numbered screens share."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.screen import Screen
from textual.widgets import Static

from oneclick import design
from tui.bars import Head, Hints
from tui.panel import Panel, View

if TYPE_CHECKING:
    from tui.app import Oneclick


class Numbered(Screen[None]):
    """A screen of panels between head and hints."""

    NAME: ClassVar[str] = ""
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide"), (160, "-huge")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-short"), (32, "-tall")]  # noqa: RUF012

    def panels(self) -> ComposeResult:
        """The panels, in reading order."""
        raise NotImplementedError

    def compose(self) -> ComposeResult:
        """Head, panels, hints; and a word where the terminal is too small."""
        yield Head()
        yield from self.panels()
        yield Static("oneclick needs a terminal of 80×24; q leaves", id="small")
        yield Hints()

    def show(self, view: View) -> None:
        """Show a View in all panels."""
        with self.app.batch_update():
            for panel in self.query(Panel):
                panel.show(view)

    def tint(self, mode: design.Mode) -> None:
        """Another theme."""
        for panel in self.query(Panel):
            panel.mode = mode
        self.query_one(Head).refresh()
        self.query_one(Hints).refresh()

    def do(self, *line: str, question: str) -> None:
        """Run a command line, after a yes where it changes something."""
        self.engine.do(line, question)

    @property
    def engine(self) -> Oneclick:
        """The app."""
        from tui.app import Oneclick

        assert isinstance(self.app, Oneclick)
        return self.app

    def on_resize(self) -> None:
        """Below 80×24 only a word stays."""
        size = self.app.size
        self.set_class(size.width < 80 or size.height < 24, "-small")

"""The main screen: the whole engine at a glance."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from tui.panels.widgets import Funnel, HeatStrip, InService, Needs, People, Runs
from tui.screens.base import Numbered


class Pipeline(Numbered):
    """Funnel, hits, people, model, runs, and what needs a person."""

    NAME = "pipeline"
    AUTO_FOCUS = "Needs"

    def panels(self) -> ComposeResult:
        """As the mock has them; narrow screens show the right column below."""
        yield Funnel()
        with Horizontal(id="upper"):
            yield HeatStrip()
            with Vertical(classes="side"):
                yield People()
                yield InService()
        with Horizontal(id="lower"):
            yield Runs()
            with Vertical(classes="side"):
                yield Needs()

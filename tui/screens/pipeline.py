"""The main screen: the whole pipeline at a glance."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from oneclick.tui.panels.widgets import (
    ActionItemList,
    FlowRunList,
    FunnelPanel,
    HeatmapPanel,
    ModelStatusPanel,
    ReviewProgressPanel,
)
from oneclick.tui.screens.base import NumberedScreen


class PipelineScreen(NumberedScreen):
    """Funnel, hits, annotators, model, flow runs, and what needs a person."""

    NAME = "pipeline"
    AUTO_FOCUS = "ActionItemList"

    def panels(self) -> ComposeResult:
        """Yield the funnel, and below it a wide and a narrow column."""
        yield FunnelPanel()
        with Horizontal(id="upper"):
            yield HeatmapPanel()
            with Vertical(classes="side"):
                yield ReviewProgressPanel()
                yield ModelStatusPanel()
        with Horizontal(id="lower"):
            yield FlowRunList()
            with Vertical(classes="side"):
                yield ActionItemList()

"""The numbered screens, in the order of their numbers."""

from __future__ import annotations

from oneclick.tui.screens.base import NumberedScreen
from oneclick.tui.screens.clips import ClipsScreen
from oneclick.tui.screens.flows import FlowsScreen
from oneclick.tui.screens.pipeline import PipelineScreen
from oneclick.tui.screens.review import ReviewScreen
from oneclick.tui.screens.system import SystemScreen
from oneclick.tui.screens.train import TrainScreen
from oneclick.tui.screens.triggers import TriggersScreen

ORDER: tuple[type[NumberedScreen], ...] = (
    PipelineScreen,
    TriggersScreen,
    ClipsScreen,
    ReviewScreen,
    FlowsScreen,
    TrainScreen,
    SystemScreen,
)
SCREENS: dict[str, type[NumberedScreen]] = {screen.NAME: screen for screen in ORDER}

"""The numbered screens, in the order of their numbers."""

from __future__ import annotations

from tui.screens.base import NumberedScreen
from tui.screens.clips import ClipsScreen
from tui.screens.flows import FlowsScreen
from tui.screens.pipeline import PipelineScreen
from tui.screens.review import ReviewScreen
from tui.screens.system import SystemScreen
from tui.screens.train import TrainScreen
from tui.screens.triggers import TriggersScreen

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

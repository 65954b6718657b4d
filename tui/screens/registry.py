"""The numbered screens, in the order of their numbers."""

from __future__ import annotations

from tui.screens.base import Numbered
from tui.screens.clips import Clips
from tui.screens.flows import Flows
from tui.screens.pipeline import Pipeline
from tui.screens.review import Review
from tui.screens.system import System
from tui.screens.train import Train
from tui.screens.triggers import Triggers

ORDER: tuple[type[Numbered], ...] = (Pipeline, Triggers, Clips, Review, Flows, Train, System)
SCREENS: dict[str, type[Numbered]] = {screen.NAME: screen for screen in ORDER}

"""The numbered screens, in the order of their numbers."""

from __future__ import annotations

from tui.screens.base import Numbered
from tui.screens.pipeline import Pipeline

SCREENS: dict[str, type[Numbered]] = {screen.NAME: screen for screen in (Pipeline,)}

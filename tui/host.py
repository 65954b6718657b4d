"""What screens and bars need of the app; they import this, and the app imports them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Protocol, runtime_checkable

from oneclick import design
from oneclick.report.snapshot import Zoom
from oneclick.tui.commands import CommandResult


@dataclass(frozen=True, kw_only=True)
class ReaderStatus:
    """What the app reads, and how the last read went."""

    lamp: str = "none"
    """live, old, paused, past or none."""
    error: str = ""
    """Why the last read failed; stands beside the lamp instead of its name."""
    at: datetime | None = None
    """The time that is shown, UTC."""
    zoom: Zoom = Zoom.DAY
    milliseconds: float = 0.0
    """Duration of the last read."""


@runtime_checkable
class Host(Protocol):
    """The app as its screens and bars see it."""

    home: Path
    mode: design.Mode
    status: ReaderStatus
    zone: tzinfo | None
    """Time zone of the times on the screen; None is that of this machine."""
    clock: Callable[[], datetime]
    """Returns the current time, UTC."""

    @property
    def screen_keys(self) -> str:
        """Return the keys of the screens as the bar at the bottom names them."""
        ...

    def run_command(
        self,
        words: Sequence[str],
        question: str,
        callback: Callable[[CommandResult], None] | None = None,
    ) -> None:
        """Run a command; one that changes something only after the question was answered yes."""
        ...

    def execute(
        self, words: tuple[str, ...], callback: Callable[[CommandResult], None] | None
    ) -> object:
        """Run a command without a question, and pass its result to `callback`."""
        ...

    def show_clips(self, query: str) -> None:
        """Show the screen of clips, filtered by the query."""
        ...

"""The line at the top and the line at the bottom."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from oneclick import design
from oneclick.design import Ink
from oneclick.report import formatting
from oneclick.report.snapshot import Zoom
from tui import rows
from tui.panels import heat
from tui.rows import Row

if TYPE_CHECKING:
    from tui.app import Oneclick


@dataclass(frozen=True)
class Status:
    """How the reading goes."""

    lamp: str = "none"
    """live, old, paused, past or none."""
    word: str = ""
    """Beside the lamp, where it is not its own name."""
    at: datetime | None = None
    """The moment that is shown."""
    zoom: Zoom = Zoom.DAY
    milliseconds: float = 0.0
    """Of the last read."""


LAMPS = {"live": "ok", "old": "warn", "paused": "wait", "past": "accent", "none": "fail"}


def head(
    status: Status, home: Path, now: datetime, room: int, ink: Ink, zone: tzinfo | None
) -> Row:
    """Lamp, workspace, zoom, and the clock."""
    colour, quiet = ink[LAMPS[status.lamp]], ink["quiet"]
    word = status.word or status.lamp
    local = now.astimezone(zone)
    end: Row = [
        (f"  {heat.NAMES[status.zoom]}", ink["text"]),
        (f"  week {local.isocalendar().week}  ", quiet),
        (f"{local:%H:%M} ", f"{ink['text']} bold"),
    ]
    if room >= 100 and status.milliseconds:
        end.insert(0, (f"  read in {status.milliseconds:.0f} ms", quiet))
    begin: Row = [
        (f" {ink.design.lamp[status.lamp]} {word} ", f"{colour} bold"),
        (" oneclick ", f"{ink['text']} bold"),
        (home.absolute().name, quiet),
    ]
    if status.at and status.lamp == "past":
        when = f"{status.at.astimezone(zone):%d %b %H:%M}"
        begin[1:1] = [
            (f"{when}, {formatting.age(status.at, now)} ago ", colour),
            ("= is now ", quiet),
        ]
    return rows.spread(begin, end, room)


def hints(local: tuple[str, ...], screens: str, room: int, ink: Ink) -> Row:
    """Keys, those of the focused panel first."""
    keys = ink.design.keys()
    wanted = [*local, *(key.id for key in ink.design.key if key.hint)]
    line: Row = [(f" {screens} ", f"{ink['accent']} bold"), ("screens ", ink["quiet"])]
    for name in dict.fromkeys(wanted):
        part: Row = [
            (f" {keys[name].cap} ", f"{ink['accent']} bold"),
            (f"{keys[name].verb} ", ink["quiet"]),
        ]
        if rows.width(line) + rows.width(part) > room:
            break
        line += part
    return line


class Bar(Widget):
    """One line across the screen."""

    DEFAULT_CSS = "Bar { height: 1; width: 100%; }"

    if TYPE_CHECKING:
        app: Oneclick

    _row: Row | None = None

    def line(self, room: int, ink: Ink) -> Row:
        """What stands in it."""
        raise NotImplementedError

    def update(self) -> None:
        """Paint it again if it says something else now."""
        if self.line(self.size.width, design.ink(self.app.mode)) != self._row:
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """The line as Textual wants it."""
        ink = design.ink(self.app.mode)
        room = self.size.width
        self._row = self.line(room, ink)
        return rows.strip(self._row, room, Style(bgcolor=ink["surface"]))


class Head(Bar):
    """Lamp, workspace and clock."""

    DEFAULT_CSS = "Head { dock: top; }"

    def line(self, room: int, ink: Ink) -> Row:
        """As `head`."""
        app = self.app
        return head(app.status, app.home, app.clock(), room, ink, app.zone)


class Hints(Bar):
    """Keys."""

    DEFAULT_CSS = "Hints { dock: bottom; }"

    def line(self, room: int, ink: Ink) -> Row:
        """As `hints`, for the panel that has the focus."""
        focused: Any = self.screen.focused
        local = getattr(focused, "KEYS", ())
        return hints(tuple(local), self.app.numbers, room, ink)

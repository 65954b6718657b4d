"""The line at the top and the line at the bottom of every screen."""

from __future__ import annotations

from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any

from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from oneclick import design
from oneclick.design import Ink
from oneclick.report import formatting
from oneclick.tui import rows
from oneclick.tui.host import Host, ReaderStatus
from oneclick.tui.panels import heatmap
from oneclick.tui.rows import StyledRow

LAMP_COLOURS = {"live": "ok", "old": "warn", "paused": "wait", "past": "accent", "none": "fail"}


def header(
    status: ReaderStatus,
    home: Path,
    current_time: datetime,
    width: int,
    ink: Ink,
    zone: tzinfo | None,
) -> StyledRow:
    """Return the row at the top: lamp, workspace, zoom, week and clock; an error has their room."""
    colour, quiet = ink[LAMP_COLOURS[status.lamp]], ink["quiet"]
    folder = str(home.absolute())
    error = status.error.replace(f"file://{folder}/", "").replace(f"{folder}/", "")
    state = error or status.lamp
    local = current_time.astimezone(zone)
    end: StyledRow = [
        (f"  {heatmap.ZOOM_NAMES[status.zoom]}", ink["text"]),
        (f"  week {local.isocalendar().week}  ", quiet),
        (f"{local:%H:%M} ", f"{ink['text']} bold"),
    ]
    if error:
        del end[:2]
    elif width >= 100 and status.milliseconds:
        end.insert(0, (f"  read in {status.milliseconds:.0f} ms", quiet))
    start: StyledRow = [
        (f" {ink.design.lamp[status.lamp]} {state} ", f"{colour} bold"),
        (" oneclick ", f"{ink['text']} bold"),
        (home.absolute().name, quiet),
    ]
    if status.at and status.lamp == "past":
        time = f"{status.at.astimezone(zone):%d %b %H:%M}"
        start[1:1] = [
            (f"{time}, {formatting.age(status.at, current_time)} ago ", colour),
            ("= is now ", quiet),
        ]
    return rows.justify(start, end, width)


def hints(panel_keys: tuple[str, ...], screen_keys: str, width: int, ink: Ink) -> StyledRow:
    """Return the row at the bottom: keys of the screens, the focused panel and the app.

    Args:
        panel_keys: ids in design.toml.
        screen_keys: as they are written.
        width: as many keys as fit are named.
        ink: colours.
    """
    keys = ink.design.keys()
    names = [*panel_keys, *(key.id for key in ink.design.key if key.hint)]
    line: StyledRow = [(f" {screen_keys} ", f"{ink['accent']} bold"), ("screens ", ink["quiet"])]
    for name in dict.fromkeys(names):
        part: StyledRow = [
            (f" {keys[name].cap} ", f"{ink['accent']} bold"),
            (f"{keys[name].verb} ", ink["quiet"]),
        ]
        if rows.row_width(line) + rows.row_width(part) > width:
            break
        line += part
    return line


class Bar(Widget):
    """One line across the screen."""

    DEFAULT_CSS = "Bar { height: 1; width: 100%; }"

    _row: StyledRow | None = None

    @property
    def host(self) -> Host:
        """Return the app."""
        assert isinstance(self.app, Host)
        return self.app

    def line(self, width: int, ink: Ink) -> StyledRow:
        """Return the row to show, of at most `width` cells."""
        raise NotImplementedError

    def update(self) -> None:
        """Paint the line again if its text or colours have changed."""
        if self.line(self.size.width, design.ink(self.host.mode)) != self._row:
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """Return the line for Textual."""
        ink, width = design.ink(self.host.mode), self.size.width
        self._row = self.line(width, ink)
        return rows.to_strip(self._row, width, Style(bgcolor=ink["surface"]))


class HeaderBar(Bar):
    """Lamp, workspace and clock."""

    DEFAULT_CSS = "HeaderBar { dock: top; }"

    def line(self, width: int, ink: Ink) -> StyledRow:
        """Return `header` of the app."""
        host = self.host
        return header(host.status, host.home, host.clock(), width, ink, host.zone)


class HintsBar(Bar):
    """Keys of the focused panel and of the app."""

    DEFAULT_CSS = "HintsBar { dock: bottom; }"

    def line(self, width: int, ink: Ink) -> StyledRow:
        """Return `hints` for the panel that has the focus."""
        focused: Any = self.screen.focused
        panel_keys = tuple(getattr(focused, "KEYS", ()))
        return hints(panel_keys, self.host.screen_keys, width, ink)

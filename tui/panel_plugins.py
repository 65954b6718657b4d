"""Panels of other packages: entry points `oneclick.panels`, shown below the panels of a screen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, Protocol, cast

from rich.errors import StyleSyntaxError

from oneclick.core import plugins, visible
from oneclick.core.plugins import ContractError, Plugin, PluginFailure, PluginGroup
from oneclick.report.snapshot import Snapshot
from oneclick.tui.panel import Panel, SnapshotView
from oneclick.tui.rows import StyledRow, parse_style

SCREEN_NAMES = ("pipeline", "triggers", "clips", "review", "flows", "train", "system")
HEIGHT = 8
"""Rows of a plug-in's panel, its border included."""


class PanelPlugin(Protocol):
    """Interface of a panel of another package: pure functions from numbers to rows of text."""

    name: ClassVar[str]
    """As its entry point is called."""
    screen: ClassVar[str]
    """The screen below whose panels it stands: pipeline, triggers, clips, …"""
    heading: ClassVar[str]
    help: ClassVar[str]
    """What it shows, for the help."""

    def select(self, snapshot: Snapshot) -> object:
        """Return the part of a snapshot that is drawn; the panel is drawn again if it differs."""
        ...

    def draw(self, content: Any, width: int, height: int) -> list[StyledRow]:
        """Return at most `height` rows of pieces of text, each with a colour of design.toml.

        A colour is a name such as `text`, `quiet` or `fail`, or `#rrggbb`; `bold` may follow. An
        unknown name is quiet.
        """
        ...


def validate(name: str, value: object) -> type[PanelPlugin]:
    """Return the class of a panel if it keeps the contract.

    Raises:
        ContractError: naming what is wrong.
    """
    if not isinstance(value, type):
        raise ContractError("is not a class")
    if getattr(value, "name", None) != name:
        raise ContractError("has another name than its entry point")
    if getattr(value, "screen", None) not in SCREEN_NAMES:
        raise ContractError(f"screen must be one of {', '.join(SCREEN_NAMES)}")
    for text in ("heading", "help"):
        if not isinstance(getattr(value, text, None), str):
            raise ContractError(f"has no text in {text}")
    for method in ("select", "draw"):
        if not callable(getattr(value, method, None)):
            raise ContractError(f"has no method {method}")
    return cast("type[PanelPlugin]", value)


def check_rows(rows: object) -> list[list[tuple[str, str]]]:
    """Return what a panel drew as rows of (text, name of a colour).

    Raises:
        ContractError: rows are no list, a row is something else, or a colour cannot be.
    """
    if not isinstance(rows, list):
        raise ContractError(f"draw returned a {type(rows).__name__}; it must be a list of rows")
    checked = [list(row) for row in rows]
    for piece in (piece for row in checked for piece in row):
        if len(piece) != 2 or not all(isinstance(part, str) for part in piece):
            raise ContractError("a row must be a list of (text, colour)")
        colour, _, more = piece[1].partition(" ")
        try:
            parse_style(f"{colour if colour.startswith('#') else ''} {more}".strip())
        except StyleSyntaxError:
            raise ContractError(
                f"has the colour {piece[1]!r}; it must be a name of design.toml or #rrggbb, "
                "and bold may follow"
            ) from None
    return checked


GROUP: PluginGroup[type[PanelPlugin]] = PluginGroup(plugins.PANELS, {}, validate)


class PluginPanel(Panel):
    """The box around a panel of another package; where that fails, it shows the reason."""

    DEFAULT_CSS = f"PluginPanel {{ height: {HEIGHT}; }}"

    def __init__(self, plugin: Plugin, kind: type[PanelPlugin]) -> None:
        super().__init__()
        self._plugin = plugin
        self._failure: PluginFailure | None = None
        """What is wrong with it for good: a snapshot changes nothing."""
        self.HEADING, self.HELP = kind.heading, kind.help  # type: ignore[misc]
        self.border_title = visible.line(kind.heading)
        try:
            with plugin.isolated("when it was made"):
                self._panel = kind()
        except PluginFailure as failure:
            self._failure = failure

    def select(self, view: SnapshotView) -> object:
        """Return what the plug-in selects of the snapshot, or why it does not."""
        try:
            with self._plugin.isolated():
                return self._failure or (self._panel.select(view.snapshot),)
        except PluginFailure as failure:
            return failure

    def show_content(self, content: object) -> None:
        """Draw other content, if it differs; arrays, say, cannot be compared at once."""
        try:
            with self._plugin.isolated("when its content was compared"):
                super().show_content(content)
        except PluginFailure as failure:
            self._failure = failure
            super().show_content(failure)

    def draw(self, width: int, height: int) -> list[StyledRow]:
        """Return the plug-in's rows, or the line that says what is wrong with it."""
        content = self._content
        if isinstance(content, tuple):
            try:
                with self._plugin.isolated():
                    rows = check_rows(self._panel.draw(content[0], width, height))[:height]
                    return [[(text, self.named_style(name)) for text, name in row] for row in rows]
            except PluginFailure as failure:
                content = failure
        text, quiet = str(content), self.named_style("quiet")
        return [[(text[k : k + width], quiet)] for k in range(0, len(text), width)][:height]


def plugin_panels(screen: str) -> Iterator[PluginPanel]:
    """Yield the panels of other packages for a screen; one that cannot be used is left out.

    `oneclick doctor` says why.
    """
    for name, kind in GROUP.usable()[0].items():
        if kind.screen == screen:
            yield PluginPanel(GROUP.plugin(name), kind)

"""Panels of other packages: entry points `oneclick.panels`, shown below the panels of a screen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, Protocol, cast

from oneclick.core import plugins, visible
from oneclick.core.plugins import ContractError, Plugin, PluginFailure, PluginGroup
from oneclick.report.snapshot import Snapshot
from oneclick.tui.panel import Panel, SnapshotView
from oneclick.tui.rows import StyledRow

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


GROUP: PluginGroup[type[PanelPlugin]] = PluginGroup(plugins.PANELS, {}, validate)


class PluginPanel(Panel):
    """The box around a panel of another package; where that fails, it shows the reason."""

    DEFAULT_CSS = f"PluginPanel {{ height: {HEIGHT}; }}"

    def __init__(self, plugin: Plugin, panel: PanelPlugin) -> None:
        super().__init__()
        self._plugin, self._panel = plugin, panel
        self.HEADING, self.HELP = panel.heading, panel.help  # type: ignore[misc]
        self.border_title = visible.line(panel.heading)

    def select(self, view: SnapshotView) -> object:
        """Return what the plug-in selects of the snapshot, or why it does not."""
        try:
            with self._plugin.isolated():
                return (self._panel.select(view.snapshot),)
        except PluginFailure as failure:
            return failure

    def draw(self, width: int, height: int) -> list[StyledRow]:
        """Return the plug-in's rows, or the line that says what is wrong with it."""
        content = self._content
        if isinstance(content, tuple):
            try:
                with self._plugin.isolated():
                    return self._styled(self._panel.draw(content[0], width, height))[:height]
            except PluginFailure as failure:
                content = failure
        text, quiet = str(content), self.named_style("quiet")
        return [[(text[k : k + width], quiet)] for k in range(0, len(text), width)][:height]

    def _styled(self, rows: object) -> list[StyledRow]:
        if not isinstance(rows, list):
            raise ContractError(f"draw returned a {type(rows).__name__}; it must be a list of rows")
        styled: list[StyledRow] = []
        for row in rows:
            pieces = list(row)
            if not all(len(piece) == 2 and isinstance(piece[0], str) for piece in pieces):
                raise ContractError("a row must be a list of (text, colour)")
            styled.append([(text, self.named_style(colour)) for text, colour in pieces])
        return styled


def plugin_panels(screen: str) -> Iterator[PluginPanel]:
    """Yield the panels of other packages for a screen; one that cannot be used is left out.

    `oneclick doctor` says why.
    """
    for name, kind in GROUP.usable()[0].items():
        if kind.screen == screen:
            yield PluginPanel(GROUP.plugin(name), kind())

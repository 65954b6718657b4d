"""The one kind of widget: a titled box that paints rows, and only those that changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any, ClassVar

from rich.style import Style
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from oneclick import design
from oneclick.core import visible
from oneclick.design import Ink
from oneclick.report.snapshot import Snapshot
from oneclick.tui import rows
from oneclick.tui.rows import StyledRow


@dataclass(frozen=True)
class SnapshotView:
    """A Snapshot, and the time zone in which a screen shows it."""

    snapshot: Snapshot
    zone: tzinfo | None = None

    @property
    def at(self) -> datetime:
        """Return the time that is shown, UTC."""
        return self.snapshot.at


def bindings(*names: str, namespace: str = "") -> list[BindingType]:
    """Return Textual's bindings of keys in design.toml, each to the action `key_ID`.

    Args:
        names: ids of the keys.
        namespace: where the action is, `screen.` or `app.`; by default on the widget itself.
    """
    keys = design.load().keys()
    return [
        Binding(
            key.key,
            f"{namespace}key_{key.id}",
            key.verb,
            id=key.id,
            key_display=key.cap,
            show=False,
        )
        for key in (keys[name] for name in names)
    ]


class Panel(Widget, can_focus=True):
    """A box of rows. Subclasses select what they show of a SnapshotView, and draw it."""

    DEFAULT_CSS = """
    Panel {
        border: round $border-blurred; background: $background;
        padding: 0 1; height: 1fr; width: 1fr;
        border-title-color: $foreground 65%; border-subtitle-color: $foreground 65%;
    }
    Panel:focus { border: round $border; border-title-color: $border; }
    """
    HEADING: ClassVar[str] = ""
    HELP: ClassVar[str] = ""
    """What the panel shows, for the help."""
    KEYS: ClassVar[tuple[str, ...]] = ()
    """Ids of the keys in design.toml that the panel handles."""
    COMMAND: ClassVar[tuple[str, ...]] = ("status",)
    """The command that prints the same, without `oneclick`."""
    mode: reactive[design.Mode] = reactive[design.Mode]("dark")

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.border_title = self.HEADING
        self._content: object = None
        self._rows: list[StyledRow] = []
        self.painted_rows = 0
        """Rows painted so far, for the tests: nothing is painted that did not change."""

    @property
    def ink(self) -> Ink:
        """Return the colours of the theme."""
        return design.ink(self.mode)

    def named_style(self, name: str) -> str:
        """Return the style of a colour's name in design.toml, or of `#rrggbb`; `bold` may follow.

        A style without a colour is that of ordinary text.
        """
        colour, _, more = name.partition(" ")
        return name if name.startswith("#") else f"{self.ink[colour or 'text']} {more}".strip()

    def select(self, view: SnapshotView) -> object:
        """Return the part of the view that this panel draws; compared, to draw only changes.

        By default it is what `show_content` set last.
        """
        return self._content

    def draw(self, width: int, height: int) -> list[StyledRow]:
        """Return at most `height` rows of at most `width` cells."""
        raise NotImplementedError

    def show(self, view: SnapshotView) -> None:
        """Draw another view, if its part for this panel differs."""
        self.show_content(self.select(view))

    def show_content(self, content: object) -> None:
        """Draw other content, if it differs."""
        if content != self._content:
            self._content = content
            self.redraw()

    def set_titles(self, title: str, subtitle: str | None = None) -> None:
        """Set title and subtitle if they differ: setting them, even to the same, repaints all."""
        title = visible.line(title)
        if title != self.border_title:
            self.border_title = title
        subtitle = None if subtitle is None else visible.line(subtitle)
        if subtitle is not None and subtitle != (self.border_subtitle or ""):
            self.border_subtitle = subtitle

    def redraw(self) -> None:
        """Draw again, and let Textual paint the rows that differ."""
        if self._content is None or not self.size.width:
            return
        before, self._rows = self._rows, self.draw(self.size.width, self.size.height)
        height = max(len(before), len(self._rows))
        for y in range(height):
            if before[y : y + 1] != self._rows[y : y + 1]:
                self.painted_rows += 1
                self.refresh(Region(0, y, self.size.width, 1))

    def on_resize(self) -> None:
        """Draw everything for the new size."""
        self._rows = []
        self.redraw()

    def watch_mode(self) -> None:
        """Draw everything in the colours of the new theme."""
        self._rows = []
        self.redraw()
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """Return one row for Textual."""
        row = self._rows[y] if y < len(self._rows) else []
        return rows.to_strip(row, self.size.width, Style(bgcolor=self.ink["ink"]))


class RowMessage(Message):
    """A message about a row of a list."""

    def __init__(self, panel: ListPanel, key: Any) -> None:
        super().__init__()
        self.panel = panel
        self.key = key
        """The row's key in the list."""

    @property
    def control(self) -> ListPanel:
        """Return the list."""
        return self.panel


class RowSelected(RowMessage):
    """Enter, or a click on the row under the cursor."""


class RowHighlighted(RowMessage):
    """The cursor moved to another row."""


class ListPanel(Panel):
    """A panel of rows with a cursor that stays on its row while others come and go."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("up", "down", "open"),
        Binding("home", "edge(-1)", "first", show=False),
        Binding("end", "edge(1)", "last", show=False),
        Binding("pageup", "page(-1)", "page up", show=False),
        Binding("pagedown", "page(1)", "page down", show=False),
    ]

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.cursor = 0
        self.top = 0
        self._key: Any = None

    def keys(self) -> Sequence[Any]:
        """Return the keys of the rows, in order; compared to keep the cursor on its row."""
        raise NotImplementedError

    def header_rows(self, width: int) -> list[StyledRow]:
        """Return the rows above the list, which do not scroll."""
        return []

    def row(self, number: int, width: int) -> StyledRow:
        """Return a row of the list by its number."""
        raise NotImplementedError

    def empty_row(self) -> StyledRow:
        """Return the row that an empty list shows."""
        return [("nothing here", self.ink["quiet"])]

    @property
    def key(self) -> Any:
        """Return the key of the row under the cursor; None in an empty list."""
        keys = self.keys()
        return keys[self.cursor] if self.cursor < len(keys) else None

    def draw(self, width: int, height: int) -> list[StyledRow]:
        """Return the header and the rows around the cursor."""
        header, keys = self.header_rows(width), self.keys()
        if self._key in keys and keys.index(self._key) != self.cursor:
            self.cursor = keys.index(self._key)
        self.cursor = max(min(self.cursor, len(keys) - 1), 0)
        self._key = self.key
        space = max(height - len(header), 1)
        self.top = max(
            min(self.top, self.cursor, max(len(keys) - space, 0)), self.cursor - space + 1
        )
        position = f"{self.cursor + 1}/{len(keys)}" if len(keys) > space else ""
        self.set_titles(str(self.border_title or ""), position)
        if not keys:
            return [*header, self.empty_row()]
        numbers = range(self.top, min(self.top + space, len(keys)))
        lines = [rows.fit(self.row(number, width), width) for number in numbers]
        if self.has_focus:
            highlighted = lines[self.cursor - self.top]
            lines[self.cursor - self.top] = [
                (text, f"{style} on {self.ink['panel']} bold") for text, style in highlighted
            ]
        return [*header, *lines]

    def move_cursor(self, number: int) -> None:
        """Put the cursor on a row; beyond either end, on the last row there."""
        number = max(min(number, len(self.keys()) - 1), 0)
        if number != self.cursor:
            self.cursor = number
            self._key = self.key
            self.redraw()
            self.post_message(RowHighlighted(self, self.key))

    def on_focus(self) -> None:
        """Show the cursor."""
        self.redraw()

    def on_blur(self) -> None:
        """Hide the cursor."""
        self.redraw()

    def on_click(self, event: Any) -> None:
        """Put the cursor on the clicked row; a click on the cursor selects the row."""
        line = event.get_content_offset_capture(self).y
        number = self.top + line - len(self.header_rows(self.size.width))
        if 0 <= number < len(self.keys()):
            if number == self.cursor:
                self.action_key_open()
            self.move_cursor(number)

    def on_mouse_scroll_down(self) -> None:
        """Move the cursor down with the wheel."""
        self.move_cursor(self.cursor + 3)

    def on_mouse_scroll_up(self) -> None:
        """Move the cursor up with the wheel."""
        self.move_cursor(self.cursor - 3)

    def action_key_down(self) -> None:
        """Move the cursor to the next row."""
        self.move_cursor(self.cursor + 1)

    def action_key_up(self) -> None:
        """Move the cursor to the row before."""
        self.move_cursor(self.cursor - 1)

    def action_edge(self, way: int) -> None:
        """Move the cursor to the first row (`way` -1) or the last (1)."""
        self.move_cursor(0 if way < 0 else len(self.keys()) - 1)

    def action_page(self, way: int) -> None:
        """Move the cursor a screenful up (`way` -1) or down (1)."""
        self.move_cursor(self.cursor + way * max(self.size.height - 2, 1))

    def action_key_open(self) -> None:
        """Select the row under the cursor."""
        if self.key is not None:
            self.post_message(RowSelected(self, self.key))

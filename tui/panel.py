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
from oneclick.design import Ink
from oneclick.report.snapshot import Snapshot
from tui import rows
from tui.rows import Row


@dataclass(frozen=True)
class View:
    """What a screen shows: the Snapshot, and how it is looked at."""

    snapshot: Snapshot
    zone: tzinfo | None = None

    @property
    def at(self) -> datetime:
        """The moment that is shown."""
        return self.snapshot.at


def bindings(*names: str, of: str = "") -> list[BindingType]:
    """Keys of the design, each for the action of its id; `of` is "screen." where that acts."""
    keys = design.load().keys()
    return [
        Binding(key.key, f"{of}key_{key.id}", key.verb, id=key.id, key_display=key.cap, show=False)
        for key in (keys[name] for name in names)
    ]


class Panel(Widget, can_focus=True):
    """A box of rows. Subclasses say what part of the View they show, and draw it."""

    DEFAULT_CSS = """
    Panel {
        border: round $border-blurred; background: $background;
        padding: 0 1; height: 1fr; width: 1fr;
        border-title-color: $foreground 65%; border-subtitle-color: $foreground 65%;
    }
    Panel:focus { border: round $border; border-title-color: $border; }
    """
    HEADING: ClassVar[str] = ""
    SAYS: ClassVar[str] = ""
    """What the panel shows, for the help."""
    KEYS: ClassVar[tuple[str, ...]] = ()
    """Keys of the design that mean something here."""
    TWIN: ClassVar[tuple[str, ...]] = ("status",)
    """The words after `oneclick` that show the same."""
    mode: reactive[design.Mode] = reactive[design.Mode]("dark")

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.border_title = self.HEADING
        self._part: object = None
        self._rows: list[Row] = []
        self.painted = 0
        """Rows painted so far, for the tests: nothing is painted that did not change."""

    @property
    def ink(self) -> Ink:
        """Colours of the theme."""
        return design.ink(self.mode)

    def part(self, view: View) -> object:
        """The part of the View that is shown here; by default what was `put` here last."""
        return self._part

    def draw(self, room: int, height: int) -> list[Row]:
        """Rows of at most `room` cells."""
        raise NotImplementedError

    def show(self, view: View) -> None:
        """Show another View."""
        part = self.part(view)
        if part != self._part:
            self._part = part
            self.repaint()

    def name_it(self, title: str, subtitle: str | None = None) -> None:
        """Title and subtitle; to set them anew, even to the same, would paint everything."""
        if title != self.border_title:
            self.border_title = title
        if subtitle is not None and subtitle != (self.border_subtitle or ""):
            self.border_subtitle = subtitle

    def put(self, part: object) -> None:
        """Show what was fetched for this panel alone."""
        if part != self._part:
            self._part = part
            self.repaint()

    def repaint(self) -> None:
        """Draw again, and have painted the rows that differ."""
        if self._part is None or not self.size.width:
            return
        before, self._rows = self._rows, self.draw(self.size.width, self.size.height)
        height = max(len(before), len(self._rows))
        for y in range(height):
            if before[y : y + 1] != self._rows[y : y + 1]:
                self.painted += 1
                self.refresh(Region(0, y, self.size.width, 1))

    def on_resize(self) -> None:
        """Another size, another drawing."""
        self._rows = []
        self.repaint()

    def watch_mode(self) -> None:
        """Another theme."""
        self._rows = []
        self.repaint()
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """One row as Textual wants it."""
        row = self._rows[y] if y < len(self._rows) else []
        return rows.strip(row, self.size.width, Style(bgcolor=self.ink["ink"]))


class About(Message):
    """Something happened to a row of a list."""

    def __init__(self, panel: Listing, key: Any) -> None:
        super().__init__()
        self.panel = panel
        self.key = key
        """What the list says of the row."""

    @property
    def control(self) -> Listing:
        """The list."""
        return self.panel


class Chosen(About):
    """Enter, or a click on the row under the cursor."""


class Moved(About):
    """The cursor stands on another row."""


class Listing(Panel):
    """A panel of rows with a cursor that stays on its row while others come and go."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("up", "down", "open"),
        Binding("home", "edge(-1)", "first", show=False),
        Binding("end", "edge(1)", "last", show=False),
        Binding("pageup", "page(-1)", "page up", show=False),
        Binding("pagedown", "page(1)", "page down", show=False),
    ]
    HEAD = 0
    """Rows above the list that do not scroll."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.cursor = 0
        self.top = 0
        self._key: Any = None

    def keys(self) -> Sequence[Any]:
        """What each row is about, in order; compared to keep the cursor on its row."""
        raise NotImplementedError

    def head(self, room: int) -> list[Row]:
        """Rows above the list."""
        return []

    def row(self, number: int, room: int) -> Row:
        """One row of the list."""
        raise NotImplementedError

    def empty(self) -> Row:
        """Instead of a list without rows."""
        return [("nothing here", self.ink["quiet"])]

    @property
    def key(self) -> Any:
        """What the row under the cursor is about; None in an empty list."""
        keys = self.keys()
        return keys[self.cursor] if self.cursor < len(keys) else None

    def draw(self, room: int, height: int) -> list[Row]:
        """The rows around the cursor."""
        head, keys = self.head(room), self.keys()
        if self._key in keys and keys.index(self._key) != self.cursor:
            self.cursor = keys.index(self._key)
        self.cursor = max(min(self.cursor, len(keys) - 1), 0)
        self._key = self.key
        space = max(height - len(head), 1)
        self.top = max(
            min(self.top, self.cursor, max(len(keys) - space, 0)), self.cursor - space + 1
        )
        where = f"{self.cursor + 1}/{len(keys)}" if len(keys) > space else ""
        self.name_it(str(self.border_title or ""), where)
        if not keys:
            return [*head, self.empty()]
        return [
            *head,
            *(self._row(k, room) for k in range(self.top, min(self.top + space, len(keys)))),
        ]

    def _row(self, number: int, room: int) -> Row:
        line = rows.fit(self.row(number, room), room)
        if number != self.cursor or not self.has_focus:
            return line
        return [(text, f"{style} on {self.ink['panel']} bold") for text, style in line]

    def go(self, number: int) -> None:
        """Put the cursor on a row."""
        number = max(min(number, len(self.keys()) - 1), 0)
        if number != self.cursor:
            self.cursor = number
            self._key = self.key
            self.repaint()
            self.post_message(Moved(self, self.key))

    def on_focus(self) -> None:
        """The cursor becomes visible."""
        self.repaint()

    def on_blur(self) -> None:
        """The cursor hides."""
        self.repaint()

    def on_click(self, event: Any) -> None:
        """A click puts the cursor there; on the cursor it is Enter."""
        number = (
            self.top + event.get_content_offset_capture(self).y - len(self.head(self.size.width))
        )
        if 0 <= number < len(self.keys()):
            if number == self.cursor:
                self.action_key_open()
            self.go(number)

    def on_mouse_scroll_down(self) -> None:
        """The wheel moves the cursor."""
        self.go(self.cursor + 3)

    def on_mouse_scroll_up(self) -> None:
        """The wheel moves the cursor."""
        self.go(self.cursor - 3)

    def action_key_down(self) -> None:
        """Next row."""
        self.go(self.cursor + 1)

    def action_key_up(self) -> None:
        """Row before."""
        self.go(self.cursor - 1)

    def action_edge(self, way: int) -> None:
        """First or last row."""
        self.go(0 if way < 0 else len(self.keys()) - 1)

    def action_page(self, way: int) -> None:
        """A screenful up or down."""
        self.go(self.cursor + way * max(self.size.height - 2, 1))

    def action_key_open(self) -> None:
        """Look closer."""
        if self.key is not None:
            self.post_message(Chosen(self, self.key))

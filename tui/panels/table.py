"""Tables with a cursor, and texts that scroll."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from rich.cells import cell_len

from tui import rows
from tui.panel import Listing, Panel
from tui.rows import Part, Row


@dataclass(frozen=True)
class Column:
    """One column; one with room 0 takes what is left."""

    title: str
    room: int = 0
    right: bool = False
    middle: bool = False
    """An id: where there is no room for it, its middle is left out."""


@dataclass(frozen=True)
class Line:
    """One row of a table."""

    key: Any
    """What the row is about; compared, so that the cursor stays on it."""
    cells: tuple[Part, ...]
    """Text and the name of its colour in the design, or a colour `#rrggbb`."""


class Table(Listing):
    """Rows under headings."""

    COLUMNS: ClassVar[tuple[Column, ...]] = ()
    NOTHING: ClassVar[str] = "nothing here"
    _part: tuple[Line, ...] | None

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._part = ()

    def lines(self, found: Sequence[Line]) -> None:
        """Show these rows."""
        self.put(tuple(found))

    def say(self, text: str) -> None:
        """An empty table with a word of its own."""
        self.nothing = text
        self.put(())
        self.on_resize()

    nothing = ""
    _rooms: Sequence[int] = ()

    def keys(self) -> Sequence[Any]:
        """What the rows are about."""
        return [line.key for line in self._part or ()]

    def head(self, room: int) -> list[Row]:
        """The headings."""
        quiet = self.ink["quiet"]
        self._rooms = rooms(self.COLUMNS, self._part or (), room)
        return [_joined(self.COLUMNS, self._rooms, [(c.title, quiet) for c in self.COLUMNS])]

    def row(self, number: int, room: int) -> Row:
        """One line in its columns."""
        assert self._part
        cells = [(text, self._colour(name)) for text, name in self._part[number].cells]
        return _joined(self.COLUMNS, self._rooms, cells)

    def empty(self) -> Row:
        """What to do about it."""
        return [(self.nothing or self.NOTHING, self.ink["quiet"])]

    def _colour(self, name: str) -> str:
        colour, _, more = name.partition(" ")
        return name if name.startswith("#") else f"{self.ink[colour]} {more}".strip()


def rooms(columns: Sequence[Column], lines: Sequence[Line], room: int) -> list[int]:
    """Cells of each column: those without a room of their own share by what stands in them."""
    free = room - sum(column.room for column in columns) - len(columns) + 1
    wanted = {
        k: max([len(column.title), *(cell_len(line.cells[k][0]) for line in lines), 4])
        for k, column in enumerate(columns)
        if not column.room
    }
    found = [column.room for column in columns]
    while wanted:
        fair = max(free // len(wanted), 4)
        # Who needs less than a fair share leaves the rest to the others.
        k = min(wanted, key=wanted.__getitem__)
        found[k] = fair if len(wanted) == 1 else min(wanted.pop(k), fair)
        free -= found[k]
        wanted.pop(k, None)
    return found


def _joined(columns: Sequence[Column], rooms: Sequence[int], cells: Sequence[Part]) -> Row:
    line: Row = []
    for column, room, (text, style) in zip(columns, rooms, cells, strict=True):
        put = rows.right if column.right else rows.left
        text = rows.middle(text, room) if column.middle else text
        line += [(put(text, room), style), (" ", "")]
    return line[:-1]


class Prose(Panel):
    """A text of rows that scrolls with the keys of a list."""

    BINDINGS: ClassVar[list[Any]] = list(Listing.BINDINGS)
    _part: tuple[tuple[Part, ...], ...] | None
    top = 0

    def say(self, found: Sequence[Row]) -> None:
        """Show these rows; colours by name."""
        self.put(tuple(tuple(row) for row in found))

    def draw(self, room: int, height: int) -> list[Row]:
        """The rows that fit, from `top` on."""
        assert self._part is not None
        self.top = max(min(self.top, len(self._part) - height), 0)
        shown = self._part[self.top : self.top + height]
        return [
            [(rows.clip(text, room), self._colour(name)) for text, name in row] for row in shown
        ]

    def _colour(self, name: str) -> str:
        colour, _, more = name.partition(" ")
        return name if name.startswith("#") else f"{self.ink[colour or 'text']} {more}".strip()

    def go(self, lines: int) -> None:
        """Scroll."""
        self.top += lines
        self.repaint()

    def action_key_down(self) -> None:
        """One line."""
        self.go(1)

    def action_key_up(self) -> None:
        """One line back."""
        self.go(-1)

    def action_page(self, way: int) -> None:
        """A screenful."""
        self.go(way * max(self.size.height - 1, 1))

    def action_edge(self, way: int) -> None:
        """To the beginning or the end."""
        self.go(way * (len(self._part or ()) + 1))

    def action_key_open(self) -> None:
        """Nothing stands behind a text."""

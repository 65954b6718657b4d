"""Tables with a cursor, and texts that scroll."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from rich.cells import cell_len

from oneclick.tui import rows
from oneclick.tui.panel import ListPanel, Panel
from oneclick.tui.rows import StyledRow, StyledText

LEAST_SHARE = 12
"""Cells that a column of no width of its own needs before others leave."""


@dataclass(frozen=True)
class Column:
    """One column of a table."""

    title: str
    width: int = 0
    """Cells; 0 shares what the other columns leave."""
    right: bool = False
    """Aligned to the right."""
    middle: bool = False
    """An id: it is cut in its middle where it is too long."""
    leaves: int = 0
    """Where the panel is too narrow columns leave in this order, 1 first; 0 stays."""


@dataclass(frozen=True)
class TableRow:
    """One row of a table."""

    key: Any
    """Identifies the row; compared, so that the cursor stays on it."""
    cells: tuple[StyledText, ...]
    """Text and the name of its colour in the design, or a colour `#rrggbb`."""


class TablePanel(ListPanel):
    """Panel of rows under headings, one of which is selected."""

    COLUMNS: ClassVar[tuple[Column, ...]] = ()
    EMPTY_TEXT: ClassVar[str] = "nothing here"
    _content: tuple[TableRow, ...] | None

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._content = ()
        self._message = ""
        self._widths: Sequence[int] = ()
        self._shown: Sequence[int] = ()

    def show_rows(self, table_rows: Sequence[TableRow]) -> None:
        """Show these rows."""
        self.show_content(tuple(table_rows))

    def show_message(self, text: str) -> None:
        """Show an empty table with a message."""
        self._message = text
        self.show_content(())
        self.on_resize()

    def keys(self) -> Sequence[Any]:
        """Return the keys of the rows."""
        return [row.key for row in self._content or ()]

    def header_rows(self, width: int) -> list[StyledRow]:
        """Return the headings."""
        quiet = self.ink["quiet"]
        self._shown = fitting_columns(self.COLUMNS, width)
        columns, cut_rows = self._columns, self._content or ()
        if len(columns) < len(self.COLUMNS):
            cut_rows = tuple(
                replace(row, cells=tuple(row.cells[k] for k in self._shown)) for row in cut_rows
            )
        self._widths = column_widths(columns, cut_rows, width)
        return [join_cells(columns, self._widths, [(column.title, quiet) for column in columns])]

    def row(self, number: int, width: int) -> StyledRow:
        """Return one row in its columns."""
        assert self._content
        texts = [self._content[number].cells[k] for k in self._shown]
        cells = [(text, self.named_style(name)) for text, name in texts]
        return join_cells(self._columns, self._widths, cells)

    @property
    def _columns(self) -> list[Column]:
        """Return the columns for which there is room."""
        return [self.COLUMNS[k] for k in self._shown]

    def empty_row(self) -> StyledRow:
        """Return the last message, or what an empty table means."""
        return [(self._message or self.EMPTY_TEXT, self.ink["quiet"])]


def fitting_columns(columns: Sequence[Column], width: int) -> list[int]:
    """Return the indices of the columns for which there is room, in order."""
    shown = list(range(len(columns)))
    for k in sorted(shown, key=lambda k: columns[k].leaves):
        if sum((columns[j].width or LEAST_SHARE) + 1 for j in shown) - 1 <= width:
            break
        if columns[k].leaves:
            shown.remove(k)
    return shown


def column_widths(
    columns: Sequence[Column], table_rows: Sequence[TableRow], width: int
) -> list[int]:
    """Return the cells of each column.

    Columns of width 0 share what the others leave: equally, but none gets more than its longest
    text needs, except the last one to be set.
    """
    free = width - sum(column.width for column in columns) - len(columns) + 1
    needs = {
        k: max([len(column.title), *(cell_len(row.cells[k][0]) for row in table_rows), 4])
        for k, column in enumerate(columns)
        if not column.width
    }
    widths = [column.width for column in columns]
    while needs:
        fair = max(free // len(needs), 4)
        # A column that needs less than its share leaves the rest to the others.
        k = min(needs, key=needs.__getitem__)
        widths[k] = fair if len(needs) == 1 else min(needs.pop(k), fair)
        free -= widths[k]
        needs.pop(k, None)
    return widths


def join_cells(
    columns: Sequence[Column], widths: Sequence[int], cells: Sequence[StyledText]
) -> StyledRow:
    """Return the cells aligned in their columns, one blank between two."""
    line: StyledRow = []
    for column, width, (text, style) in zip(columns, widths, cells, strict=True):
        align = rows.align_right if column.right else rows.align_left
        text = rows.shorten_middle(text, width) if column.middle else text
        line += [(align(text, width), style), (" ", "")]
    return line[:-1]


class TextPanel(Panel):
    """A text of rows that scrolls with the keys of a list."""

    BINDINGS: ClassVar[list[Any]] = list(ListPanel.BINDINGS)
    _content: tuple[tuple[StyledText, ...], ...] | None
    top = 0

    def show_text(self, lines: Sequence[StyledRow]) -> None:
        """Show these rows; their styles are names of colours in the design."""
        self.show_content(tuple(tuple(row) for row in lines))

    def draw(self, width: int, height: int) -> list[StyledRow]:
        """Return the rows that fit, from `top` on."""
        assert self._content is not None
        self.top = max(min(self.top, len(self._content) - height), 0)
        return [
            [(rows.shorten(text, width), self.named_style(name)) for text, name in row]
            for row in self._content[self.top : self.top + height]
        ]

    def scroll_rows(self, count: int) -> None:
        """Scroll down by so many rows, up if negative."""
        self.top += count
        self.redraw()

    def action_key_down(self) -> None:
        """Scroll one row down."""
        self.scroll_rows(1)

    def action_key_up(self) -> None:
        """Scroll one row up."""
        self.scroll_rows(-1)

    def action_page(self, way: int) -> None:
        """Scroll a screenful up (`way` -1) or down (1)."""
        self.scroll_rows(way * max(self.size.height - 1, 1))

    def action_edge(self, way: int) -> None:
        """Scroll to the beginning (`way` -1) or the end (1)."""
        self.scroll_rows(way * (len(self._content or ()) + 1))

    def action_key_open(self) -> None:
        """Ignore Enter: a text has no rows to select."""

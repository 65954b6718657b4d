"""Which columns of a table are left out where the panel is too narrow for all of them."""

from __future__ import annotations

import pytest

from oneclick.tui.panels.table import Column, fitting_columns
from oneclick.tui.screens.system import CameraTable

COLUMNS = (Column("id", 10), Column("a", 5, leaves=2), Column("b", 5, leaves=1), Column("text"))


@pytest.mark.parametrize(
    ("width", "titles"),
    [
        (100, ["id", "a", "b", "text"]),
        (35, ["id", "a", "b", "text"]),
        (34, ["id", "a", "text"]),
        (28, ["id", "text"]),
        (3, ["id", "text"]),
    ],
)
def test_columns_leave_in_their_order(width: int, titles: list[str]) -> None:
    assert [COLUMNS[k].title for k in fitting_columns(COLUMNS, width)] == titles


@pytest.mark.parametrize("width", [80, 100, 120, 160, 200])
def test_every_terminal_has_room_for_what_is_wrong_with_a_camera(width: int) -> None:
    columns = [CameraTable.COLUMNS[k] for k in fitting_columns(CameraTable.COLUMNS, width - 4)]
    assert sum((column.width or 12) + 1 for column in columns) - 1 <= width - 4
    titles = {column.title for column in columns}
    assert {"camera", "live", "what is wrong", "model"} <= titles
    assert ("drift" in titles) == (width >= 100)

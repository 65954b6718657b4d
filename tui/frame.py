"""One frame without a terminal."""

from __future__ import annotations

import asyncio
from typing import Literal, cast

from oneclick.core.errors import UnknownName, UsageError
from tui import grid
from tui.app import Oneclick
from tui.screens.registry import SCREENS

Kind = Literal["text", "svg"]


def kind(text: str) -> Kind:
    """`text` or `svg`.

    Raises:
        UsageError: it is neither.
    """
    if text not in ("text", "svg"):
        raise UsageError(f"--snapshot {text!r}: expected text or svg")
    return cast(Kind, text)


def size(text: str) -> tuple[int, int]:
    """Columns and rows of `120x40`.

    Raises:
        UsageError: it is no size.
    """
    columns, _, rows = text.partition("x")
    if not (columns.isdigit() and rows.isdigit() and int(columns) and int(rows)):
        raise UsageError(f"--size {text!r}: expected columns x rows, such as 120x40")
    return int(columns), int(rows)


def one(app: Oneclick, kind: Kind, size: tuple[int, int], screen: str = "pipeline") -> str:
    """Run the app for one read and give back what it showed.

    Raises:
        UnknownName: there is no such screen.
    """
    if screen not in SCREENS:
        raise UnknownName("screen", screen, list(SCREENS))
    return asyncio.run(_one(app, kind, size, screen))


async def _one(app: Oneclick, kind: Kind, size: tuple[int, int], screen: str) -> str:
    async with app.run_test(size=size) as pilot:
        await app.action_screen(list(SCREENS).index(screen) + 1)
        await settle(app, pilot)
        return "\n".join(grid.text(app)) if kind == "text" else grid.svg(app)


async def settle(app: Oneclick, pilot: object) -> None:
    """Wait until what was begun is shown."""
    for _ in range(2):
        await app.workers.wait_for_complete()
        await pilot.pause()  # type: ignore[attr-defined]

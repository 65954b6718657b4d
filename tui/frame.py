"""One frame of the UI, rendered without a terminal."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Literal, cast

from textual.worker import WorkerFailed

from oneclick.core.errors import UnknownName, UsageError
from oneclick.tui import grid
from oneclick.tui.app import Oneclick
from oneclick.tui.screens.registry import SCREENS

FrameFormat = Literal["text", "svg"]


def parse_format(text: str) -> FrameFormat:
    """Parse `text` or `svg`.

    Raises:
        UsageError: it is neither.
    """
    if text not in ("text", "svg"):
        raise UsageError(f"--snapshot {text!r}: expected text or svg")
    return cast(FrameFormat, text)


def parse_size(text: str) -> tuple[int, int]:
    """Parse `120x40` into columns and rows.

    Raises:
        UsageError: it is no size.
    """
    columns, _, rows = text.partition("x")
    if not (columns.isdigit() and rows.isdigit() and int(columns) and int(rows)):
        raise UsageError(f"--size {text!r}: expected columns x rows, such as 120x40")
    return int(columns), int(rows)


def render(
    app: Oneclick, format: FrameFormat, size: tuple[int, int], screen: str = "pipeline"
) -> str:
    """Run the app for one read and return what it showed.

    Args:
        app: not run before.
        format: of the returned text.
        size: columns and rows.
        screen: name of the screen to show.

    Raises:
        UnknownName: there is no such screen.
    """
    if screen not in SCREENS:
        raise UnknownName("screen", screen, list(SCREENS))

    async def run() -> str:
        async with app.run_test(size=size) as pilot:
            await app.action_screen(list(SCREENS).index(screen) + 1)
            await wait_until_idle(app, pilot)
            return "\n".join(grid.text(app)) if format == "text" else grid.svg(app)

    return asyncio.run(run())


async def wait_until_idle(app: Oneclick, pilot: object) -> None:
    """Wait until all workers have ended and what they brought is shown."""
    for _ in range(2):
        with suppress(WorkerFailed):  # the app shows the error itself
            await app.workers.wait_for_complete()
        await pilot.pause()  # type: ignore[attr-defined]

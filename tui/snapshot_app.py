"""Reading Snapshots: again and again in a thread, of the present or of an earlier time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, tzinfo
from typing import Any, Protocol

from textual import work
from textual.app import App
from textual.worker import Worker, WorkerState

from oneclick.core import visible
from oneclick.report.snapshot import Snapshot, Zoom
from oneclick.tui import commands
from oneclick.tui.bars import HeaderBar
from oneclick.tui.host import ReaderStatus
from oneclick.tui.panel import SnapshotView
from oneclick.tui.screens.base import NumberedScreen

READ_SECONDS = 1.0
"""Seconds from the end of one read to the next."""
ZOOMS = tuple(Zoom)


class SnapshotSource(Protocol):
    """Where Snapshots come from: `oneclick.report.snapshot_reader`."""

    def read(self, zoom: Zoom, at: datetime | None) -> Snapshot | None:
        """Read one Snapshot; None where it would be the same as the last."""
        ...

    def changed(self, zoom: Zoom, at: datetime | None) -> bool:
        """Return whether a read would bring anything new."""
        ...

    def close(self) -> None:
        """Close the source; there are no more reads."""
        ...


def step_time(
    at: datetime | None, current_time: datetime, zoom: Zoom, columns: int
) -> datetime | None:
    """Return the time so many columns of the timeline later; None once it is the present.

    From the present (`at` is None) the first step back goes to the start of the current column.
    """
    step = zoom.bucket
    seconds = (at or current_time).timestamp()
    seconds -= seconds % step if at is None else 0
    target = datetime.fromtimestamp(seconds + (columns + (at is None)) * step, UTC)
    return target if target < current_time else None


class SnapshotApp(App[None]):
    """An app that shows the newest Snapshot, or that of an earlier time.

    Args:
        source: of Snapshots.
        clock: returns the current time, UTC; for tests.
        zone: of the times on the screen; by default that of this machine.
        every: seconds between two reads.
        timer: seconds of a clock that measures reads; for tests.
    """

    def __init__(
        self,
        source: SnapshotSource,
        clock: Callable[[], datetime] | None,
        zone: tzinfo | None,
        every: float,
        timer: Callable[[], float] = time.perf_counter,
    ) -> None:
        super().__init__()
        self.source = source
        self.clock = clock or (lambda: datetime.now(UTC))
        self.zone = zone
        self.status = ReaderStatus()
        self.view: SnapshotView | None = None
        self._every = every
        self._timer = timer
        self._at: datetime | None = None
        """The earlier time that is shown; None is the present."""
        self._paused = False

    def notify(self, message: str, *, title: str = "", **options: Any) -> None:
        """Show a notification, with hidden characters as escapes and never as markup."""
        options["markup"] = False
        super().notify(visible.block(message), title=visible.line(title), **options)

    @work(thread=True, exclusive=True, group="read", exit_on_error=False)
    def read(self) -> tuple[Snapshot | None, float]:
        """Read one Snapshot in a thread; its result arrives as a change of the worker's state."""
        start = self._timer()
        snapshot = self.source.read(self.status.zoom, self._at)
        return snapshot, 1000 * (self._timer() - start)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Show what was read, or why the read failed; then wait for the next read."""
        if event.worker.group != "read" or event.state not in (
            WorkerState.SUCCESS,
            WorkerState.ERROR,
        ):
            return
        if event.state is WorkerState.ERROR:
            # The last picture stays; the lamp says that it is old, and why.
            error = commands.error_line(event.worker.error)
            self.status = replace(self.status, lamp="old" if self.view else "none", error=error)
            self.update_header()
        elif event.worker.result is not None:
            self.show_snapshot(*event.worker.result)
        if not self._paused and self._at is None:
            self.set_timer(self._every, self.read_if_changed)

    async def read_if_changed(self) -> None:
        """Read if there is anything new: a worker costs more than to find that out."""
        if self._paused or self._at is not None:
            return
        if await asyncio.to_thread(self.source.changed, self.status.zoom, None):
            self.read()
        else:
            self.set_timer(self._every, self.read_if_changed)

    def show_snapshot(self, snapshot: Snapshot | None, milliseconds: float) -> None:
        """Show a Snapshot; where it is None nothing has changed and only the lamp is set."""
        lamp = "past" if self._at else "paused" if self._paused else "live"
        self.status = replace(self.status, lamp=lamp, error="")
        if snapshot is not None:
            self.status = replace(self.status, at=snapshot.at, milliseconds=milliseconds)
            self.view = SnapshotView(snapshot, self.zone)
            self.update_panels()
        self.update_header()

    def update_panels(self) -> None:
        """Show the newest view on the current screen."""
        if self.view and isinstance(self.screen, NumberedScreen):
            self.screen.show(self.view)

    def update_header(self) -> None:
        """Paint the line at the top of the current screen again where it has changed."""
        for bar in self.screen.query(HeaderBar):
            bar.update()

    def on_screen_resume(self) -> None:
        """Show the newest view on a screen that comes to the front."""
        self.update_panels()

    def action_key_pause(self) -> None:
        """Stop reading, or go on with the present."""
        self._paused = not self._paused
        lamp = "paused" if self._paused else "live"
        self.status = replace(self.status, lamp=lamp, error="")
        self.update_header()
        if not self._paused:
            self.action_key_now()

    def action_key_zoom(self) -> None:
        """Show the timeline in the next zoom."""
        zoom = ZOOMS[(ZOOMS.index(self.status.zoom) + 1) % len(ZOOMS)]
        self.status = replace(self.status, zoom=zoom)
        self.read()

    def action_key_back(self) -> None:
        """Go one column of the timeline back in time."""
        self._at = step_time(self._at, self.clock(), self.status.zoom, -1)
        self.read()

    def action_key_forward(self) -> None:
        """Go one column of the timeline forward, up to the present."""
        if self._at is not None:
            self._at = step_time(self._at, self.clock(), self.status.zoom, 1)
            self.read()

    def action_key_now(self) -> None:
        """Go back to the present."""
        self._at, self._paused = None, False
        self.read()

    def action_key_refresh(self) -> None:
        """Read at once."""
        self.read()

    def on_unmount(self) -> None:
        """Close the source, and with it the catalog."""
        self.source.close()

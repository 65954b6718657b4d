"""Screens that show more than the Snapshot: they fetch it in a thread when something changed."""

from __future__ import annotations

import time
from typing import Any

from textual.worker import Worker, WorkerState

from oneclick.tui import commands
from oneclick.tui.panel import SnapshotView
from oneclick.tui.screens.base import NumberedScreen

REST_FACTOR = 20
"""A fetch that no key asked for waits so many times as long as the last one took: at most 5% of a
core goes into fetching, however large the workspace is."""


class FetchingScreen(NumberedScreen):
    """A screen whose subclasses fetch its content in a thread and fill their panels with it."""

    view: SnapshotView | None = None
    _busy = False
    _stale = False
    _fetch_start = 0.0
    _rest_until = 0.0

    def fetch(self, view: SnapshotView) -> Any:
        """Load the content of the screen; runs in a thread and may raise OneclickError."""
        raise NotImplementedError

    def fill(self, content: Any) -> None:
        """Show the content in the panels."""
        raise NotImplementedError

    def show(self, view: SnapshotView) -> None:
        """Show the view, and fetch the content that belongs to it unless the screen rests."""
        super().show(view)
        first, self.view = self.view is None, view
        if first or time.monotonic() >= self._rest_until:
            self.fetch_again()
        elif not self._stale:
            self._stale = True

            def fetch_late() -> None:
                if self._stale and self.is_current:
                    self.fetch_again()

            self.set_timer(self._rest_until - time.monotonic(), fetch_late)

    def fetch_again(self) -> None:
        """Fetch at once; during a running fetch, once more after its end."""
        if self.view is None:
            return
        if self._busy:
            self._stale = True
            return
        view, self._busy, self._stale = self.view, True, False
        self._fetch_start = time.monotonic()
        self.run_worker(
            lambda: self.fetch(view), thread=True, group=f"fetch-{self.NAME}", exit_on_error=False
        )

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Fill the panels with the content that was fetched."""
        if event.worker.group != f"fetch-{self.NAME}":
            return
        event.stop()
        if event.state not in (WorkerState.SUCCESS, WorkerState.ERROR, WorkerState.CANCELLED):
            return
        end = time.monotonic()
        self._busy, self._rest_until = False, end + REST_FACTOR * (end - self._fetch_start)
        if event.state is WorkerState.SUCCESS:
            self.fill(event.worker.result)
        elif event.state is WorkerState.ERROR:
            error = commands.error_line(event.worker.error)
            self.app.notify(error, severity="error", markup=False)
        if self._stale:
            self.fetch_again()

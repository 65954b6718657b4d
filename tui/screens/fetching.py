"""Screens that show more than the Snapshot: they fetch it in a thread when something changed."""

from __future__ import annotations

import time
from typing import Any

from textual.worker import Worker, WorkerState

from tui.panel import View
from tui.screens.base import Numbered

REST = 20
"""A fetch that nobody asked for waits so many times as long as the last one took: no more than 5%
of a core goes into fetching, however large the workspace is."""


class Fetching(Numbered):
    """Subclasses say what to fetch, in a thread, and how it fills their panels."""

    view: View | None = None
    _busy = False
    _stale = False
    _began = 0.0
    _rested = 0.0

    def fetch(self, view: View) -> Any:
        """Whatever the panels show; runs in a thread and may raise OneclickError."""
        raise NotImplementedError

    def fill(self, found: Any) -> None:
        """Put it into the panels."""
        raise NotImplementedError

    def show(self, view: View) -> None:
        """Show the View, and fetch what belongs to it."""
        super().show(view)
        first, self.view = self.view is None, view
        if first or time.monotonic() >= self._rested:
            self.again()
        elif not self._stale:
            self._stale = True
            self.set_timer(self._rested - time.monotonic(), self._late)

    def again(self) -> None:
        """Fetch now; one at a time, and once more if something was asked for meanwhile."""
        if self.view is None:
            return
        if self._busy:
            self._stale = True
            return
        view, self._busy, self._stale = self.view, True, False
        self._began = time.monotonic()
        self.run_worker(
            lambda: self.fetch(view), thread=True, group=f"fetch-{self.NAME}", exit_on_error=False
        )

    def _late(self) -> None:
        if self._stale and self.is_current:
            self.again()

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Fill the panels with what was fetched."""
        if event.worker.group != f"fetch-{self.NAME}":
            return
        event.stop()
        if event.state not in (WorkerState.SUCCESS, WorkerState.ERROR, WorkerState.CANCELLED):
            return
        now = time.monotonic()
        self._busy, self._rested = False, now + REST * (now - self._began)
        if event.state is WorkerState.SUCCESS:
            self.fill(event.worker.result)
        elif event.state is WorkerState.ERROR:
            from tui.app import said

            self.app.notify(said(event.worker.error), severity="error", markup=False)
        if self._stale:
            self.again()

"""Screens that show more than the Snapshot: they fetch it in a thread when something changed."""

from __future__ import annotations

from typing import Any

from textual.worker import Worker, WorkerState

from oneclick.core.errors import OneclickError
from tui.panel import View
from tui.screens.base import Numbered


class Fetching(Numbered):
    """Subclasses say what to fetch, in a thread, and how it fills their panels."""

    view: View | None = None

    def fetch(self, view: View) -> Any:
        """Whatever the panels show; runs in a thread and may raise OneclickError."""
        raise NotImplementedError

    def fill(self, found: Any) -> None:
        """Put it into the panels."""
        raise NotImplementedError

    def show(self, view: View) -> None:
        """Show the View, and fetch what belongs to it."""
        super().show(view)
        self.view = view
        self.again()

    def again(self) -> None:
        """Fetch; an older fetch that still runs is forgotten."""
        if self.view is not None:
            view = self.view
            self.run_worker(
                lambda: self.fetch(view),
                thread=True,
                exclusive=True,
                group=f"fetch-{self.NAME}",
                exit_on_error=False,
            )

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Fill the panels with what was fetched."""
        if event.worker.group != f"fetch-{self.NAME}":
            return
        event.stop()
        if event.state is WorkerState.SUCCESS:
            self.fill(event.worker.result)
        elif event.state is WorkerState.ERROR:
            if not isinstance(event.worker.error, OneclickError):
                raise event.worker.error or RuntimeError(f"{self.NAME} failed")
            self.app.notify(str(event.worker.error), severity="error", markup=False)

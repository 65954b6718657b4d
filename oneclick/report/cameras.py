"""What each camera and its models do: live state, edge intake and the figures of a week."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from oneclick.core import errors
from oneclick.core.errors import BadInput
from oneclick.report.edge import EdgeCameraRow, edge_cameras
from oneclick.report.insight import Insight, InsightRow, measure_insight
from oneclick.storage import alert_log, live_state
from oneclick.storage.live_state import CameraState
from oneclick.storage.workspace import Workspace

INSIGHT_SECONDS = 600.0
"""The figures of a week are measured anew after so long."""


@dataclass(frozen=True, kw_only=True)
class CameraFigures:
    """One camera, with one of its models."""

    camera: str
    live: CameraState | None
    """None where it does not run live."""
    edge: EdgeCameraRow | None
    """None where it sends no predictions."""
    insight: InsightRow | None
    """None where no model has looked at it in the last week, or it is not measured yet."""
    is_missed: bool = False
    """Whether it should run and did not at the last check of the flow `watch`."""

    @property
    def state(self) -> str:
        """Return its state as a lamp shows it: ok, warn, fail or wait."""
        live = self.live
        if self.is_missed and live is not None and live.status == "stopped":
            return "fail"
        if live is None or live.status == "stopped":
            return "warn" if self.edge and self.edge.trouble else "wait"
        if live.status in ("stalled", "refused") or live.flags:
            return "fail"
        return "ok" if live.status == "running" else "warn"

    @property
    def trouble(self) -> str:
        """Return what is wrong with it in one line, otherwise nothing."""
        live = self.live
        parts = [" ".join(live.flags), live.message] if live else []
        return ": ".join(part for part in parts if part)

    @property
    def cells(self) -> dict[str, str]:
        """Return its figures by heading as every screen shows them; empty where there is none.

        `new per h` are people who come into view, `unseen` is the share of frames with signs of
        people and no box.
        """
        live, edge, row = self.live, self.edge, self.insight
        is_running = live is not None and live.status == "running"
        return {
            "camera": self.camera,
            "live": live.status if live else "",
            "fps": f"{live.fps_detected:.1f}" if live and is_running else "",
            "lag ms": f"{live.lag_ms:.0f}" if live and is_running else "",
            "what is wrong": self.trouble,
            "drift": row.drift.text if row and row.drift else "",
            "flicker/min": f"{row.flickers_per_minute:.2f}" if row else "",
            "new per h": f"{row.appearances_per_hour:.1f}" if row else "",
            "unseen": row.unseen_text if row else "",
            "edge seen (UTC)": f"{edge.seen_at:%Y-%m-%d %H:%M}" if edge and edge.seen_at else "",
            "waiting": f"{edge.waiting:,}" if edge else "",
            "not taken": f"{edge.trouble:,}" if edge else "",
            "model": row.model if row else "",
        }


def camera_figures(
    home: Path, insight: Insight | None, now: float | None = None
) -> list[CameraFigures]:
    """Return a row for each camera that runs or should run live, sends predictions, was looked at.

    Where several models look at a camera, each has a row.

    Args:
        home: the workspace folder.
        insight: of the last week; None where it is not measured yet.
        now: unix seconds, by default the clock's.
    """
    at = time.time() if now is None else now
    missed: dict[str, datetime] = {}
    with suppress(BadInput):  # `doctor` says what is broken
        missed = alert_log.load(Workspace(home)).missed
    live = {
        name: live_state.read(home, name, at) or live_state.unknown(home, name, at)
        for name in {*live_state.cameras(home), *missed}
    }
    edge: dict[str, EdgeCameraRow] = {}
    with suppress(BadInput):  # `edge list` says what is broken
        edge = {row.camera: row for row in edge_cameras(home) if row.camera}
    rows = insight.rows if insight else []
    cameras = live.keys() | edge.keys() | {row.camera for row in rows}
    return [
        CameraFigures(
            camera=name,
            live=live.get(name),
            edge=edge.get(name),
            insight=row,
            is_missed=name in missed,
        )
        for name in sorted(cameras)
        for row in _rows_of(rows, name)
    ]


def _rows_of(rows: Sequence[InsightRow], camera: str) -> Sequence[InsightRow | None]:
    return [row for row in rows if row.camera == camera] or [None]


class InsightReader:
    """The figures of the last week, measured in a thread of its own: nobody waits for them.

    Args:
        home: the workspace folder.
        every: seconds after which they are measured anew.
    """

    def __init__(self, home: Path, every: float = INSIGHT_SECONDS) -> None:
        self._home, self._every = home, every
        self._insight: Insight | None = None
        self._begun_at = float("-inf")
        self._thread: threading.Thread | None = None
        self.problem = ""
        """Why the last measurement failed."""

    def newest(self) -> Insight | None:
        """Return the newest figures at once, None before the first, and have old ones renewed."""
        is_measuring = self._thread is not None and self._thread.is_alive()
        if not is_measuring and time.monotonic() - self._begun_at >= self._every:
            self._begun_at = time.monotonic()
            # A daemon: the program ends although it still measures.
            self._thread = threading.Thread(target=self._measure, name="insight", daemon=True)
            self._thread.start()
        return self._insight

    def _measure(self) -> None:
        try:
            self._insight, self.problem = measure_insight(self._home), ""
        except Exception as error:
            self.problem = errors.reason(error, "measure what models do")

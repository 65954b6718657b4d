"""What cameras and their models do: one place computes it, three show it."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from oneclick import report
from oneclick.catalog import Catalog
from oneclick.core.errors import Unavailable
from oneclick.report import cameras, snapshot_reader
from oneclick.report.cameras import InsightReader
from oneclick.storage import intake_counts, live_state
from oneclick.storage.intake_counts import CameraCounts
from oneclick.storage.live_state import CameraState, LiveStatus
from oneclick.storage.workspace import Workspace
from oneclick.tui.screens.system import CameraTable
from tests.cli.program import oneclick
from tests.report.test_insight import add_video, seen
from tests.tui.samples import app, drive, press
from tests.waits import HANG_SECONDS, wait_until

NOW = 1_000.0
SEEN_AT = datetime(2026, 11, 28, 11, 30, tzinfo=UTC)


def write_live(home: Path, status: LiveStatus, *flags: str, message: str = "") -> None:
    state = CameraState(
        camera="hall",
        status=status,
        message=message,
        since=0.0,
        written_at=NOW,
        fps_detected=9.87,
        lag_ms=123.4,
        flags=flags,
    )
    live_state.write(home, state)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A live camera that is dark, an edge camera, and one that a model has looked at."""
    Catalog.open(tmp_path).close()
    write_live(tmp_path, "running", "dark", message="the lens is covered")
    counts = CameraCounts(stored=10, lost=2, seen_at=SEEN_AT)
    intake_counts.save(Workspace(tmp_path), {"bed": counts, "": CameraCounts()})
    scores = seen([(100, 300), (400, 500)])
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)
    add_video(tmp_path, start, {"a": scores, "b": scores})
    return tmp_path


def test_live_edge_and_model_stand_in_one_row_for_each_camera_and_model(home: Path) -> None:
    rows = report.camera_figures(home, report.measure_insight(home), NOW)
    assert [(row.camera, row.cells["model"]) for row in rows] == [
        ("bed", ""),
        ("hall", ""),
        ("ward", "a"),
        ("ward", "b"),
    ]
    bed, hall, ward = (row.cells for row in rows[:3])
    assert (hall["live"], hall["fps"], hall["lag ms"]) == ("running", "9.9", "123")
    assert hall["what is wrong"] == "dark: the lens is covered"
    assert (bed["edge seen (UTC)"], bed["waiting"], bed["not taken"]) == (
        "2026-11-28 11:30",
        "0",
        "2",
    )
    assert (ward["new per h"], ward["flicker/min"], ward["unseen"]) == ("120.0", "0.00", "")
    assert [row.state for row in rows] == ["warn", "fail", "wait", "wait"]


@pytest.mark.parametrize(
    ("status", "state"),
    [("running", "ok"), ("connecting", "warn"), ("stalled", "fail"), ("stopped", "wait")],
)
def test_the_lamp_of_a_live_camera_tells_its_status(
    tmp_path: Path, status: LiveStatus, state: str
) -> None:
    write_live(tmp_path, status)
    (row,) = report.camera_figures(tmp_path, None, NOW)
    assert row.state == state


def test_the_screen_and_its_twin_say_the_same(home: Path) -> None:
    write_live(home, "stopped", message="its process has ended")
    answer = oneclick("cameras", "status", home=home)
    assert answer.returncode == 0, answer.stderr
    document = json.loads(oneclick("cameras", "status", "--json", home=home).stdout)
    assert [row["camera"] for row in document] == ["bed", "hall", "ward", "ward"]
    rows = report.camera_figures(home, report.measure_insight(home))
    status = oneclick("status", home=home).stdout
    assert "live       1 camera, 0 running; hall: its process has ended" in status
    assert json.loads(oneclick("status", "--json", home=home).stdout)["live"][0]["camera"] == "hall"

    async def go(pilot: Any) -> None:
        await press(pilot, "7")
        screen = pilot.app.screen
        deadline = time.monotonic() + HANG_SECONDS
        while len(screen.query_one(CameraTable).keys()) < len(rows):
            assert time.monotonic() < deadline
            screen.read_cameras()
            await pilot.pause(0.02)

    lines = drive(app(snapshot_reader.SnapshotReader(home), home), go, (200, 60))
    for row in rows:
        line = next(line for line in lines if row.camera in line and row.cells["model"] in line)
        for text in filter(None, row.cells.values()):
            assert text[:19] in line
            assert text in answer.stdout


def test_figures_are_measured_beside_the_reader_and_anew_after_a_while(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = InsightReader(home)
    assert reader.newest() is None
    wait_until(lambda: reader.newest() is not None, lambda: reader.problem)

    def refuse(_: Path) -> None:
        raise Unavailable("the catalog is held")

    monkeypatch.setattr(cameras, "measure_insight", refuse)
    reader = InsightReader(home, every=0.0)
    wait_until(lambda: reader.newest() or reader.problem, lambda: reader.problem)
    assert reader.problem == "the catalog is held"

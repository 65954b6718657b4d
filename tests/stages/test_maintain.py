"""What is cleaned up, and what is never touched.

Deletion by a clock was looked for at everything that goes with age: recordings, searches, requests
and what stopped cameras left follow the time of maintenance, which a wrong clock cannot move on;
segments of a running camera followed the clock, and are as old as the time that has passed now; its
ring, minutes to look back at, still follows it.
"""

import errno
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from oneclick.catalog import Catalog
from oneclick.core.clips import ChosenBy, Clip, ClipStage, Video
from oneclick.core.edge_messages import SpanRequest
from oneclick.core.errors import Unavailable, UnknownName
from oneclick.core.spans import Span
from oneclick.stages import maintain
from oneclick.storage import cards, incidents, live_state, locks, searches, span_requests
from oneclick.storage.live_ring import RingFrame, RingWriter
from oneclick.storage.live_state import CameraState
from oneclick.storage.locks import WriteLock
from oneclick.storage.searches import SearchRecord
from oneclick.storage.workspace import Workspace
from oneclick.video import index_files
from oneclick.video.streams import segment_closer

NOW = datetime(2026, 3, 1, tzinfo=UTC)
VIDEO = Video(
    id="hall-0001",
    camera="hall",
    started_at=None,
    fps=10.0,
    frames=100,
    width=64,
    height=48,
    digest="0" * 64,
    suffix=".mp4",
)
CLIP = Clip(
    id="hall-0001-00000000",
    camera="hall",
    video=VIDEO.id,
    span=Span(0, 10),
    fps=10.0,
    width=64,
    height=48,
    chosen_by=ChosenBy.TRIGGER,
    digest="1",
)

LOOK = cards.ModelPair(cards.ModelRef("opencv-hog", 0.5))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """One recording, 40 days old, searched, with its only selection cut."""
    workspace = Workspace(tmp_path)
    raw = workspace.video_file(VIDEO)
    raw.parent.mkdir(parents=True)
    raw.write_bytes(b"video")
    old = (NOW - timedelta(days=40)).timestamp()
    os.utime(raw, (old, old))
    with Catalog.open(tmp_path) as catalog:
        catalog.add_video(VIDEO)
        cards.save_hits(workspace, VIDEO.id, "key", LOOK, [], [CLIP])
        catalog.add_selections([replace(CLIP, digest="")], [(VIDEO.id, "trigger", "key")])
        catalog.add_clip(CLIP, "test")
    return tmp_path


def kept(home: Path) -> bool:
    return Workspace(home).video_file(VIDEO).exists()


@pytest.mark.parametrize(
    ("days", "stays"), [(30, False), (50, True), (0, True)], ids=["older", "younger", "for ever"]
)
def test_a_recording_goes_when_its_clips_are_cut_and_its_days_are_over(
    home: Path, days: int, stays: bool
) -> None:
    index = index_files.path_of(Workspace(home).video_file(VIDEO))
    index.write_bytes(b"index")
    outcome = maintain.maintain(home, days, NOW)
    assert kept(home) is stays
    assert index.exists() is stays
    assert outcome.result.done == ([] if stays else [VIDEO.id])
    assert maintain.maintain(home, days, NOW).result.done == []


def test_a_recording_that_cannot_be_removed_is_named_and_the_others_go(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = replace(VIDEO, id="hall-0002", digest="2")
    path = Workspace(home).video_file(other)
    shutil.copy2(Workspace(home).video_file(VIDEO), path)
    shutil.copy(Workspace(home).hits(VIDEO.id), Workspace(home).hits(other.id))
    with Catalog.open(home) as catalog:
        catalog.add_video(other)
    unlink = Path.unlink

    def refuse(file: Path, missing_ok: bool = False) -> None:
        if file == Workspace(home).video_file(VIDEO):
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
        unlink(file, missing_ok)

    monkeypatch.setattr(Path, "unlink", refuse)
    result = maintain.maintain(home, 30, NOW).result
    monkeypatch.undo()
    assert result.done == [other.id]
    assert "Operation not permitted" in result.failed[VIDEO.id]
    assert kept(home)
    assert not path.exists()


def test_a_recording_with_a_selection_to_cut_stays(home: Path) -> None:
    waiting = replace(CLIP, id="hall-0001-00005000", span=Span(50, 60), digest="")
    with Catalog.open(home) as catalog:
        catalog.add_selections([waiting])
    maintain.maintain(home, 30, NOW)
    assert kept(home)


def test_what_is_picked_during_maintenance_keeps_its_recording_or_is_refused(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held_videos, workspace, picks = incidents.held_videos, Workspace(home), []

    def pick() -> None:
        waiting = replace(CLIP, id="hall-0001-00005000", span=Span(50, 60), digest="")
        with (
            suppress(Unavailable),
            locks.hold(workspace, WriteLock.SELECTION, wait=False),
            Catalog.open(home) as catalog,
        ):
            catalog.add_selections([waiting])
            picks.append(waiting)

    def pick_late(*arguments: Any) -> set[str]:
        with ThreadPoolExecutor(1) as other:
            other.submit(pick).result()
        return held_videos(*arguments)

    monkeypatch.setattr(incidents, "held_videos", pick_late)
    maintain.maintain(home, 30, NOW)
    assert kept(home) is bool(picks)


def test_a_recording_that_nobody_searched_stays(home: Path) -> None:
    Workspace(home).hits(VIDEO.id).unlink()
    maintain.maintain(home, 30, NOW)
    assert kept(home)


def test_claims_whose_time_is_over_are_put_back(home: Path) -> None:
    with Catalog.open(home, clock=lambda: NOW - timedelta(days=1)) as catalog:
        assert catalog.claim(ClipStage.CUT, "elsewhere:1:0", 10, 60) == [CLIP.id]
    assert maintain.maintain(home, 0).expired == 1
    with Catalog.open(home) as catalog:
        assert catalog.claim(ClipStage.CUT, "here:1:0", 10, 60) == [CLIP.id]


def test_a_quarantined_clip_goes_back_where_it_fell(home: Path) -> None:
    workspace = Workspace(home)
    with Catalog.open(home) as catalog:
        cards.save_quarantine(workspace, CLIP.id, "broken")
        catalog.quarantine(CLIP.id, "broken", "test")
    assert maintain.retry(home).done == [CLIP.id]
    assert not workspace.quarantine_card(CLIP.id).exists()
    with Catalog.open(home) as catalog:
        assert catalog.clip(CLIP.id).stage is ClipStage.CUT
    assert maintain.retry(home, [CLIP.id]).skipped == [CLIP.id]


def test_retry_names_a_clip_that_does_not_exist(home: Path) -> None:
    with pytest.raises(UnknownName, match="nowhere"):
        maintain.retry(home, ["nowhere"])


def test_a_clock_that_jumped_ahead_deletes_nothing_at_once(home: Path) -> None:
    raw = Workspace(home).video_file(VIDEO)
    now = datetime.now(UTC)
    os.utime(raw, (now.timestamp(), now.timestamp()))
    for hours in (0, 1, 25, 49):  # of a clock that goes on 40 days ahead
        maintain.maintain(home, 30, now + timedelta(days=40, hours=hours))
        assert kept(home)


def test_maintenance_every_day_deletes_on_time(home: Path) -> None:
    raw = Workspace(home).video_file(VIDEO)
    now = datetime.now(UTC)
    os.utime(raw, (now.timestamp(), now.timestamp()))
    days = 0
    while kept(home) and days < 99:
        maintain.maintain(home, 30, now + timedelta(days=days))
        days += 1
    assert 30 <= days <= 33


def test_a_recording_that_a_quarantined_clip_needs_stays(home: Path) -> None:
    with Catalog.open(home) as catalog:
        catalog.quarantine(CLIP.id, "broken", "test")
    outcome = maintain.maintain(home, 30, NOW)
    assert (outcome.result.done, outcome.holds) == ([], (VIDEO.id,))
    assert kept(home)
    maintain.retry(home)
    assert maintain.maintain(home, 30, NOW).result.done == [VIDEO.id]


def test_a_recording_stays_whose_clip_could_not_be_cut(home: Path) -> None:
    waiting = replace(CLIP, id="hall-0001-00005000", span=Span(50, 60), digest="")
    with Catalog.open(home) as catalog:
        catalog.add_selections([waiting])
        catalog.quarantine(waiting.id, "disk trouble", "cut")
    maintain.maintain(home, 30, NOW)
    assert kept(home)


def test_what_a_live_camera_left_goes_unless_it_is_young_or_runs(home: Path) -> None:
    recordings = live_state.recordings_folder(home, "hall")
    recordings.mkdir(parents=True)
    ring = live_state.ring_folder(home, "hall")
    with RingWriter(ring) as writer:
        writer.append(RingFrame(time=1.0, width=8, height=8, boxes={}, signals={}, jpeg=b"picture"))
    left = [recordings / "20260101T000000.000Z.mkv.part", *ring.glob("*.ring")]
    left += [recordings / ".20260101T000000.000Z.mkv.part.broken"]
    segments = [
        recordings / segment_closer.segment_name(NOW.timestamp() - 3600 * h) for h in (60, 80)
    ]
    for path in (*left, *segments):
        path.touch()
        os.utime(path, (NOW.timestamp() - 80 * 3600,) * 2)
    with Catalog.open(home) as catalog:
        catalog.add_video(replace(VIDEO, id="hall-now", digest="2", started_at=NOW))
    maintain.maintain(home, 0, NOW, retain_live_hours=100)
    assert all(path.exists() for path in (*left, *segments))
    with RingWriter(ring):
        maintain.maintain(home, 0, NOW)
    assert [path.exists() for path in segments] == [True, False]
    assert all(path.exists() for path in left)
    maintain.maintain(home, 0, NOW)
    assert not any(path.exists() for path in left)


def test_what_cannot_be_removed_of_one_camera_keeps_nothing_of_others(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = NOW.timestamp() - 3600 * 80
    for camera in ("attic", "hall", "ward"):
        ring = live_state.ring_folder(home, camera)
        ring.mkdir(parents=True)
        for name in ("1.ring", "2.ring"):
            (ring / name).touch()
            os.utime(ring / name, (old, old))
    unlink = Path.unlink

    def refuse(path: Path, *arguments: bool, **more: bool) -> None:
        if path.parent == live_state.ring_folder(home, "hall"):
            raise PermissionError(13, "Permission denied")
        if path.name == "1.ring":
            unlink(path)  # another process is faster
        unlink(path, *arguments, **more)

    monkeypatch.setattr(Path, "unlink", refuse)
    with Catalog.open(home) as catalog:
        catalog.add_video(replace(VIDEO, id="hall-now", digest="2", started_at=NOW))
    failed = maintain.maintain(home, 0, NOW).result.failed
    assert list(failed) == ["hall"]
    assert "Permission denied" in failed["hall"]
    rings = [path.parent.parent.name for path in home.rglob("*.ring")]
    assert rings == ["hall", "hall"]


def test_a_live_camera_that_is_gone_is_forgotten_unless_the_settings_name_it(home: Path) -> None:
    hours = {"hall": 80, "ward": 80, "door": 60, "attic": 80}
    for camera, age in hours.items():
        at = NOW.timestamp() - 3600 * age
        live_state.camera_folder(home, camera).mkdir(parents=True)
        state = CameraState(camera=camera, status="running", since=at, written_at=at)
        live_state.write(home, state)
        os.utime(live_state.state_file(home, camera), (at, at))
    with Catalog.open(home) as catalog:
        catalog.add_video(replace(VIDEO, id="hall-now", digest="2", started_at=NOW))
    with RingWriter(live_state.ring_folder(home, "attic")):  # its process cannot write its state
        maintain.maintain(home, 0, NOW, live_cameras=["ward"])
    assert live_state.cameras(home) == ["attic", "door", "ward"]
    maintain.maintain(home, 0, NOW, live_cameras=["ward"])
    assert live_state.cameras(home) == ["door", "ward"]


def test_searches_and_requests_that_nobody_needs_any_more_go(home: Path) -> None:
    workspace = Workspace(home)
    with Catalog.open(home) as catalog:
        catalog.add_video(replace(VIDEO, id="hall-now", digest="2", started_at=NOW))
    for days in (10, 40):
        at = NOW - timedelta(days=days)
        name = searches.search_id("hall", "lea", at, "key")
        record = SearchRecord(
            id=name, camera="hall", region=(0, 0, 1, 1), evidence=(), by="lea", at=at
        )
        searches.save(workspace, record)
    seconds = NOW.timestamp()
    for number, days in enumerate((1, 8)):
        request = SpanRequest(
            id=f"hall-{number}",
            camera="hall",
            start=seconds - days * 86400 - 10,
            stop=seconds - days * 86400,
            moment=seconds - days * 86400 - 5,
        )
        span_requests.open_request(workspace, request)
    maintain.maintain(home, 0, NOW)
    assert [name[:8] for name in searches.names(workspace)] == ["20260219"]
    assert [request.id for request in span_requests.pending(workspace, "hall")] == ["hall-0"]
    ended = span_requests.find(workspace, "hall", "hall-1")
    assert ended is not None
    assert ended.reason == "the device did not answer in 7 days"
    old = span_requests.folder(workspace, "hall") / "done" / "hall-1.json"
    os.utime(old, (seconds - 100 * 86400,) * 2)
    maintain.maintain(home, 0, NOW)
    assert span_requests.find(workspace, "hall", "hall-1") is None


def test_frames_that_an_earlier_version_linked_are_copied(home: Path) -> None:
    workspace = Workspace(home)
    workspace.frames_dir(CLIP.id).mkdir(parents=True)
    linked = [home / f"{number}.jpg" for number in range(3)]
    for number, path in enumerate(linked):
        workspace.frame_file(CLIP.id, number).write_bytes(b"picture")
        path.hardlink_to(workspace.frame_file(CLIP.id, number))
    maintain.maintain(home, 0)
    for number, path in enumerate(linked):
        path.write_bytes(b"")
        assert workspace.frame_file(CLIP.id, number).read_bytes() == b"picture"

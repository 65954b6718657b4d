"""What is cleaned up, and what is never touched."""

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from oneclick.catalog import Catalog
from oneclick.core.clips import ChosenBy, Clip, ClipStage, Video
from oneclick.core.errors import UnknownName
from oneclick.core.spans import Span
from oneclick.stages import maintain
from oneclick.storage import cards
from oneclick.storage.workspace import Workspace
from oneclick.video import index_files

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


def test_a_recording_with_a_selection_to_cut_stays(home: Path) -> None:
    waiting = replace(CLIP, id="hall-0001-00005000", span=Span(50, 60), digest="")
    with Catalog.open(home) as catalog:
        catalog.add_selections([waiting])
    maintain.maintain(home, 30, NOW)
    assert kept(home)


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

"""Recordings come in once, whole, under the right name; the bad ones are told and left out."""

from __future__ import annotations

import errno
import itertools
import os
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from oneclick import video
from oneclick.catalog import Catalog
from oneclick.core.errors import NoSpace
from oneclick.core.results import BatchResult
from oneclick.stages import fetch
from oneclick.storage import cards, files
from oneclick.storage.workspace import Workspace
from oneclick.video import recordings

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
_shade = itertools.count(20)


def record(path: Path, frames: int = 3) -> Path:
    """A small video that differs from all others of this test run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    shade = next(_shade) * 3 % 250
    video.write(path, (np.full((16, 16 + 2 * (shade % 5), 3), shade, np.uint8),) * frames, 5)
    return path


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def ids(home: Path) -> list[str]:
    with Catalog.open(home) as catalog:
        return [recording.id for recording in catalog.videos()]


def names_below(home: Path) -> list[str]:
    return sorted(p.name for p in (home / "videos").rglob("*") if p.is_file())


def test_a_file_becomes_a_video_with_a_card_and_a_row(home: Path, tmp_path: Path) -> None:
    source = record(tmp_path / "Room 1.MP4", frames=4)
    result = fetch.fetch(home, [str(source)])
    digest = files.sha256(source)
    assert result == BatchResult(done=[f"room_1-{digest[:12]}"])
    with Catalog.open(home) as catalog:
        recording = catalog.video(result.done[0])
    workspace = Workspace(home)
    assert (recording.camera, recording.started_at, recording.frames, recording.fps) == (
        "room_1",
        None,
        4,
        5.0,
    )
    assert (recording.digest, recording.suffix) == (digest, ".mp4")
    assert files.sha256(workspace.video_file(recording)) == digest
    assert cards.load_video_card(workspace.video_card("room_1", recording.id)) == recording


CAMERAS: dict[str, tuple[str, str | None, str]] = {
    "the argument comes first": ("ward/room1/a.mp4", "Hall", "hall"),
    "the folder below the source": ("ward/room1/a.mp4", None, "room1"),
    "the nearest folder": ("ward/floor2/room3/a.mp4", None, "room3"),
    "a date is no camera": ("ward/room4/2026-11-21/a.mp4", None, "room4"),
    "the file's name": ("ward/Bed 7.mp4", None, "bed_7"),
    "the file's name without its time": ("ward/cam9_20261121_100000.mp4", None, "cam9"),
    "the folder where the file is but a time": ("ward/20261121_100000.mp4", None, "ward"),
}


@pytest.mark.parametrize("case", CAMERAS)
def test_the_camera_is(home: Path, tmp_path: Path, case: str) -> None:
    path, argument, camera = CAMERAS[case]
    record(tmp_path / path)
    result = fetch.fetch(home, [str(tmp_path / "ward")], camera=argument)
    assert not result.failed
    assert result.done[0].split("-")[0] == camera


def test_the_start_is_the_argument_else_the_name(home: Path, tmp_path: Path) -> None:
    source = str(record(tmp_path / "cam_20261121_100000.mp4"))
    assert fetch.fetch(home, [source]).done == ["cam-20261121T100000Z"]
    other = str(record(tmp_path / "cam_20261121_110000.mp4"))
    assert fetch.fetch(home, [other], started_at=NOON).done == ["cam-20261121T120000Z"]


def test_what_was_fetched_is_skipped_without_being_read(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(tmp_path / "ward" / "a.mp4")
    record(tmp_path / "ward" / "b.mp4")
    first = fetch.fetch(home, [str(tmp_path / "ward")])

    def unread(recording: recordings.Recording) -> Iterator[bytes]:
        raise AssertionError(f"{recording.name} is read again")

    monkeypatch.setattr(recordings.Recording, "chunks", unread)
    again = fetch.fetch(home, [str(tmp_path / "ward")])
    assert (again.done, again.skipped, again.failed) == ([], first.done, {})


def test_a_copy_of_a_source_is_the_same_video(home: Path, tmp_path: Path) -> None:
    source = record(tmp_path / "a.mp4")
    first = fetch.fetch(home, [str(source)])
    (tmp_path / "other").mkdir()
    shutil.copy(source, tmp_path / "other" / "a.mp4")
    again = fetch.fetch(home, [str(tmp_path / "other" / "a.mp4")])
    assert (again.done, again.skipped) == ([], first.done)
    assert ids(home) == first.done


def test_a_recording_that_was_removed_after_its_days_is_not_fetched_again(
    home: Path, tmp_path: Path
) -> None:
    source = record(tmp_path / "a.mp4")
    first = fetch.fetch(home, [str(source)])
    with Catalog.open(home) as catalog:
        raw = Workspace(home).video_file(catalog.video(first.done[0]))
    raw.unlink()
    assert fetch.fetch(home, [str(source)]).skipped == first.done
    assert not raw.exists()


def test_another_recording_in_the_place_of_the_first_is_another_video(
    home: Path, tmp_path: Path
) -> None:
    source = record(tmp_path / "a.mp4")
    first = fetch.fetch(home, [str(source)])
    record(source, frames=5)
    second = fetch.fetch(home, [str(source)])
    assert first.done != second.done
    assert not second.notes
    assert len(ids(home)) == 2


def text(path: Path) -> None:
    path.write_text("no video at all\n")


def dangling(path: Path) -> None:
    path.symlink_to("nowhere.mp4")


def truncated(path: Path) -> None:
    record(path, frames=9)
    os.truncate(path, 300)


BAD: list[Callable[[Path], None]] = [text, Path.touch, dangling, truncated]


def test_bad_files_are_named_and_the_others_come_in(home: Path, tmp_path: Path) -> None:
    ward = tmp_path / "ward"
    record(ward / "good.mp4")
    for number, make in enumerate(BAD):
        make(ward / f"bad{number}.mp4")
    result = fetch.fetch(home, [str(ward)])
    assert len(result.done) == 1
    assert sorted(result.failed) == [f"{ward}/bad{number}.mp4" for number in range(len(BAD))]
    for path, reason in result.failed.items():
        assert Path(path).name in reason
        assert "\n" not in reason
        assert ".tmp" not in reason
    assert len(names_below(home)) == 4, "the video, its index, its card and its note"


def test_a_folder_that_may_not_be_read_is_named(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ward = tmp_path / "ward"
    record(ward / "open" / "a.mp4")
    record(ward / "locked" / "b.mp4")
    real = os.scandir

    def scandir(path: str = ".") -> object:
        if str(path).endswith("locked"):
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    result = fetch.fetch(home, [str(ward)])
    assert [name.split("-")[0] for name in result.done] == ["open"]
    assert "Permission denied" in result.failed[f"{ward}/locked"]


EMPTY_HANDED = {
    "missing": ("missing", "there is no file or folder"),
    "empty folder": ("empty", "no video files in"),
    "folder of texts": ("texts", "no video files in"),
    "unknown kind of URL": ("carrier-pigeon://coop/a.mp4", "cannot look into"),
}


@pytest.mark.parametrize("case", EMPTY_HANDED)
def test_a_source_that_gives_nothing_says_why(home: Path, tmp_path: Path, case: str) -> None:
    name, words = EMPTY_HANDED[case]
    (tmp_path / "empty").mkdir()
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text("text")
    (tmp_path / "texts" / "._a.mp4").write_text("what some systems leave beside a video")
    source = name if "://" in name else str(tmp_path / name)
    good = str(record(tmp_path / "good.mp4"))
    result = fetch.fetch(home, [source, good])
    assert words in result.failed[source]
    assert len(result.done) == 1


def test_a_file_named_by_itself_may_have_any_suffix(home: Path, tmp_path: Path) -> None:
    source = record(tmp_path / "a.mp4").rename(tmp_path / "recording.json")
    result = fetch.fetch(home, [str(source)])
    assert not result.failed
    assert any(name.endswith(recordings.UNKNOWN_SUFFIX) for name in names_below(home))


def test_a_full_disk_ends_the_fetch_and_leaves_nothing_half(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = record(tmp_path / "a.mp4"), record(tmp_path / "b.mp4")
    fetch.fetch(home, [str(first)])
    before = names_below(home)

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(NoSpace, match="no space left"):
            fetch.fetch(home, [str(second)])
    assert names_below(home) == before
    assert len(fetch.fetch(home, [str(second)]).done) == 1


@pytest.mark.parametrize("step", ["save_video_card", "add_video"])
def test_a_fetch_that_was_killed_is_finished_by_the_next(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    source = record(tmp_path / "a.mp4")

    def killed(*args: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(cards if step == "save_video_card" else Catalog, step, killed)
        with pytest.raises(KeyboardInterrupt):
            fetch.fetch(home, [str(source)])
    assert ids(home) == []
    result = fetch.fetch(home, [str(source)])
    assert ids(home) == result.done
    assert len(names_below(home)) == 4


def test_the_name_of_a_person_is_in_no_path_and_no_file_but_one(home: Path, tmp_path: Path) -> None:
    record(tmp_path / "in" / "Anna Schmidt" / "Anna Schmidt 2026-11-21T12-00-00.mp4")
    record(tmp_path / "in" / "ward_a" / "x.mp4")
    result = fetch.fetch(home, [str(tmp_path / "in")])
    assert len(result.done) == 2
    assert result.done[0] == "cam01-20261121T120000Z"
    assert result.done[1].startswith("ward_a-")
    paths = [path for path in home.rglob("*") if b"chmidt" in str(path).encode()]
    assert paths == []
    named = [p.name for p in home.rglob("*") if p.is_file() and b"chmidt" in p.read_bytes().lower()]
    assert named == ["cameras.json"]
    assert home.stat().st_mode & 0o777 == 0o700
    assert len(fetch.fetch(home, [str(tmp_path / "in")]).skipped) == 2


def test_a_camera_that_has_recordings_under_the_name_of_a_person_goes_on(
    home: Path, tmp_path: Path
) -> None:
    record(tmp_path / "in" / "Anna Schmidt" / "a.mp4")
    fetch.fetch(home, [str(tmp_path / "in")], codes="never")
    record(tmp_path / "in" / "Anna Schmidt" / "b.mp4")
    (video_id,) = fetch.fetch(home, [str(tmp_path / "in")]).done
    assert video_id.startswith("anna_schmidt-")

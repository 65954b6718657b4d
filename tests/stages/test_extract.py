"""Clips become pictures: all of a clip's or none, and a bad clip is put aside alone."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from oneclick import video
from oneclick.catalog import Catalog
from oneclick.core.clips import ChosenBy, Clip, ClipStage, Video
from oneclick.core.errors import NoSpace
from oneclick.core.spans import Span
from oneclick.stages import extract
from oneclick.storage import cards, files
from oneclick.storage.workspace import Workspace

FRAMES = 7
VIDEO = Video(
    id="hall-0",
    camera="hall",
    started_at=None,
    fps=10.0,
    frames=100,
    width=32,
    height=24,
    digest="0" * 64,
    suffix=".mp4",
)


@pytest.fixture
def clips(tmp_path: Path) -> list[str]:
    """Three clips at CUT."""
    workspace = Workspace(tmp_path)
    with Catalog.open(tmp_path) as catalog:
        catalog.add_video(VIDEO)
        for number in range(3):
            name, span = f"hall-0-{number}", Span(number * 10, number * 10 + FRAMES)
            file = workspace.clip_file(name)
            frames = (np.full((24, 32, 3), 30 * k, np.uint8) for k in range(FRAMES))
            video.write(file, frames, 10)
            digest = files.sha256(file)
            clip = Clip(
                id=name,
                camera="hall",
                video=VIDEO.id,
                span=span,
                fps=10.0,
                width=32,
                height=24,
                chosen_by=ChosenBy.TRIGGER,
                digest=digest,
            )
            cards.save_clip_card(workspace, clip)
            catalog.add_clip(clip, "test")
    return [f"hall-0-{number}" for number in range(3)]


def stages(home: Path) -> list[ClipStage]:
    with Catalog.open(home) as catalog:
        return [row.stage for row in catalog.clips()]


def pictures(home: Path, clip: str) -> list[str]:
    return sorted(p.name for p in Workspace(home).frames_dir(clip).glob("*"))


def test_every_frame_becomes_a_picture(tmp_path: Path, clips: list[str]) -> None:
    assert extract.extract(tmp_path, clips).done == clips
    for clip in clips:
        assert pictures(tmp_path, clip) == [f"{k:06d}.jpg" for k in range(FRAMES)]
    assert stages(tmp_path) == [ClipStage.EXTRACTED] * 3


def test_a_second_run_skips_what_is_done(tmp_path: Path, clips: list[str]) -> None:
    extract.extract(tmp_path, clips[:1])
    again = extract.extract(tmp_path, clips)
    assert (again.skipped, again.done) == (clips[:1], clips[1:])


def test_a_run_that_was_killed_before_its_move_is_finished_without_work(
    tmp_path: Path, clips: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*args: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Catalog, "move", killed)
        with pytest.raises(KeyboardInterrupt):
            extract.extract(tmp_path, clips[:1])
    monkeypatch.setattr(video, "extract", killed)
    assert extract.extract(tmp_path, clips[:1]).done == clips[:1]


def test_a_picture_folder_with_holes_is_made_again(tmp_path: Path, clips: list[str]) -> None:
    folder = Workspace(tmp_path).frames_dir(clips[0])
    folder.mkdir()
    (folder / "000003.jpg").write_bytes(b"alone")
    assert extract.extract(tmp_path, clips[:1]).done == clips[:1]
    assert len(pictures(tmp_path, clips[0])) == FRAMES


def changed(file: Path) -> str:
    video.write(file, [np.zeros((24, 32, 3), np.uint8)] * FRAMES, 10)
    return "digests differ"


def shorter(file: Path) -> str:
    video.write(file, [np.zeros((24, 32, 3), np.uint8)] * (FRAMES - 1), 10)
    return "6 frames, not 7"


def text(file: Path) -> str:
    file.write_text("no video\n" * 99)
    return "is not a video"


def gone(file: Path) -> str:
    file.unlink()
    return "No such file"


@pytest.mark.parametrize("spoil", [changed, shorter, text, gone], ids=lambda f: f.__name__)
def test_a_bad_clip_is_put_aside_and_the_others_go_on(
    tmp_path: Path, clips: list[str], spoil: Callable[[Path], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = Workspace(tmp_path)
    file = workspace.clip_file(clips[1])
    digest = files.sha256(file)
    words = spoil(file)
    if spoil in (shorter, text):  # spoiled before it was cut, so its digest is right
        real = files.sha256
        monkeypatch.setattr(files, "sha256", lambda p: digest if p == file else real(p))
    result = extract.extract(tmp_path, clips)
    assert result.done == [clips[0], clips[2]]
    assert words in result.failed[clips[1]]
    assert "\n" not in result.failed[clips[1]]
    assert cards.load_quarantine(workspace.quarantine_card(clips[1])).reason
    assert stages(tmp_path)[1] is ClipStage.QUARANTINED
    assert pictures(tmp_path, clips[1]) == []


def test_a_clip_that_nobody_knows_is_told(tmp_path: Path, clips: list[str]) -> None:
    result = extract.extract(tmp_path, ["hall-9-9", clips[0]])
    assert list(result.failed) == ["hall-9-9"]
    assert result.done == clips[:1]


def test_a_full_disk_puts_no_clip_aside(
    tmp_path: Path, clips: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        with pytest.raises(NoSpace):
            extract.extract(tmp_path, clips)
    assert stages(tmp_path) == [ClipStage.CUT] * 3
    assert not list(tmp_path.glob("clips/hall/*/.*"))
    assert extract.extract(tmp_path, clips).done == clips

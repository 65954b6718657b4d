"""Selections become clips: whole folders, right frames, right numbers, each once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from oneclick import video
from oneclick.catalog import Catalog
from oneclick.core import ids
from oneclick.core.clips import ChosenBy, Clip, ClipStage, Video
from oneclick.core.errors import NoSpace
from oneclick.core.spans import Span
from oneclick.stages import cut, fetch
from oneclick.storage import cards, files
from oneclick.storage.workspace import Workspace

FPS = 10.0
SIZE = (49, 33)
SPANS = [Span(3, 12), Span(20, 40)]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A workspace with one video of 60 grey frames, each lighter than the one before."""
    source = tmp_path / "hall_20261121_100000.mp4"
    shades = (np.full((SIZE[1], SIZE[0], 3), 4 * k, np.uint8) for k in range(60))
    video.write(source, shades, FPS)
    home = tmp_path / "home"
    assert not fetch.fetch(home, [str(source)]).failed
    return home


def the_video(home: Path) -> Video:
    with Catalog.open(home) as catalog:
        return catalog.videos()[0]


def select(home: Path, *spans: Span) -> list[Clip]:
    recording = the_video(home)
    selection = [
        Clip(
            id=ids.clip_id(recording.id, recording.seconds_at(span.start)),
            camera=recording.camera,
            video=recording.id,
            span=span,
            fps=recording.fps,
            width=recording.width,
            height=recording.height,
            chosen_by=ChosenBy.TRIGGER,
        )
        for span in spans
    ]
    with Catalog.open(home) as catalog:
        catalog.add_selections(selection)
    return selection


def stages(home: Path) -> dict[str, ClipStage]:
    with Catalog.open(home) as catalog:
        return {row.clip.id: row.stage for row in catalog.clips()}


def test_every_selection_becomes_a_clip_with_its_frames(home: Path) -> None:
    selection = select(home, *SPANS)
    assert cut.cut(home, "test").done == [clip.id for clip in selection]
    workspace = Workspace(home)
    for clip in selection:
        file, card = workspace.clip_file(clip.id), workspace.clip_card(clip.id)
        shades = [frame.mean() / 4 for frame in video.frames(file)]
        assert np.allclose(shades, np.arange(clip.span.start, clip.span.stop), atol=1)
        info, loaded_card = video.probe(file), cards.load_clip_card(card)
        assert (info.fps, info.width, info.height) == (FPS, *SIZE)
        assert loaded_card.digest == files.sha256(file)
        with Catalog.open(home) as catalog:
            assert catalog.clip(clip.id).clip == loaded_card
        assert sorted(p.name for p in card.parent.iterdir()) == ["clip.json", "clip.mp4"]
    assert set(stages(home).values()) == {ClipStage.CUT}


def test_a_second_cut_finds_nothing_to_do(home: Path) -> None:
    select(home, *SPANS)
    cut.cut(home, "test")
    again = cut.cut(home, "test")
    assert (again.done, again.skipped, again.failed) == ([], [], {})


def test_a_cut_that_was_killed_before_its_row_is_finished_without_cutting(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    selection = select(home, SPANS[0])

    def killed(*args: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Catalog, "add_clip", killed)
        with pytest.raises(KeyboardInterrupt):
            cut.cut(home, "test")
    monkeypatch.setattr(video, "cut", killed)
    assert cut.cut(home, "test").done == [selection[0].id]


def test_a_cut_that_was_killed_while_encoding_leaves_nothing(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    select(home, SPANS[0])

    def killed(path: Path, span: Span, out: Path, fps: float) -> None:
        out.write_bytes(b"half")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(video, "cut", killed)
        with pytest.raises(KeyboardInterrupt):
            cut.cut(home, "test")
    assert not [p for p in (home / "clips").rglob("*") if p.is_file()]
    assert len(cut.cut(home, "test").done) == 1


def test_a_recording_that_is_gone_puts_its_clips_aside(home: Path) -> None:
    selection = select(home, SPANS[0])
    Workspace(home).video_file(the_video(home)).unlink()
    result = cut.cut(home, "test")
    assert "is gone" in result.failed[selection[0].id]
    assert stages(home) == {selection[0].id: ClipStage.QUARANTINED}
    card = cards.load_quarantine(Workspace(home).quarantine_card(selection[0].id))
    assert card.reason == result.failed[selection[0].id]
    assert cut.cut(home, "test").failed == {}, "it is tried again only when asked for"


def test_what_was_put_aside_is_cut_after_a_retry(home: Path) -> None:
    selection = select(home, SPANS[0])[0]
    raw = Workspace(home).video_file(the_video(home))
    raw.rename(raw.with_suffix(".away"))
    cut.cut(home, "test")
    raw.with_suffix(".away").rename(raw)
    Workspace(home).quarantine_card(selection.id).unlink()
    with Catalog.open(home) as catalog:
        catalog.retry(selection.id, "test")
    assert cut.cut(home, "test").done == [selection.id]


def test_a_span_that_the_recording_does_not_hold_does_not_stop_the_others(home: Path) -> None:
    good, bad = select(home, SPANS[0], Span(55, 70))
    result = cut.cut(home, "test")
    assert result.done == [good.id]
    assert "60 frames" in result.failed[bad.id]


def test_an_unforeseen_error_is_one_line_and_does_not_stop_the_others(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    selection = select(home, *SPANS)
    real = video.cut

    def moody(path: Path, span: Span, out: Path, fps: float) -> None:
        if span == SPANS[0]:
            raise ZeroDivisionError("two\nlines")
        real(path, span, out, fps)

    monkeypatch.setattr(video, "cut", moody)
    result = cut.cut(home, "test")
    assert result.done == [selection[1].id]
    log = home / "logs" / f"{selection[0].id}.log"
    reason = f"cannot cut {selection[0].id}: ZeroDivisionError: two lines; traceback in {log}"
    assert result.failed == {selection[0].id: reason}
    assert "in moody" in log.read_text()


def test_a_full_disk_puts_no_clip_aside(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    select(home, *SPANS)

    def full(*args: object) -> None:
        raise NoSpace("no space left to write clip.mp4")

    with monkeypatch.context() as patch:
        patch.setattr(video, "cut", full)
        with pytest.raises(NoSpace):
            cut.cut(home, "test")
    assert stages(home) == {}
    assert len(cut.cut(home, "test").done) == 2

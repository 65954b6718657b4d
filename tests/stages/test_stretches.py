"""Where time jumps within a recording, nothing goes across: hits, clips, tracks, memory, labels."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from oneclick import video
from oneclick.catalog import Catalog, rebuild, verify
from oneclick.core.clips import Video
from oneclick.core.spans import Span
from oneclick.core.timing import Timing
from oneclick.report import windows
from oneclick.stages import autolabel, fetch, predict, trigger
from oneclick.stages.trigger import TriggerOptions
from oneclick.storage import predictions
from oneclick.storage.workspace import Workspace
from tests.corpus.video_frames import Recorder, record
from tests.stages.test_trigger import OWN, person

BREAK, LENGTH, FPS = 412, 800, 10.0
TIMING = Timing(
    frames=(0, BREAK - 1, BREAK, LENGTH - 1),
    seconds=(0.0, (BREAK - 1) / FPS, 5000.0, 5000.0 + (LENGTH - 1 - BREAK) / FPS),
    breaks=(BREAK,),
)
START = datetime(2026, 3, 1, tzinfo=UTC)
RECORDING = Video(
    id="ward-a",
    camera="ward",
    started_at=START,
    fps=FPS,
    frames=LENGTH,
    width=640,
    height=480,
    digest="digest",
    suffix=".mp4",
    timing=TIMING,
)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A recording with a pause; its model flickers at the pause and on both sides of it."""
    with Catalog.open(tmp_path) as catalog:
        catalog.add_video(RECORDING)
    holes = (200, BREAK - 1, BREAK, 700)
    path = Workspace(tmp_path).predictions(RECORDING.id, OWN.id)
    predictions.save(path, person(LENGTH, holes))
    return tmp_path


def test_no_hit_and_no_clip_goes_across_a_break(home: Path) -> None:
    options = TriggerOptions(min_clips=12, enabled=("flicker", "hindsight_miss"))
    trigger.trigger(home, OWN, None, options)
    with Catalog.open(home) as catalog:
        spans = [hit.span for _, hit in catalog.hits(RECORDING.id)]
        clips = catalog.selections(uncut_only=False)
    stretches = RECORDING.stretches()
    for span in (*spans, *(clip.span for clip in clips)):
        assert any(span.start >= own.start and span.stop <= own.stop for own in stretches), span
    # A hole at the edge of a stretch is no flicker: nothing is known of the other side.
    assert all(BREAK - 1 not in span and BREAK not in span for span in spans)
    assert len(clips) == 12
    later = [clip for clip in clips if clip.span.start >= BREAK]
    assert later
    for clip in later:
        seconds = 5000 + (clip.span.start - BREAK) / FPS
        assert clip.id == f"ward-a-{round(seconds * 1000):08d}"


def test_hits_of_a_recording_without_breaks_are_what_they_were(home: Path) -> None:
    whole = replace(RECORDING, id="ward-b", timing=Timing())
    with Catalog.open(home) as catalog:
        catalog.add_video(whole)
    path = Workspace(home).predictions(whole.id, OWN.id)
    predictions.save(path, person(LENGTH, (200, 700)))
    trigger.trigger(home, OWN, None, TriggerOptions(enabled=("flicker",)))
    with Catalog.open(home) as catalog:
        hits = {name: [hit.span for _, hit in catalog.hits(name)] for name in ("ward-a", "ward-b")}
    assert hits["ward-a"] == hits["ward-b"] == [Span(200, 201), Span(700, 701)]


def test_the_timeline_shows_hits_when_they_were_and_no_video_in_the_pause() -> None:
    assert RECORDING.taken_at(420) == START + timedelta(seconds=5000.8)
    hour = windows.TimeWindow(size=60)
    seconds = dict(hour.bucket_overlaps(RECORDING))
    assert sum(seconds.values()) == pytest.approx(LENGTH / FPS)
    assert all(bucket - START.timestamp() not in range(60, 4900) for bucket in seconds)


def test_the_context_of_a_clip_ends_where_its_stretch_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contexts = []

    class Ensemble:
        classes, models = ("person",), ()
        looks = autolabel.LabellerLooks(closer=False)

        def label(self, parts: object) -> object:
            raise NotImplementedError

    class Predictor:
        def __init__(self, workspace: object, clip: object, context: Span, classes: object) -> None:
            contexts.append(context)
            raise KeyboardInterrupt

    monkeypatch.setattr(autolabel, "_ClipPredictor", Predictor)
    from tests.fakes import clips

    clip = replace(clips.clip(1), span=Span(BREAK, BREAK + 10), fps=FPS)
    with pytest.raises(KeyboardInterrupt):
        autolabel.predict_tracks(
            Workspace(tmp_path),
            clip,
            TIMING.stretch_at(BREAK, LENGTH),
            Ensemble(),  # type: ignore[arg-type]
        )
    assert contexts == [Span(BREAK, BREAK + 10 + round(autolabel.CONTEXT_SECONDS * FPS))]


def pause(k: int) -> float:
    return k + (k >= 30) * 25 * 600


def test_a_stretch_is_predicted_as_if_it_were_a_recording_of_its_own(tmp_path: Path) -> None:
    exact = {"qp": "0"}
    together = record(tmp_path / "raw" / "a.mp4", Recorder(count=60, times=pause, options=exact))
    apart = record(tmp_path / "raw" / "b.mp4", Recorder(count=30, first=30, options=exact))
    home = tmp_path / "home"
    added = fetch.fetch(home, [str(together), str(apart)]).done
    with Catalog.open(home) as catalog:
        by_length = {catalog.video(name).frames: name for name in added}
    predict.predict(home, added, "opencv:motion", ("person",), measure=True)
    workspace = Workspace(home)
    whole, alone = (
        predictions.load(workspace.predictions(by_length[count], "opencv-motion"))
        for count in (60, 30)
    )
    second = whole.cut(Span(30, 60))
    assert second.frames.tolist() == alone.frames.tolist()
    assert np.abs(second.boxes - alone.boxes).max(initial=0) < 3
    changes = predictions.load_signal(workspace.signals(by_length[60], "change"))
    assert changes[0] == changes[30] == 255  # as at a start: nothing lies before
    assert changes[31] < 50


def test_a_recording_keeps_its_times_in_card_catalog_and_rebuild(tmp_path: Path) -> None:
    path = record(tmp_path / "raw" / "a.mp4", Recorder(count=60, times=pause))
    home = tmp_path / "home"
    (name,) = fetch.fetch(home, [str(path)], started_at=START).done
    with Catalog.open(home) as catalog:
        fetched = catalog.video(name)
        assert fetched.timing.breaks == (30,)
        assert fetched.seconds_at(30) == pytest.approx(601.2)
        assert fetched.timing == video.probe(path).timing
        assert verify.verify(catalog, deep=True) == []
    (home / "catalog.sqlite").unlink()
    rebuild.rebuild(home)
    with Catalog.open(home) as catalog:
        assert catalog.video(name) == fetched

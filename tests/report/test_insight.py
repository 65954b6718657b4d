"""How each model does on each camera, against counts worked by hand."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from oneclick import report
from oneclick.catalog import Catalog
from oneclick.core.clips import ChosenBy, Video
from oneclick.core.detections import Detections
from oneclick.core.hits import Hit
from oneclick.core.labels import LabelTrack
from oneclick.core.spans import Span
from oneclick.feedback import video_counts
from oneclick.report.insight import control_quality
from oneclick.storage import cards, labels, predictions
from oneclick.storage.cards import ModelPair, ModelRef
from oneclick.storage.workspace import Workspace
from tests.catalog import samples
from tests.cli.program import oneclick

NOW = datetime(2026, 11, 28, tzinfo=UTC)
FPS, FRAMES = 10.0, 600
BOX = (10.0, 10.0, 50.0, 90.0)


def add_video(
    home: Path, start: datetime, models: dict[str, list[list[float]]], suffix: str = ".mp4"
) -> Video:
    """Add a minute of video; `models` has the scores in each frame, all boxes in one place."""
    digest = f"{start:%s}"
    video = Video(
        id=f"ward-{start:%Y%m%dT%H%M%SZ}",
        camera="ward",
        started_at=start,
        fps=FPS,
        frames=FRAMES,
        width=320,
        height=240,
        digest=digest,
        suffix=suffix,
    )
    with Catalog.open(home) as catalog:
        catalog.add_video(video)
        for model, scores in models.items():
            rows = [(frame, score) for frame, own in enumerate(scores) for score in own]
            detections = Detections(
                frames=np.array([frame for frame, _ in rows], np.int32),
                boxes=np.array([BOX] * len(rows), np.float32).reshape(-1, 4),
                scores=np.array([score for _, score in rows], np.float32),
                classes=np.zeros(len(rows), np.int16),
                length=FRAMES,
                fps=FPS,
            )
            path = Workspace(home).predictions(video.id, model)
            predictions.save(path, detections, model, 0.5)
            catalog.mark(video.id, cards.PREDICT_STEP, model)
    return video


def seen(spans: list[tuple[int, int]], score: float = 0.9) -> list[list[float]]:
    """Return the scores of one person who is there in some spans of frames."""
    return [[score] if any(a <= k < b for a, b in spans) else [] for k in range(FRAMES)]


def test_one_model_on_one_camera_is_counted_as_by_hand(tmp_path: Path) -> None:
    scores = seen([(100, 300), (303, 400)])
    scores[500] = [0.2]
    video = add_video(tmp_path, NOW - timedelta(days=1), {"a": scores})
    hits = [
        Hit(trigger="unseen_motion", span=Span(390, 420), score=0.5, boxes=(), why="motion"),
        Hit(trigger="blip", span=Span(450, 460), score=0.5, boxes=(), why="not a sign"),
    ]
    cards.save_hits(Workspace(tmp_path), video.id, "key", ModelPair(ModelRef("a", 0.5)), hits, [])
    (row,) = report.measure_insight(tmp_path, NOW).rows
    assert (row.camera, row.model) == ("ward", "a")
    assert row.hours == pytest.approx(1 / 60)
    assert row.detections_per_minute == pytest.approx(297)
    assert row.people_in_view == pytest.approx(0.495)
    assert row.appearances_per_hour == pytest.approx(60)
    assert row.flickers_per_minute == pytest.approx(1)
    assert row.unseen_share == pytest.approx(20 / FRAMES)
    assert (row.histogram[18], row.histogram[4], sum(row.histogram)) == (297, 1, 298)
    assert row.uptime == pytest.approx(60 / 86400)
    assert (row.drift, row.precision, row.agreements) == (None, None, ())


def test_video_that_an_edge_camera_sends_later_does_not_count_twice(tmp_path: Path) -> None:
    start = NOW - timedelta(days=1)
    add_video(tmp_path, start, {"a": seen([(0, 100)])}, suffix="")
    before = report.measure_insight(tmp_path, NOW)
    add_video(tmp_path, start + timedelta(seconds=20), {"a": seen([(0, 600)])})
    assert report.measure_insight(tmp_path, NOW) == before
    add_video(tmp_path, start + timedelta(seconds=90), {"a": seen([(0, 600)])})
    (row,) = report.measure_insight(tmp_path, NOW).rows
    assert row.hours == pytest.approx(2 / 60)


def test_predictions_of_an_edge_camera_are_no_recording(tmp_path: Path) -> None:
    start = NOW - timedelta(days=1)
    add_video(tmp_path, start, {"a": seen([(0, 100)])}, suffix="")
    add_video(tmp_path, start + timedelta(minutes=5), {"a": seen([(0, 100)])})
    kept = report.kept_video(tmp_path)
    assert (kept.videos, kept.frames, kept.edge_videos) == (1, FRAMES, 1)


def test_what_was_not_seen_is_told_of_the_model_that_the_triggers_searched_alone(
    tmp_path: Path,
) -> None:
    models = {"a": seen([(0, 200)]), "b": seen([(100, 300)])}
    video = add_video(tmp_path, NOW - timedelta(days=1), models)
    assert [row.unseen_share for row in report.measure_insight(tmp_path, NOW).rows] == [None, None]
    hit = Hit(trigger="unseen_motion", span=Span(390, 420), score=0.5, boxes=(), why="motion")
    cards.save_hits(Workspace(tmp_path), video.id, "key", ModelPair(ModelRef("b", 0.5)), [hit], [])
    first, second = report.measure_insight(tmp_path, NOW).rows
    assert (first.unseen_text, second.unseen_text) == ("", "5.0%")


def test_the_counts_of_a_camera_and_day_lie_in_one_file_and_old_ones_go(tmp_path: Path) -> None:
    for hour in range(6):
        add_video(tmp_path, NOW - timedelta(days=1, hours=hour), {"a": seen([(0, 100)])})
    before = report.measure_insight(tmp_path, NOW)
    stored = sorted(path.name for path in tmp_path.glob("insight/*/*"))
    assert stored == ["20261126.json", "20261127.json"]
    video_counts.remove_before(tmp_path, NOW.date() - timedelta(days=1))
    assert [path.name for path in tmp_path.glob("insight/*/*")] == ["20261127.json"]
    assert report.measure_insight(tmp_path, NOW) == before


def test_two_models_agree_as_far_as_their_boxes_do(tmp_path: Path) -> None:
    models = {"a": seen([(0, 200)]), "b": seen([(100, 300)]), "b-turned": seen([(0, 600)])}
    add_video(tmp_path, NOW - timedelta(days=1), models)
    first, second = report.measure_insight(tmp_path, NOW).rows
    assert (first.model, second.model) == ("a", "b")
    (agreement,) = first.agreements
    assert (agreement.rival, agreement.share, agreement.boxes) == ("b", 0.5, 400)


def test_confidences_that_fall_are_a_drift_against_the_week_before(tmp_path: Path) -> None:
    for day in range(1, 15):
        score = 0.9 if day > 7 else 0.55
        add_video(tmp_path, NOW - timedelta(days=day - 0.5), {"a": seen([(0, 300)], score)})
    (row,) = report.measure_insight(tmp_path, NOW).rows
    assert row.drift is not None
    assert row.drift.is_clear
    assert row.drift.value > 0.25


def test_videos_are_counted_once_and_again_when_their_files_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = add_video(tmp_path, NOW - timedelta(days=1), {"a": seen([(0, 100)])})
    before = report.measure_insight(tmp_path, NOW)

    def refuse(*_: object) -> None:
        raise AssertionError("counted again")

    monkeypatch.setattr(video_counts, "count", refuse)
    assert report.measure_insight(tmp_path, NOW) == before
    monkeypatch.undo()
    detections = predictions.load(Workspace(tmp_path).predictions(video.id, "a"))
    predictions.save(Workspace(tmp_path).predictions(video.id, "a"), detections.above(2), "a", 0.5)
    (row,) = report.measure_insight(tmp_path, NOW).rows
    assert row.detections_per_minute == 0


def test_a_video_whose_predictions_are_broken_is_named_and_the_others_go_on(tmp_path: Path) -> None:
    video = add_video(tmp_path, NOW - timedelta(days=2), {"a": seen([(0, 100)])})
    add_video(tmp_path, NOW - timedelta(days=1), {"a": seen([(0, 100)])})
    Workspace(tmp_path).predictions(video.id, "a").write_bytes(b"broken")
    result = report.measure_insight(tmp_path, NOW)
    assert list(result.failed) == [video.id]
    assert len(result.rows) == 1
    answer = oneclick("insight", "--days", "3650", home=tmp_path)
    assert (answer.returncode, "left out" in answer.stderr) == (3, True)
    assert "ward" in answer.stdout


def test_precision_and_recall_are_those_of_reviewed_control_clips(tmp_path: Path) -> None:
    video = add_video(tmp_path, NOW - timedelta(days=1), {"a": seen([(0, 15), (20, 30)])})
    workspace, pair = Workspace(tmp_path), ModelPair(ModelRef("a", 0.5))
    clip = dataclasses.replace(
        samples.clip(0, video), span=Span(0, 30), chosen_by=ChosenBy.CONTROL, stands_for=60.0
    )
    cards.save_hits(workspace, video.id, "key", pair, [], [clip])
    frames = np.arange(28, dtype=np.int32)
    track = LabelTrack(
        id=1,
        cls="person",
        frames=frames,
        boxes=np.array([BOX] * 28, np.float32),
        scores=np.ones(28, np.float32),
        origins="h" * 28,
    )
    label_set = dataclasses.replace(samples.label_set(clip), tracks=(track,), frames=30)
    labels.save(workspace, label_set)
    with Catalog.open(tmp_path) as catalog:
        catalog.add_clip(clip, "cut")
        catalog.add_revision(label_set, "0" * 64)
        assert control_quality(workspace, catalog) == {}
        catalog.add_verdict(samples.verdict(clip), 30)
        ((key, quality),) = control_quality(workspace, catalog).items()
    assert key == ("ward", "a")
    assert quality.precision is not None
    assert quality.recall is not None
    assert quality.precision.value == pytest.approx(23 / 25)
    assert quality.recall.value == pytest.approx(23 / 28)
    assert quality.recall.low < quality.recall.value < quality.recall.high

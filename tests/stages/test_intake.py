"""What edge cameras sent becomes Videos whose Hits are those of a replay, however it arrived."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oneclick import triggers
from oneclick.catalog import Catalog
from oneclick.catalog.rebuild import rebuild
from oneclick.catalog.verify import verify
from oneclick.core.clips import Video
from oneclick.core.edge_messages import EdgeFrame, SpanRequest
from oneclick.core.hits import Hit
from oneclick.core.spans import Span
from oneclick.feedback import replay
from oneclick.stages import spans, trigger
from oneclick.stages.intake import IntakeOptions, intake
from oneclick.storage import cards, intake_log, predictions, span_requests
from oneclick.storage.cards import HitsCard, ModelPair, ModelRef
from oneclick.storage.intake_log import CameraLog, StoredBatch
from oneclick.storage.workspace import Workspace
from oneclick.triggers.streaming import PredictionChunk
from tests.edge import batches

WINDOW = 60.0
PICTURES = 1300
"""Two windows and a bit."""
MODELS = ModelPair(ModelRef(batches.MODEL, 0.5))


def deliver(
    home: Path, pictures: Sequence[EdgeFrame], sizes: Sequence[int], restart: int = 0
) -> None:
    """Append pictures in batches of these sizes, with a new writer after each `restart`."""
    folder = Workspace(home).intake_dir / "ward"
    log, first, count = CameraLog(folder, WINDOW), 0, 0
    while first < len(pictures):
        part = pictures[first : first + sizes[count % len(sizes)]]
        log.append(StoredBatch(source=batches.SOURCE, frames=tuple(part)), part[-1].seq + 1)
        first, count = first + len(part), count + 1
        if restart and count % restart == 0:
            log.close()
            log = CameraLog(folder, WINDOW)
    log.close_segment()
    log.close()


def catalog_hits(home: Path) -> list[tuple[str, Hit]]:
    with Catalog.open(home) as catalog:
        return catalog.hits()


def test_predictions_become_videos_of_the_catalog_with_true_times(tmp_path: Path) -> None:
    pictures = [*batches.frames(200), *batches.frames(100, first=230)]
    deliver(tmp_path, pictures, [7])
    result = intake(tmp_path)
    assert result.failed == {}
    workspace = Workspace(tmp_path)
    with Catalog.open(tmp_path) as catalog:
        (video,) = catalog.videos()
        assert [video.id] == result.done
        assert (video.camera, video.frames, video.fps, video.suffix) == ("ward", 300, 10.0, "")
        assert video.started_at is not None
        assert video.started_at.timestamp() == batches.START
        assert [len(stretch) for stretch in video.stretches()] == [200, 100]
        assert video.seconds_at(200) == pytest.approx(23.0)
        assert catalog.marks(cards.PREDICT_STEP) == [(video.id, batches.MODEL)]
    boxes = predictions.load(workspace.predictions(video.id, batches.MODEL))
    expected = [box[:4] for picture in pictures for box in picture.boxes]
    assert np.allclose(boxes.boxes, np.array(expected, np.float32))
    blur = predictions.load_signal(workspace.signals(video.id, "blur"))
    assert np.allclose(blur, [picture.signals["blur"] for picture in pictures])
    assert intake_log.closed_segments(workspace.intake_dir) == []
    assert intake(tmp_path).done == []


def test_the_catalog_verifies_and_is_rebuilt_from_the_files(tmp_path: Path) -> None:
    deliver(tmp_path, batches.frames(PICTURES), [10])
    intake(tmp_path)
    before = catalog_hits(tmp_path)
    assert before
    with Catalog.open(tmp_path) as catalog:
        assert verify(catalog) == []
    (tmp_path / "catalog.sqlite").unlink()
    assert rebuild(tmp_path).problems == []
    assert catalog_hits(tmp_path) == before


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, Hit]]:
    """The Hits of the same pictures, delivered by tens."""
    home = tmp_path_factory.mktemp("tens")
    deliver(home, batches.frames(PICTURES), [10])
    intake(home)
    return catalog_hits(home)


@settings(
    max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    sizes=st.lists(st.integers(3, 700), min_size=1, max_size=4),
    restart=st.integers(0, 3),
)
def test_hits_are_the_same_however_the_predictions_arrive(
    tmp_path_factory: pytest.TempPathFactory,
    replayed: list[tuple[str, Hit]],
    sizes: list[int],
    restart: int,
) -> None:
    home = tmp_path_factory.mktemp("batches")
    deliver(home, batches.frames(PICTURES), sizes, restart)
    intake(home)
    assert catalog_hits(home) == replayed


def test_hits_are_those_of_a_live_stream_in_any_chunks(tmp_path: Path) -> None:
    deliver(tmp_path, batches.frames(550), [10])
    intake(tmp_path)
    workspace, rules = Workspace(tmp_path), triggers.make()
    with Catalog.open(tmp_path) as catalog:
        (video,) = catalog.videos()
    (whole,) = replay.stored_chunks(workspace, video.id, MODELS)
    buffer = replay.block_buffer([0.5], video.width, video.height)
    hits = []
    for start in range(0, video.frames, 37):
        part: PredictionChunk = whole.cut(Span(start, min(start + 37, video.frames)))
        hits += [hit for block in buffer.feed(part) for hit in block.find(rules)]
    hits += [hit for block in buffer.close() for hit in block.find(rules)]
    assert catalog_hits(tmp_path) == [(video.id, hit) for hit in hits]
    assert hits


@pytest.mark.parametrize("step", ["save_video_card", "save_hits"])
def test_a_run_that_was_killed_is_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    deliver(tmp_path, batches.frames(550), [10])

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cards, step, die)
    with pytest.raises(KeyboardInterrupt):
        intake(tmp_path)
    monkeypatch.undo()
    assert len(intake(tmp_path).done) == 1
    with Catalog.open(tmp_path) as catalog:
        assert verify(catalog) == []
        assert len(catalog.videos()) == 1


def test_a_damaged_segment_is_put_aside_and_the_others_go_on(tmp_path: Path) -> None:
    deliver(tmp_path, batches.frames(PICTURES), [10])
    paths = intake_log.closed_segments(Workspace(tmp_path).intake_dir)
    content = bytearray(paths[1].read_bytes())
    content[len(content) // 2] ^= 1
    paths[1].write_bytes(content)
    result = intake(tmp_path)
    assert (len(result.done), len(result.failed)) == (2, 1)
    assert "is damaged after byte" in next(iter(result.failed.values()))
    assert (paths[1].parent / "broken" / paths[1].name).read_bytes() == content


def test_verify_tells_of_what_arrived_and_is_in_no_video(tmp_path: Path) -> None:
    deliver(tmp_path, batches.frames(550), [10])
    intake(tmp_path)
    deliver(tmp_path, batches.frames(PICTURES - 550, first=550), [10])
    first, *_ = intake_log.closed_segments(Workspace(tmp_path).intake_dir)
    with Catalog.open(tmp_path) as catalog:
        assert verify(catalog) == []
        content = first.read_bytes()
        first.unlink()
        (line,) = verify(catalog)
        assert "what it sent until" in line
        first.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        assert any(str(first) in line and "damaged" in line for line in verify(catalog))


def test_without_consent_in_the_settings_no_raw_video_is_asked_for(tmp_path: Path) -> None:
    deliver(tmp_path, batches.frames(550), [10])
    intake(tmp_path, IntakeOptions(spans_per_day=24))
    workspace = Workspace(tmp_path)
    assert span_requests.pending(workspace, "ward") == []


def test_the_day_limits_the_spans_and_the_same_span_is_asked_for_once(tmp_path: Path) -> None:
    options = IntakeOptions(spans_from=("ward",), spans_per_day=6)
    deliver(tmp_path, batches.frames(PICTURES), [10])
    intake(tmp_path, options)
    workspace = Workspace(tmp_path)
    requests = span_requests.pending(workspace, "ward")
    share = (batches.START % 86400) / 86400
    assert 0 < len(requests) <= np.ceil(6 * share) + 1
    assert all(request.stop - request.start == 10 for request in requests)
    span_requests.finish(workspace, requests[0], state="refused", reason="no consent")
    assert not span_requests.open_request(workspace, requests[0])
    assert len(span_requests.pending(workspace, "ward")) == len(requests) - 1


def test_the_pipeline_leaves_videos_without_a_recording_alone(tmp_path: Path) -> None:
    deliver(tmp_path, batches.frames(550), [10])
    intake(tmp_path)
    result = trigger.trigger(tmp_path, ModelRef(batches.MODEL, 0.5))
    assert (result.videos, result.selected) == ([], 0)


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (20.0, ("train", Span(185, 215))),
        (41.5, ("train", Span(400, 420))),
        (43.5, None),
        (45.0, ("test", Span(450, 465))),
    ],
    ids=["train", "before the guard", "in the guard", "held out"],
)
def test_a_requested_clip_ends_with_the_side_on_which_its_moment_lies(
    tmp_path: Path, moment: float, expected: tuple[str, Span] | None
) -> None:
    start = datetime(2026, 3, 1, 10, tzinfo=UTC)
    recording = Video(
        id="ward-20260301T100000Z",
        camera="ward",
        started_at=start,
        fps=10.0,
        frames=600,
        width=64,
        height=48,
        digest="1" * 64,
        suffix=".mp4",
    )
    edge_video = replace(recording, id="ward-20260301T100000Z_1", suffix="")
    card = HitsCard(video=edge_video.id, key="k", hits=(), looks={})
    at = start.timestamp() + moment - 0.05
    request = SpanRequest(id="r", camera="ward", start=at - 4, stop=at + 4, moment=at)
    with Catalog.open(tmp_path) as catalog:
        catalog.add_video(recording)
        clip = spans.select_moment(catalog, request, recording, edge_video, card, 0.25)
    assert (clip and (clip.split, clip.span)) == expected

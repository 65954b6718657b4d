"""Spans: requested raw video that a device has sent is selected for a clip."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from oneclick.catalog import Catalog
from oneclick.core import ids, splits
from oneclick.core.clips import ChosenBy, Clip, Video
from oneclick.core.detections import Detections
from oneclick.core.edge_messages import SpanRequest
from oneclick.core.hits import Hit
from oneclick.core.spans import Span
from oneclick.storage import cards, predictions, span_requests
from oneclick.storage.cards import HitsCard, ModelRef
from oneclick.storage.workspace import Workspace

CLIP_SECONDS = 3.0


def adopt(home: Path, request: SpanRequest, video_id: str, test_share: float = 0.25) -> Clip | None:
    """Select the requested moment of a recording, and finish the request; return the Clip to cut.

    The Hits are those of the edge camera's predictions, in frames and pixels of the recording.
    None where the recording does not show the moment, or shows it between the sides of the split:
    it stays a recording like others.

    Raises:
        BadInput: the Hits of the predictions are missing or broken.
        NoSpace, Unavailable: the disk or the catalog refuses.
    """
    workspace = Workspace(home)
    with Catalog.open(home) as catalog:
        recording, seen = catalog.video(video_id), catalog.video(request.video)
        card = cards.load_hits(workspace.hits(seen.id))
        clip = select_moment(catalog, request, recording, seen, card, test_share)
        models = card.looked[card.key]
        carry_predictions(workspace, seen, recording, models.predictor)
        catalog.mark(recording.id, cards.PREDICT_STEP, models.predictor.id)
        if clip is not None:
            key = f"{card.key}-{request.id}"
            cards.save_hits(workspace, recording.id, key, models, clip.hits, [clip])
            catalog.replace_hits(recording.id, clip.hits, key)
            catalog.add_selections([clip], [(recording.id, cards.SCAN_STEP, key)])
    span_requests.finish(workspace, request, state="adopted", recording=video_id)
    return clip


def select_moment(
    catalog: Catalog,
    request: SpanRequest,
    recording: Video,
    seen: Video,
    card: HitsCard,
    test_share: float,
) -> Clip | None:
    """Return the Clip around the requested moment of a recording.

    It ends where the side of the split does that the moment lies on. None where the moment is not
    in the recording, or lies on neither side.
    """
    assert recording.started_at is not None
    assert seen.started_at is not None
    times = _times(recording)
    frame = int(np.searchsorted(times, request.moment))
    if not times[0] <= request.moment <= times[-1]:
        return None
    part = part_at(catalog, recording, frame, test_share)
    if part is None:
        return None
    half = max(1, round(CLIP_SECONDS / 2 * recording.fps))
    span = Span(max(part.span.start, frame - half), min(part.span.stop, frame + half))
    hits = [
        hit
        for found_hit in card.hits
        if (hit := _on_recording(found_hit, seen, recording, times).within(span))
    ]
    leader = max(hits, key=lambda hit: hit.score, default=None)
    return Clip(
        id=ids.clip_id(recording.id, recording.seconds_at(span.start)),
        camera=recording.camera,
        video=recording.id,
        span=span,
        fps=recording.timing.rate_of(span, recording.fps),
        width=recording.width,
        height=recording.height,
        chosen_by=ChosenBy.TRIGGER,
        hits=tuple(hits),
        split=part.split,
        led_by=leader.trigger if leader else "",
    )


def part_at(
    catalog: Catalog, recording: Video, frame: int, test_share: float
) -> splits.SplitPart | None:
    """Return the part of a recording that holds a frame; None between the sides of the split."""
    videos = splits.sort_by_start([video for video in catalog.videos() if video.suffix])
    existing = [row.clip for row in catalog.clips()] + catalog.selections(uncut_only=True)
    parts = splits.split_videos(videos, existing, test_share, CLIP_SECONDS)[recording.id]
    return next((part for part in parts if frame in part.span), None)


def carry_predictions(
    workspace: Workspace, seen: Video, recording: Video, model: ModelRef
) -> Detections:
    """Write what the edge camera saw as predictions of the recording; return them.

    A frame of the recording gets the boxes of the picture nearest in time, if that is its own.
    With them the clip's Hits can be compared with what reviewers say.
    """
    detections = predictions.load(workspace.predictions(seen.id, model.id))
    times, seen_times = _times(recording), _times(seen)
    after = np.clip(np.searchsorted(seen_times, times), 1, max(1, len(seen_times) - 1))
    before, after = after - 1, np.minimum(after, len(seen_times) - 1)
    is_before = np.abs(times - seen_times[before]) <= np.abs(times - seen_times[after])
    nearest = np.where(is_before, before, after)
    own = np.abs(times - seen_times[nearest]) <= 0.5 / seen.fps
    rows = [np.arange(len(detections))[detections.rows(int(frame))] for frame in nearest[own]]
    frames = np.repeat(np.flatnonzero(own), [len(part) for part in rows])
    picks = np.concatenate([*rows, np.zeros(0, np.intp)]).astype(np.intp)
    scale = np.array([recording.width / seen.width, recording.height / seen.height] * 2)
    carried = Detections(
        frames=frames.astype(np.int32),
        boxes=(detections.boxes[picks] * scale).astype(np.float32),
        scores=detections.scores[picks],
        classes=detections.classes[picks],
        length=recording.frames,
        fps=recording.fps,
        names=detections.names,
    )
    path = workspace.predictions(recording.id, model.id)
    predictions.save(path, carried, model.id, model.threshold)
    return carried


def _times(video: Video) -> NDArray[np.float64]:
    """Return unix seconds of all frames."""
    assert video.started_at is not None
    seconds = [video.seconds_at(frame) for frame in range(video.frames)]
    return np.array(seconds) + video.started_at.timestamp()


def _on_recording(hit: Hit, seen: Video, recording: Video, times: NDArray[np.float64]) -> Hit:
    """Return a Hit of predictions in the frames, nearest in time, and pixels of a recording."""
    assert seen.started_at is not None
    start, middle = seen.started_at.timestamp(), np.diff(times).mean() / 2 if len(times) > 1 else 0

    def frame_at(frame: int) -> int:
        moment = start + seen.seconds_at(frame)
        return int(np.clip(np.searchsorted(times, moment - middle), 0, len(times) - 1))

    wide, high = recording.width / seen.width, recording.height / seen.height
    boxes = tuple(
        (frame_at(frame), x1 * wide, y1 * high, x2 * wide, y2 * high)
        for frame, x1, y1, x2, y2 in hit.boxes
    )
    first, last = frame_at(hit.span.start), frame_at(hit.span.stop - 1)
    return msgspec.structs.replace(hit, span=Span(first, last + 1), boxes=boxes)

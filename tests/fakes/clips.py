"""Clips and labels without any video, for tests of what happens to them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import av
import numpy as np

from oneclick.catalog import Catalog
from oneclick.core.clips import ChosenBy, Clip, ClipStage, Video
from oneclick.core.labels import LabelSet, LabelTrack
from oneclick.core.spans import Span
from oneclick.storage import cards, files, labels
from oneclick.storage.workspace import Workspace

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
VIDEO = Video(
    id="ward_a-20260105T120000Z",
    camera="ward_a",
    started_at=NOON,
    fps=10.0,
    frames=600,
    width=64,
    height=48,
    digest="0" * 64,
    suffix=".mp4",
)


def clip(number: int = 0) -> Clip:
    """Ten frames of VIDEO."""
    span = Span(100 * number, 100 * number + 10)
    name = f"{VIDEO.id}-{10_000 * number:08d}"
    return Clip(
        id=name,
        camera="ward_a",
        video=VIDEO.id,
        span=span,
        fps=10.0,
        width=64,
        height=48,
        chosen_by=ChosenBy.TRIGGER,
    )


def track(number: int = 1, shift: float = 0.0, origin: str = "d") -> LabelTrack:
    """One person walking to the right for ten frames."""
    lefts = np.arange(10, dtype=np.float32)[:, None] + np.float32(shift)
    boxes = np.concatenate([lefts, lefts * 0 + 5, lefts + 10, lefts * 0 + 35], axis=1)
    scores = np.full(10, 0.5, np.float32)
    frames = np.arange(10, dtype=np.int32)
    return LabelTrack(
        id=number, cls="person", frames=frames, boxes=boxes, scores=scores, origins=origin * 10
    )


def auto_labels(item: Clip) -> LabelSet:
    """Revision 1, one track."""
    tracks = (track(),)
    return LabelSet(
        clip=item.id,
        revision=1,
        kind="auto",
        parent=None,
        made_by="hindsight:x",
        made_at=NOON,
        frames=10,
        width=64,
        height=48,
        classes=("person",),
        tracks=tracks,
    )


def film(path: Path, frames: int = 10) -> str:
    """A real clip of 64×48 px at 10 fps; its sha256."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=10)
        stream.codec_context.thread_count = 1  # several may write other bytes
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for k in range(frames):
            picture = np.full((48, 64, 3), k % 25 * 10, np.uint8)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        out.mux(stream.encode())
    return files.sha256(path)


def labelled(
    home: Path,
    count: int = 1,
    filmed: bool = False,
    make_labels: Callable[[Clip], LabelSet] | None = None,
) -> list[Clip]:
    """A workspace with `count` clips at LABELLED; picture files only where they are filmed."""
    workspace, items = Workspace(home), [clip(k) for k in range(count)]
    if filmed:
        items = [replace(item, digest=film(workspace.clip_file(item.id))) for item in items]
    with Catalog.open(home) as catalog:
        catalog.add_video(VIDEO)
        for item in items:
            cards.save_clip_card(workspace, item)
            catalog.add_clip(item, "test")
            catalog.move(item.id, ClipStage.CUT, ClipStage.EXTRACTED, "test")
            label_set = (make_labels or auto_labels)(item)
            catalog.add_revision(label_set, files.sha256(labels.save(workspace, label_set)))
            catalog.move(item.id, ClipStage.EXTRACTED, ClipStage.LABELLED, "test")
    return items

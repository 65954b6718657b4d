"""Clips, labels and scenes for contract tests: small, fixed, without any video of a person."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from oneclick.core.clips import ChosenBy, Clip, Video
from oneclick.core.detections import Detections
from oneclick.core.labels import LabelSet, LabelTrack
from oneclick.core.spans import Span
from oneclick.storage import files
from oneclick.triggers.scene import Scene

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
FRAMES, FPS, WIDTH, HEIGHT = 10, 10.0, 64, 48
VIDEO = Video(
    id="ward_a-20260105T120000Z",
    camera="ward_a",
    started_at=NOON,
    fps=FPS,
    frames=600,
    width=WIDTH,
    height=HEIGHT,
    digest="0" * 64,
    suffix=".mp4",
)
SIGNALS = ("brightness", "detail", "change", "stir", "shift", "novelty")
"""Names of the signals that scenes here carry."""


def clip(number: int = 0) -> Clip:
    """Return ten frames of VIDEO as a Clip; other numbers lie ten seconds later each."""
    span = Span(100 * number, 100 * number + FRAMES)
    return Clip(
        id=f"{VIDEO.id}-{10_000 * number:08d}",
        camera=VIDEO.camera,
        video=VIDEO.id,
        span=span,
        fps=FPS,
        width=WIDTH,
        height=HEIGHT,
        chosen_by=ChosenBy.TRIGGER,
    )


def track(number: int = 1, shift: float = 0.0, origin: str = "d") -> LabelTrack:
    """Return one person who walks to the right for ten frames."""
    left = np.arange(FRAMES, dtype=np.float32)[:, None] + np.float32(shift)
    boxes = np.concatenate([left, left * 0 + 5, left + 10, left * 0 + 35], axis=1)
    return LabelTrack(
        id=number,
        cls="person",
        frames=np.arange(FRAMES, dtype=np.int32),
        boxes=boxes,
        scores=np.full(FRAMES, 0.5, np.float32),
        origins=origin * FRAMES,
    )


def auto_labels(clip: Clip, *tracks: LabelTrack) -> LabelSet:
    """Return revision 1 of the labels of a clip: the tracks, by default one."""
    return LabelSet(
        clip=clip.id,
        revision=1,
        kind="auto",
        parent=None,
        made_by="hindsight:x",
        made_at=NOON,
        frames=FRAMES,
        width=WIDTH,
        height=HEIGHT,
        classes=("person",),
        tracks=tracks or (track(),),
    )


def film(path: Path, frames: int = FRAMES) -> str:
    """Write a real clip of 64×48 px at 10 fps; return its sha256."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=10)
        stream.codec_context.thread_count = 1  # several may write other bytes
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for number in range(frames):
            picture = np.full((HEIGHT, WIDTH, 3), number % 25 * 10, np.uint8)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        out.mux(stream.encode())
    return files.sha256(path)


def noise(height: int = 120, width: int = 160, seed: int = 0) -> NDArray[np.uint8]:
    """Return a picture of random pixels, (height, width, 3) RGB."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def walking_block(count: int = 14) -> list[NDArray[np.uint8]]:
    """Return frames of a grey room through which a bright upright block walks, 160×120 px RGB."""
    frames = np.full((count, 120, 160, 3), 90, np.uint8)
    frames += np.random.default_rng(1).integers(0, 4, frames.shape, np.uint8)
    for number, frame in enumerate(frames):
        frame[30:100, 10 + 8 * number : 35 + 8 * number] = (230, 220, 200)
    return list(frames)


def detections(count: int, length: int, seed: int, names: tuple[str, ...]) -> Detections:
    """Return `count` random boxes over `length` frames of 640×480 px at 10 fps."""
    rng = np.random.default_rng(seed)
    low = rng.uniform(0, (600, 440), (count, 2))
    boxes = np.hstack([low, np.minimum(low + rng.uniform(1, 120, (count, 2)), (640, 480))])
    return Detections(
        frames=np.sort(rng.integers(0, max(length, 1), count)).astype(np.int32),
        boxes=boxes.astype(np.float32),
        scores=rng.uniform(0, 1, count).astype(np.float32),
        classes=rng.integers(0, len(names), count).astype(np.int16),
        length=length,
        fps=FPS,
        names=names,
    )


def scenes() -> dict[str, Scene]:
    """Return scenes by what is special about them, from empty to crowded."""
    names = ("person", "bed")
    shapes = {"no frame": (0, 0), "one frame": (3, 1), "nobody": (0, 200)}
    shapes |= {"a few people": (600, 300), "a crowd": (9000, 300)}
    made = {
        name: Scene(
            detections=detections(count, length, seed, names), threshold=0.5, width=640, height=480
        )
        for seed, (name, (count, length)) in enumerate(shapes.items())
    }
    rng = np.random.default_rng(9)
    made["a rival, labels and signals"] = Scene(
        detections=detections(600, 300, 7, names),
        threshold=0.5,
        width=640,
        height=480,
        rival_detections=detections(500, 300, 8, ("person", "dog")),
        rival_threshold=0.5,
        turned_detections=detections(200, 300, 10, names),
        labels=detections(550, 300, 9, names),
        signals={name: rng.uniform(0, 1, 300).astype(np.float32) for name in SIGNALS},
    )
    return made

"""A camera's recording with hits, predictions and signals: what a timeline shows."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oneclick import video as videos
from oneclick.catalog import Catalog
from oneclick.core.clips import Video
from oneclick.core.detections import Detections
from oneclick.core.hits import Hit
from oneclick.core.spans import Span
from oneclick.core.timing import Timing
from oneclick.storage import cards, files, predictions
from oneclick.storage.cards import ModelPair, ModelRef
from oneclick.storage.workspace import Workspace

START = datetime(2026, 11, 2, 12, tzinfo=UTC)
FPS, WIDTH, HEIGHT = 10.0, 160, 120
BIT = 10
"""Pixels of a side of a bit of the frame number, which stands at the top of the picture."""
BITS = 12
MODELS = ("opencv-hog", "rival")


def picture(frame: int) -> NDArray[np.uint8]:
    """Return the picture of a frame, with its number in black and white squares and a person."""
    image = np.full((HEIGHT, WIDTH, 3), 120, np.uint8)
    for bit in range(BITS):
        image[:BIT, bit * BIT : (bit + 1) * BIT] = 255 if frame >> bit & 1 else 0
    x1, y1, x2, y2 = (int(value) for value in box_at(frame))
    image[y1:y2, x1:x2] = (40, 90, 200)
    return image


def box_at(frame: int) -> tuple[float, float, float, float]:
    """Return where the person is."""
    left = 10.0 + frame % 100
    return left, 40.0, left + 20, 100.0


def number_of(image: NDArray[Any]) -> int:
    """Read the frame number of a picture, `(h, w, 3)`, of any size."""
    scale = image.shape[1] / WIDTH
    centre = round(BIT * scale / 2)
    values = (image[centre, round((bit + 0.5) * BIT * scale)].mean() for bit in range(BITS))
    return sum(int(value > 128) << bit for bit, value in enumerate(values))


def hit(trigger: str, frame: int, length: int = 5, why: str = "the box is gone") -> Hit:
    """Return a hit on the person."""
    boxes = ((frame, *box_at(frame)),)
    return Hit(trigger=trigger, span=Span(frame, frame + length), score=0.75, boxes=boxes, why=why)


def add_recording(
    home: Path,
    camera: str = "ward",
    *,
    started_at: datetime | None = START,
    seconds: float = 60,
    hits: tuple[Hit, ...] = (),
    break_at: int | None = None,
    is_scanned: bool = True,
    is_whole: bool = True,
) -> Video:
    """Add a recording to a workspace, with all that stages store about it.

    Args:
        home: the workspace.
        camera: its name.
        started_at: None leaves the start unknown.
        seconds: its length; the picture stands still in half of them.
        hits: what triggers found.
        break_at: frame before which time jumps by ten seconds.
        is_scanned: whether triggers have looked at it.
        is_whole: whether there is a file, and not only rows of the catalog.
    """
    workspace, frames = Workspace(home), round(seconds * FPS)
    name = f"{camera}-{started_at:%Y%m%dT%H%M%SZ}" if started_at else f"{camera}-undated"
    jumps = Timing()
    if break_at is not None:
        stop = (break_at - 1) / FPS
        jumps = Timing(
            frames=(0, break_at - 1, break_at),
            seconds=(0.0, stop, stop + 10),
            breaks=(break_at,),
        )
    recording = Video(
        id=name,
        camera=camera,
        started_at=started_at,
        fps=FPS,
        frames=frames,
        width=WIDTH,
        height=HEIGHT,
        digest="0" * 64,
        suffix=".mp4",
        timing=jumps,
    )
    if is_whole:
        path = workspace.video_file(recording)
        path.parent.mkdir(parents=True, exist_ok=True)
        videos.write(path, (picture(frame) for frame in range(frames)), FPS)
        recording = replace(recording, digest=files.sha256(path))
    numbers = np.arange(frames, dtype=np.int32)
    boxes = np.array([box_at(frame) for frame in range(frames)], np.float32)
    seen = Detections(
        frames=numbers,
        boxes=boxes,
        scores=np.full(frames, 0.9, np.float32),
        classes=np.zeros(frames, np.int16),
        length=frames,
        fps=FPS,
        names=("person",),
    )
    for model, detections in zip(MODELS, (seen, seen.where(numbers % 2 == 0)), strict=True):
        predictions.save(workspace.predictions(name, model), detections, threshold=0.5)
    for signal in ("blur", "novelty"):
        values = np.sin(numbers / 20) * (1 if signal == "blur" else 0.5) + 1
        predictions.save_signal(workspace.signals(name, signal), values)
    cards.save_video_card(workspace, recording)
    with Catalog.open(home) as catalog:
        catalog.add_video(recording)
        for model in MODELS:
            catalog.mark(name, cards.PREDICT_STEP, model)
        for signal in ("blur", "novelty"):
            catalog.mark(name, cards.MEASURE_STEP, signal)
        if is_scanned:
            pair = ModelPair(ModelRef(MODELS[0], 0.5))
            cards.save_hits(workspace, name, "look", pair, hits, ())
            catalog.replace_hits(name, hits, "look")
            catalog.mark(name, cards.SCAN_STEP, "look")
    return recording


def seconds(offset: float) -> float:
    """Return the time `offset` seconds after START, in seconds since 1970."""
    return (START + timedelta(seconds=offset)).timestamp()

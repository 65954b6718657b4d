"""Real video with known people, where it lies beside the repository."""

from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from oneclick.core import association
from oneclick.core.detections import Detections
from oneclick.formats import mot_text

DATA = Path(__file__).parents[2] / ".." / "shared" / "data"
VIDEO = DATA / "video" / "vtest.avi"
FRAMES, FPS = 795, 10.0


def needed() -> None:
    """Skip the test where the data is absent."""
    if not DATA.exists():
        pytest.skip("no ../shared/data beside the repository")


def frames(count: int = FRAMES, step: int = 1):
    """RGB frames of the street video."""
    from oneclick import video

    yield from islice(video.frames(VIDEO), 0, count * step, step)


def truth() -> Detections:
    """The people in it."""
    return mot_text.load(DATA / "mot" / "PETS09-S2L1" / "gt" / "gt.txt", FPS, FRAMES)


def f1(detections: Detections, score: float, step: int = 1) -> tuple[float, float, float]:
    """Precision, recall and F1 at IoU 0.5; frame k of `found` is frame `k * step` of the video."""
    real, confident = truth(), detections.above(score)
    hits = boxes = people = 0
    for frame in range(detections.length):
        a, b = confident.boxes[confident.rows(frame)], real.boxes[real.rows(frame * step)]
        hits += len(association.match(a, b, 0.5)[0])
        boxes, people = boxes + len(a), people + len(b)
    return hits / max(boxes, 1), hits / people, 2 * hits / max(boxes + people, 1)


def noise(height: int = 120, width: int = 160) -> np.ndarray:
    """Seeded coloured noise."""
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)

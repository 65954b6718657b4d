"""Small pictures of textured people before a textured wall, with known boxes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from oneclick.core import boxes as geometry
from oneclick.core.detections import Detections
from oneclick.core.labels import LabelTrack
from oneclick.editing.carry import CarriedTrack, CarryEvidence

WIDTH, HEIGHT, FRAMES, FPS = 240, 160, 40, 10.0
BODY = (24, 56)


def texture(seed: int, width: int, height: int, low: int, high: int) -> NDArray[np.uint8]:
    """Return blobs of a few px, so that points can be followed."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(low, high, (height // 4 + 1, width // 4 + 1, 3)).astype(np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)  # type: ignore[return-value]


@dataclass
class Figure:
    """Somebody whose upper left corner is at `path(frame)`."""

    path: Callable[[int], tuple[float, float]]
    seed: int = 1
    size: tuple[int, int] = BODY
    brightness: tuple[int, int] = (0, 120)

    def box(self, frame: int) -> NDArray[np.float64]:
        x, y = self.path(frame)
        return np.array([x, y, x + self.size[0], y + self.size[1]])

    def boxes(self, frames: Sequence[int] | NDArray[np.integer]) -> geometry.FloatArray:
        rows = np.stack([self.box(int(frame)) for frame in frames])
        return geometry.clip(rows, WIDTH, HEIGHT)

    def label(self, identity: int = 7, frames: Sequence[int] = range(FRAMES)) -> LabelTrack:
        n = len(frames)
        return LabelTrack(
            id=identity,
            cls="person",
            frames=np.array(frames, np.int32),
            boxes=self.boxes(frames).astype(np.float32),
            scores=np.ones(n, np.float32),
            origins="h" * n,
        )

    def detections(self, score: float, frames: Sequence[int] = range(FRAMES)) -> Detections:
        n, rng = len(frames), np.random.default_rng(self.seed)
        return Detections(
            frames=np.array(frames, np.int32),
            boxes=(self.boxes(frames) + rng.normal(0, 1, (n, 4))).astype(np.float32),
            scores=np.full(n, score),
            classes=np.zeros(n, np.int16),
            length=FRAMES,
            fps=FPS,
        )


@dataclass
class Scene:
    """A source of pictures: figures painted in their order over a wall that may move."""

    figures: Sequence[Figure]
    camera: Callable[[int], int] = lambda frame: 0
    length: int = FRAMES
    reads: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.wall = texture(0, WIDTH + 400, HEIGHT, 120, 250)
        self.looks = [texture(f.seed, *f.size, *f.brightness) for f in self.figures]

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, frame: int) -> NDArray[np.uint8]:
        self.reads.append(frame)
        start = 200 + self.camera(frame)
        picture = self.wall[:, start : start + WIDTH].copy()
        for figure, look in zip(self.figures, self.looks, strict=True):
            x, y = (round(value) for value in figure.path(frame))
            w, h = figure.size
            left, top, right, bottom = max(x, 0), max(y, 0), min(x + w, WIDTH), min(y + h, HEIGHT)
            if right > left and bottom > top:
                picture[top:bottom, left:right] = look[top - y : bottom - y, left - x : right - x]
        return picture


class GreyScene(Scene):
    """The same pictures in grey."""

    def __getitem__(self, frame: int) -> NDArray[np.uint8]:
        return cv2.cvtColor(super().__getitem__(frame), cv2.COLOR_BGR2GRAY)  # type: ignore[return-value]


def evidence(
    labels: Sequence[LabelTrack] = (), detections: Sequence[Detections] = ()
) -> CarryEvidence:
    """Return what is on record, with models whose threshold is 0.5."""
    return CarryEvidence(
        fps=FPS,
        width=WIDTH,
        height=HEIGHT,
        detections=detections,
        thresholds=[0.5] * len(detections),
        labels=labels,
    )


def overlaps(track: CarriedTrack, figure: Figure) -> geometry.FloatArray:
    """Return the IoU of each carried box with the truth."""
    return geometry.iou_pairs(track.boxes.astype(np.float64), figure.boxes(track.frames))

"""Labels to send through other formats, drawn at random or fixed, and the way there and back."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from hypothesis import strategies as st

from oneclick import formats
from oneclick.core.datasets import Split
from oneclick.core.labels import LabelSet, LabelTrack
from oneclick.core.tracks import ORIGINS
from oneclick.formats import ExportClip, ImportedSequence, base
from tests.fakes import clips

FRAMES, WIDTH, HEIGHT = 12, 64, 48
CLASSES = ("person", "wheelchair & rail")
CLIP = "ward_a-20260105T120000Z-00000000"
FPS = 12.5
FILMS = {"cvat": "", "labelstudio": "", "fiftyone": "data"}
"""Folders below the split in which a format has its videos."""


def label_set(*tracks: LabelTrack, frames: int = FRAMES) -> LabelSet:
    """Revision 1 of CLIP."""
    return LabelSet(
        clip=CLIP,
        revision=1,
        kind="human",
        parent=None,
        made_by="ann",
        made_at=clips.NOON,
        frames=frames,
        width=WIDTH,
        height=HEIGHT,
        classes=CLASSES,
        tracks=tracks,
    )


def fixed() -> LabelSet:
    """A track with a hole, key frames, two attributes and every origin; and a box of one frame."""
    frames = np.array([0, 1, 2, 3, 6, 7], np.int32)
    lefts = frames[:, None] * np.float32(1.5) + np.float32(4.25)
    boxes = np.hstack([lefts, lefts * 0 + 5, lefts + 10, lefts * 0 + 35]).astype(np.float32)
    first = LabelTrack(
        id=3,
        cls="person",
        frames=frames,
        boxes=boxes,
        scores=np.full(6, 0.875, np.float32),
        origins="diurhd",
        keyframes=(0, 3, 7),
        attributes={
            "posture": ((0, 3, "lying"), (3, 8, "sitting <up>")),
            "occluded": ((6, 7, "true"),),
        },
    )
    box = np.array([[1, 2, 63.99, 47]], np.float32)
    second = LabelTrack(
        id=7,
        cls=CLASSES[1],
        frames=np.array([11], np.int32),
        boxes=box,
        scores=np.ones(1, np.float32),
        origins="h",
        keyframes=(11,),
    )
    return label_set(first, second)


@st.composite
def label_tracks(draw: st.DrawFn, number: int) -> LabelTrack:
    """One track, holes and all; attributes are what its boxes say."""
    frames = sorted(draw(st.sets(st.integers(0, FRAMES - 1), min_size=1)))
    cents = [draw(_box()) for _ in frames]
    answers = [draw(_SAID) for _ in frames]
    scores = np.array([draw(st.integers(0, 10_000)) / 10_000 for _ in frames], np.float32)
    return LabelTrack(
        id=number,
        cls=draw(st.sampled_from(CLASSES)),
        frames=np.array(frames, np.int32),
        boxes=np.array(cents, np.float64).astype(np.float32) / np.float32(100),
        scores=scores,
        origins="".join(draw(st.sampled_from(ORIGINS)) for _ in frames),
        keyframes=tuple(frame for frame in frames if draw(st.booleans())),
        attributes=base.attribute_ranges(frames, answers),
    )


_SAID = st.dictionaries(
    st.sampled_from(["posture", "occluded", 'a "b"']),
    st.sampled_from(["true", "false", "lying & <still>", "ä"]),
    max_size=2,
)


@st.composite
def _box(draw: st.DrawFn) -> tuple[int, int, int, int]:
    """In hundredths of a pixel, inside the picture, at least a pixel large."""
    x, y = draw(st.integers(0, 100 * WIDTH - 100)), draw(st.integers(0, 100 * HEIGHT - 100))
    right, low = draw(st.integers(x + 100, 100 * WIDTH)), draw(st.integers(y + 100, 100 * HEIGHT))
    return x, y, right, low


@st.composite
def label_sets(draw: st.DrawFn) -> LabelSet:
    """Up to three tracks with ids in any order."""
    numbers = draw(st.lists(st.integers(0, 2**31 - 1), max_size=3, unique=True))
    return label_set(*(draw(label_tracks(number)) for number in numbers))


def picture(k: int = 0, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray[Any, Any]:
    """A picture like no other of another number."""
    image = np.zeros((height, width, 3), np.uint8)
    image[..., 0], image[k % height] = 7 * k % 256, 255
    return image


def draw_frames(folder: Path, frames: int = FRAMES) -> Path:
    """The folder with its pictures as 000000.jpg …"""
    folder.mkdir(parents=True, exist_ok=True)
    for k in range(frames):
        cv2.imwrite(str(folder / f"{k:06d}.jpg"), picture(k))
    return folder


def export(
    root: Path, name: str, labels: LabelSet, frames: Path | None, split: Split = "train"
) -> None:
    """Write one clip; formats with a video get its pictures in its place."""
    writer = formats.get(name).writer(root, CLASSES)
    writer.add(ExportClip(name=CLIP, split=split, fps=FPS, labels=labels, frames=frames))
    writer.close()
    if name in FILMS and frames is not None:
        shutil.copytree(frames, root / split / FILMS[name] / CLIP)


def bring_back(root: Path, name: str) -> ImportedSequence:
    """The one sequence of a dataset."""
    failed: dict[str, str] = {}
    (source,) = formats.get(name).find(root, CLASSES, failed)
    assert not failed
    return source.load("h")

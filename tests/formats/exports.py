"""A dataset of three clips to export, and its boxes as rows that any reader can be held against."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from oneclick import formats
from oneclick.core.datasets import Split
from oneclick.core.labels import LabelSet, LabelTrack
from oneclick.formats import ExportClip
from tests.fakes import clips

WIDTH, HEIGHT, LANE = 1920, 1080, 200
CLASSES = ("person", "wheelchair & rail", "bed, empty")
SPLITS: dict[str, Split] = {"ward_a": "train", "ward_b": "train", "ward_c": "test"}
FRAMES = {"ward_a": 5, "ward_b": 4, "ward_c": 9}
FPS = {"ward_a": 25.0, "ward_b": 29.97, "ward_c": 10.0}
TOLERANCE = 0.0101
"""px; the last decimal, and what float32 makes of it."""


@dataclass(frozen=True, kw_only=True)
class BoxRow:
    """One box as a reader has it."""

    split: str
    clip: str
    frame: int
    """From 0."""
    cls: str
    box: tuple[float, float, float, float]
    """px, x1 y1 x2 y2."""
    track: int | None = None
    """None where the reader knows no tracks."""

    def key(self) -> tuple[str, str, int, int]:
        """Return what no two boxes share: no two tracks of a clip lie in one lane."""
        return self.split, self.clip, self.frame, round((self.box[1] - LANE / 4) / LANE)


def label_track(number: int, cls: str, frames: Iterable[int], lane: int, seed: int) -> LabelTrack:
    """Return a track that moves at random within its lane, with boxes of two decimals."""
    rng, rows = np.random.default_rng(seed), list(frames)
    corners = rng.uniform([10, LANE * lane], [1500, LANE * lane + 90], (len(rows), 2))
    sizes = rng.uniform([5, 5], [400, 60], (len(rows), 2))
    boxes = np.hstack([corners, corners + sizes]).round(2).astype(np.float32)
    return LabelTrack(
        id=number,
        cls=cls,
        frames=np.array(rows, np.int32),
        boxes=boxes,
        scores=np.ones(len(rows), np.float32),
        origins="h" * len(rows),
        keyframes=tuple(rows[:1]),
    )


def straight_track(number: int, frames: int, lane: int) -> LabelTrack:
    """Return a track that walks straight on, by steps that two decimals cannot hold."""
    steps = np.arange(frames)[:, None]
    corner = np.array([100, LANE * lane + 20, 180, LANE * lane + 120])
    boxes = (corner + steps * np.array([3.337, 0.1234, 3.3371, 0.1239])).round(2)
    return LabelTrack(
        id=number,
        cls=CLASSES[0],
        frames=np.arange(frames, dtype=np.int32),
        boxes=boxes.astype(np.float32),
        scores=np.ones(frames, np.float32),
        origins="h" * frames,
    )


def label_set(clip: str) -> LabelSet:
    """Return tracks of three classes, with holes and with the id 0; one clip has none."""
    tracks: tuple[LabelTrack, ...] = ()
    if clip != "ward_b":
        last = FRAMES[clip] - 1
        tracks = (
            label_track(7, CLASSES[0], range(FRAMES[clip]), 0, 1),
            label_track(0, CLASSES[1], [0, 1, last], 1, 2),
            label_track(41, CLASSES[2], [2], 2, 3),
            straight_track(8, FRAMES[clip], 3),
        )
    return LabelSet(
        clip=clip,
        revision=1,
        kind="human",
        parent=None,
        made_by="ann",
        made_at=clips.NOON,
        frames=FRAMES[clip],
        width=WIDTH,
        height=HEIGHT,
        classes=CLASSES,
        tracks=tracks,
    )


def expected_rows(track_zero: int | None = 0) -> list[BoxRow]:
    """Return the boxes of all clips; `track_zero` is the id that a format has for track 0."""
    return [
        BoxRow(
            split=split,
            clip=clip,
            frame=frame,
            cls=track.cls,
            box=(box[0], box[1], box[2], box[3]),
            track=track.id or track_zero,
        )
        for clip, split in SPLITS.items()
        for track in label_set(clip).tracks
        for frame, box in zip(track.frames.tolist(), track.boxes.tolist(), strict=True)
    ]


def export(root: Path, name: str, frames: Path, **options: bool) -> None:
    """Write the dataset with its pictures."""
    writer = formats.get(name).writer(root, CLASSES, **options)
    for clip, split in SPLITS.items():
        writer.add(
            ExportClip(name=clip, split=split, fps=FPS[clip], labels=label_set(clip), frames=frames)
        )
    writer.close()


def draw_frames(folder: Path) -> Path:
    """Draw the pictures that all clips share."""
    folder.mkdir()
    content = cv2.imencode(".jpg", np.zeros((HEIGHT, WIDTH, 3), np.uint8))[1].tobytes()
    for k in range(max(FRAMES.values())):
        (folder / f"{k:06d}.jpg").write_bytes(content)
    return folder


def assert_same(rows: Iterable[BoxRow], expected: Iterable[BoxRow]) -> None:
    """Compare two lists of boxes: split, clip, frame, class, track where known, and box."""
    before = sorted(expected, key=BoxRow.key)
    after = sorted(rows, key=BoxRow.key)
    assert [(*row.key(), row.cls) for row in after] == [(*row.key(), row.cls) for row in before]
    for old, new in zip(before, after, strict=True):
        assert new.track in (None, old.track), (old, new)
        assert np.abs(np.subtract(old.box, new.box)).max() <= TOLERANCE, (old, new)

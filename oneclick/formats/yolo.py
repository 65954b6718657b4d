"""YOLO text labels: `class cx cy w h` per box, relative to the image size; one file per image.

    images/<split>/<clip>/000000.jpg
    labels/<split>/<clip>/000000.txt    empty where a frame has no box
    data.yaml                           names of the classes, and the splits that there are

With `flat`, all pictures of a split lie in one folder, as images/<split>/<clip>_000000.jpg; what
reads them cannot tell the clips apart.

The format describes single images: tracks, key frames, attributes, origins and scores are lost.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from oneclick.core.datasets import Split
from oneclick.core.labels import LabelSet
from oneclick.formats import base, disk
from oneclick.formats.base import ExchangeFormat, ExportClip
from oneclick.formats.yolo_read import QUESTIONS, find
from oneclick.formats.yolo_sets import DATA

__all__ = ["LOST", "YoloWriter", "find"]

LOST = "tracks, key frames, attributes, origins and scores"
SPLITS: dict[str, Split] = {"train": "train", "val": "test"}
"""Splits of data.yaml, and ours."""


class YoloWriter:
    """Writes all splits into one folder."""

    def __init__(self, root: Path, classes: Sequence[str], flat: bool = False) -> None:
        self._root, self._classes, self._flat = root, list(classes), flat
        self._splits: set[str] = set()
        self.notes: Counter[str] = Counter()

    def add(self, clip: ExportClip) -> None:
        """Write the labels of one clip, and export its images."""
        split = Path(clip.split)
        folder, prefix = (split, f"{clip.name}_") if self._flat else (split / clip.name, "")
        base.export_frames(clip, self._root / "images" / folder, prefix=prefix)
        names = dict.fromkeys(track.cls for track in clip.labels.tracks)
        self._classes += [name for name in names if name not in self._classes]
        lines_by_frame = label_lines(clip.labels, self._classes)
        for k, lines in enumerate(lines_by_frame):
            disk.write_lines(self._root / "labels" / folder / f"{prefix}{k:06d}.txt", lines)
        self._splits.add(clip.split)
        self.notes["boxes without area in the picture left out"] += clip.labels.boxes() - sum(
            map(len, lines_by_frame)
        )

    def close(self) -> None:
        """Write data.yaml, which names the splits that there are; its `val` is our test split."""
        names = [f"  {k}: {json.dumps(name)}\n" for k, name in enumerate(self._classes)]
        head = [f"{k}: images/{split}\n" for k, split in SPLITS.items() if split in self._splits]
        disk.write_lines(self._root / DATA, [*head, f"nc: {len(names)}\n", "names:\n", *names])
        for key, split in SPLITS.items():
            if self._splits and split not in self._splits:
                self.notes[f"split without a clip: {DATA} has no `{key}`, which training needs"] = 1


def label_lines(labels: LabelSet, classes: Sequence[str]) -> list[list[str]]:
    """Return the lines of the label file of every frame; boxes without area are left out."""
    lines: list[list[str]] = [[] for _ in range(labels.frames)]
    size = np.array([labels.width, labels.height] * 2, np.float64)
    for track, boxes in zip(labels.tracks, base.rounded_boxes(labels), strict=True):
        corners = np.clip(boxes / size, 0, 1)
        centred = np.hstack([corners[:, :2] + corners[:, 2:], corners[:, 2:] - corners[:, :2]])
        centred[:, :2] /= 2
        class_id = classes.index(track.cls)
        for frame, row in zip(track.frames.tolist(), centred.tolist(), strict=True):
            if min(row[2:]) > 0:
                lines[frame].append(f"{class_id} " + " ".join(f"{v:.8f}" for v in row) + "\n")
    return lines


FORMAT = ExchangeFormat(
    YoloWriter,
    find,
    LOST,
    options={"flat": "the pictures of a split in one folder"},
    questions=QUESTIONS,
)

"""YOLO text labels: `class cx cy w h` per box, relative to the image size; one file per image.

    images/<split>/<clip>/000000.jpg
    labels/<split>/<clip>/000000.txt    empty where a frame has no box
    data.yaml                           names of the classes

The format describes single images: tracks, key frames, attributes, origins and scores are lost.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from oneclick.core.labels import LabelSet
from oneclick.formats import base, disk
from oneclick.formats.base import ExchangeFormat, ExportClip
from oneclick.formats.yolo_read import QUESTIONS, find
from oneclick.formats.yolo_sets import DATA

__all__ = ["LOST", "YoloWriter", "find"]

LOST = "tracks, key frames, attributes, origins and scores"


class YoloWriter:
    """Writes all splits into one folder."""

    def __init__(self, root: Path, classes: Sequence[str]) -> None:
        self._root, self._classes = root, list(classes)

    def add(self, clip: ExportClip) -> None:
        """Write the labels of one clip, and export its images."""
        folder = Path(clip.split) / clip.name
        base.export_frames(clip, self._root / "images" / folder)
        names = dict.fromkeys(track.cls for track in clip.labels.tracks)
        self._classes += [name for name in names if name not in self._classes]
        for k, lines in enumerate(label_lines(clip.labels, self._classes)):
            disk.write_lines(self._root / "labels" / folder / f"{k:06d}.txt", lines)

    def close(self) -> None:
        """Write data.yaml; its `val` is our test split, since training tools require one."""
        names = [f"  {k}: {json.dumps(name)}\n" for k, name in enumerate(self._classes)]
        head = ["train: images/train\n", "val: images/test\n", f"nc: {len(names)}\n", "names:\n"]
        disk.write_lines(self._root / DATA, head + names)


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
                lines[frame].append(f"{class_id} " + " ".join(f"{v:.6f}" for v in row) + "\n")
    return lines


FORMAT = ExchangeFormat(YoloWriter, find, LOST, questions=QUESTIONS)

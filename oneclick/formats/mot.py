"""MOTChallenge sequences: one folder each; frames and boxes count from 1 in the text files only.

    <split>/<clip>/img1/000001.jpg
    <split>/<clip>/gt/gt.txt        frame,id,left,top,width,height,conf,class,visibility
    <split>/<clip>/seqinfo.ini      with the names of the classes, which other readers ignore

`conf` is 1 in what we write: evaluation tools ignore boxes with 0, and so do we when reading.
Key frames, attributes, origins and scores are lost; visibility is 0 where a track is occluded.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from oneclick.core.labels import LabelSet
from oneclick.formats import base, disk
from oneclick.formats.base import ExchangeFormat, ExportClip
from oneclick.formats.mot_read import QUESTIONS, find

__all__ = ["LOST", "MotWriter", "find"]

LOST = "key frames, attributes, origins and scores"


class MotWriter:
    """Writes one folder per clip."""

    def __init__(self, root: Path, classes: Sequence[str]) -> None:
        self._root, self._classes = root, list(classes)

    def add(self, clip: ExportClip) -> None:
        """Write ground truth and seqinfo.ini of one clip, and export its images."""
        folder = self._root / clip.split / clip.name
        base.export_frames(clip, folder / "img1", first=1)
        names = dict.fromkeys(track.cls for track in clip.labels.tracks)
        self._classes += [name for name in names if name not in self._classes]
        disk.write_lines(folder / "gt" / "gt.txt", ground_truth_lines(clip.labels, self._classes))
        sequence = {
            "name": clip.name,
            "imDir": "img1",
            "frameRate": f"{clip.fps:g}",
            "seqLength": clip.labels.frames,
            "imWidth": clip.labels.width,
            "imHeight": clip.labels.height,
            "imExt": ".jpg",
            "classes": ",".join(self._classes),
        }
        lines = [f"{name}={value}\n" for name, value in sequence.items()]
        disk.write_lines(folder / "seqinfo.ini", ["[Sequence]\n", *lines])

    def close(self) -> None:
        """Do nothing: no file describes the whole dataset."""


def ground_truth_lines(labels: LabelSet, classes: Sequence[str]) -> list[str]:
    """Return the lines of gt.txt, by frame and track; class k counts from 1."""
    rows: list[tuple[int, int, str]] = []
    for track, boxes in zip(labels.tracks, base.rounded_boxes(labels), strict=True):
        class_id = classes.index(track.cls) + 1
        columns = track.frames.tolist(), boxes.tolist(), base.attributes_per_box(track)
        for frame, (x1, y1, x2, y2), attributes in zip(*columns, strict=True):
            visibility = int(attributes.get("occluded") != "true")
            box = f"{x1:.2f},{y1:.2f},{x2 - x1:.2f},{y2 - y1:.2f}"
            line = f"{frame + 1},{track.id},{box},1,{class_id},{visibility}\n"
            rows.append((frame, track.id, line))
    return [line for *_, line in sorted(rows)]


FORMAT = ExchangeFormat(MotWriter, find, LOST, questions=QUESTIONS)

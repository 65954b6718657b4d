"""MOTChallenge sequences: one folder each; frames and boxes count from 1 in the text files only.

    <split>/<clip>/img1/000001.jpg
    <split>/<clip>/gt/gt.txt        frame,id,left,top,width,height,conf,class,visibility
    <split>/<clip>/gt/labels.txt    names of the classes, one a line, as CVAT and datumaro read them
    <split>/<clip>/seqinfo.ini

`conf` is 1 in what we write: evaluation tools ignore boxes with 0, and so do we when reading.
Key frames, attributes, origins and scores are lost; visibility is 0 where a track is occluded.

datumaro takes seqinfo.ini for broken if an entry `key=value` is not of MOTChallenge or frameRate
has a fraction, and drops the id of track 0. So the exact frame rate stands in a section of ours as
`frameRate: 12.5`, and the number that track 0 has in gt.txt as `trackZero: 4`.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from oneclick.core.labels import LabelSet
from oneclick.formats import base, disk, mot_text
from oneclick.formats.base import ExchangeFormat, ExportClip
from oneclick.formats.mot_read import QUESTIONS, find

__all__ = ["LOST", "MotWriter", "find"]

LABELS = "labels.txt"
LOST = "key frames, attributes, origins and scores"


class MotWriter:
    """Writes one folder per clip."""

    def __init__(self, root: Path, classes: Sequence[str]) -> None:
        self._root, self._classes = root, list(classes)
        self.notes: Counter[str] = Counter()

    def add(self, clip: ExportClip) -> None:
        """Write ground truth and seqinfo.ini of one clip, and export its images."""
        folder = self._root / clip.split / clip.name
        base.export_frames(clip, folder / "img1", first=1)
        names = dict.fromkeys(track.cls for track in clip.labels.tracks)
        self._classes += [name for name in names if name not in self._classes]
        disk.write_lines(folder / "gt" / "gt.txt", ground_truth_lines(clip.labels, self._classes))
        disk.write_lines(folder / "gt" / LABELS, [f"{name}\n" for name in self._classes])
        sequence = {
            "name": clip.name,
            "imDir": "img1",
            "frameRate": max(1, round(clip.fps)),
            "seqLength": clip.labels.frames,
            "imWidth": clip.labels.width,
            "imHeight": clip.labels.height,
            "imExt": ".jpg",
        }
        lines = [f"{name}={value}\n" for name, value in sequence.items()]
        exact: dict[str, object] = {}
        if clip.fps != sequence["frameRate"]:
            exact["frameRate"] = clip.fps
            self.notes["clips whose frame rate other tools read as a whole number"] += 1
        if 0 in (numbers := track_numbers(clip.labels)):
            exact[mot_text.TRACK_ZERO] = numbers[0]
            self.notes["tracks 0 that other tools read under another id, for ids begin at 1"] += 1
        if exact:
            lines.append(f"\n[{mot_text.OWN_SECTION}]\n")
            lines += [f"{name}: {value}\n" for name, value in exact.items()]
        disk.write_lines(folder / "seqinfo.ini", ["[Sequence]\n", *lines])

    def close(self) -> None:
        """Do nothing: no file describes the whole dataset."""


def track_numbers(labels: LabelSet) -> dict[int, int]:
    """Return the number of each track in gt.txt: its id, or an unused one in place of 0."""
    ids = {track.id for track in labels.tracks}
    unused_ids = (number for number in itertools.count(1) if number not in ids)
    return {id: id if id > 0 else next(unused_ids) for id in sorted(ids)}


def ground_truth_lines(labels: LabelSet, classes: Sequence[str]) -> list[str]:
    """Return the lines of gt.txt, by frame and track; class k counts from 1."""
    rows: list[tuple[int, int, str]] = []
    numbers = track_numbers(labels)
    for track, boxes in zip(labels.tracks, base.rounded_boxes(labels), strict=True):
        track_id, class_id = numbers[track.id], classes.index(track.cls) + 1
        columns = track.frames.tolist(), boxes.tolist(), base.attributes_per_box(track)
        for frame, (x1, y1, x2, y2), attributes in zip(*columns, strict=True):
            visibility = int(attributes.get("occluded") != "true")
            box = f"{x1:.2f},{y1:.2f},{x2 - x1:.2f},{y2 - y1:.2f}"
            line = f"{frame + 1},{track_id},{box},1,{class_id},{visibility}\n"
            rows.append((frame, track_id, line))
    return [line for *_, line in sorted(rows)]


FORMAT = ExchangeFormat(MotWriter, find, LOST, questions=QUESTIONS)

"""MOTChallenge sequences: one folder each; frames and boxes count from 1 in the text files only.

    <split>/<clip>/img1/000001.jpg
    <split>/<clip>/gt/gt.txt        frame,id,left,top,width,height,conf,class,visibility
    <split>/<clip>/seqinfo.ini      with the names of the classes, which other readers ignore

`conf` is 1 in what we write: evaluation tools ignore boxes with 0, and so do we when reading.
Key frames, attributes, origins and scores are lost; visibility is 0 where a track is occluded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from oneclick.core.errors import BadInput, BadLabels
from oneclick.core.labels import LabelSet
from oneclick.formats import base, disk, mot_text, pictures
from oneclick.formats.base import (
    BoxRows,
    ExchangeFormat,
    ExportClip,
    ImportedSequence,
    SequenceSource,
)
from oneclick.storage import bounded_files

LOST = "key frames, attributes, origins and scores"
_ANY_FPS = 30.0
"""Frame rate to check lines with; seqinfo.ini has the true one."""


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


def find(path: Path, classes: Sequence[str], failed: dict[str, str]) -> list[SequenceSource]:
    """List the sequences at or below `path`: folders that hold gt/gt.txt.

    Raises:
        BadInput: there is none.
    """
    texts = bounded_files.find(path, "gt.txt".__eq__, failed) if path.is_dir() else []
    truths = [text for text in texts if text.parent.name == "gt"]
    if not truths and not failed:
        raise BadInput(f"{path}: no MOTChallenge dataset: no folder in it holds gt/gt.txt")
    sources = []
    for truth in truths:
        folder = truth.parent.parent
        names = folder.parent.relative_to(path).parts if folder != path else ()
        split = base.split_of_names(path.name, *names)
        sources.append(SequenceSource(folder.name, split, partial(load, path, folder, classes)))
    return sources


def load(root: Path, folder: Path, classes: Sequence[str], origin: str) -> ImportedSequence:
    """Read one sequence of the dataset in `root`.

    Raises:
        BadInput: images and seqinfo.ini do not fit, a line of gt.txt is broken, or a file lies
            outside the dataset.
    """
    for name in ("seqinfo.ini", "gt/gt.txt"):
        bounded_files.inside(root, folder / name)
    info = mot_text.read_sequence_section(folder / "seqinfo.ini")
    images = tuple(disk.list_images(folder / info.get("imDir", "img1"), root))
    numbers = mot_text.sequence_numbers(info)
    length = int(numbers.get("seqLength", len(images)))
    if not images or length != len(images):
        raise BadInput(f"{folder}: {len(images)} pictures of {length} frames are there")
    width, height = pictures.size(images[0])
    names = info["classes"].split(",") if "classes" in info else classes
    rows, ignored = read_ground_truth(folder / "gt" / "gt.txt", len(images), names)
    tracks, notes = base.build_tracks(rows, width, height, origin)
    return ImportedSequence(
        width=width,
        height=height,
        tracks=tracks,
        images=images,
        fps=numbers.get("frameRate"),
        notes=notes + Counter({"boxes with conf 0 left out": ignored}),
    )


def read_ground_truth(file: Path, length: int, names: Sequence[str]) -> tuple[BoxRows, int]:
    """Return the boxes of gt.txt, and how many were ignored because their conf is 0.

    Raises:
        BadLabels: naming the first broken line.
    """
    mot_text.load(file, _ANY_FPS, length)  # names the first line that is broken
    rows, ignored = BoxRows(), 0
    for frame, track, x, y, width, height, conf, number in read_table(file).tolist():
        if conf == 0:
            ignored += 1
            continue
        index = int(number) - 1
        rows.add(
            frame=int(frame) - 1,
            track_id=int(track),
            cls=names[index] if 0 <= index < len(names) else f"class {int(number)}",
            box=(x, y, x + width, y + height),
        )
    return rows, ignored


def read_table(file: Path) -> NDArray[np.float64]:
    """Return (n, 8): frame, id, left, top, width, height, conf, class.

    The last two are 1 where the file has no such column. Files of 2015 have ten columns, which end
    in a position in the world, and no class.

    Raises:
        BadLabels: naming the first line that is not of numbers, or whose id or class is no integer.
    """
    rows = []
    for number, line in mot_text.numbered_lines(file):
        try:
            row = [float(cell) for cell in line.strip().rstrip(",").split(",")]
        except ValueError as error:
            raise BadLabels(f"{file} line {number}: {str(error)[:80]}") from None
        row = row[:7] if len(row) > 9 else row[:8]
        row += [1.0] * (8 - len(row))
        if row[1] != np.floor(row[1]) or row[7] != np.floor(row[7]):
            raise BadLabels(
                f"{file} line {number}: id {row[1]:g}, class {row[7]:g}: not whole numbers"
            )
        rows.append(row)
    return np.array(rows, np.float64).reshape(-1, 8)


FORMAT = ExchangeFormat(MotWriter, find, LOST)

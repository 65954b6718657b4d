"""A format: one row a box, with its clip, frame, track and class."""

import csv
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from oneclick.core.errors import BadInput
from oneclick.core.labels import LabelTrack
from oneclick.formats import ExchangeFormat, ExportClip, ImportedSequence, SequenceSource

FILE = "boxes.csv"
COLUMNS = ["clip", "split", "fps", "frame", "track", "class"]
COLUMNS += ["x1", "y1", "x2", "y2", "width", "height"]


class CsvWriter:
    """Write all clips into one file, which is whole after `close`."""

    def __init__(self, root: Path, classes: Sequence[str]) -> None:
        root.mkdir(parents=True, exist_ok=True)
        self._path, self._rows = root / FILE, [COLUMNS]

    def add(self, clip: ExportClip) -> None:
        """Take one clip: a row for each box."""
        labels = clip.labels
        for track in labels.tracks:
            for frame, box in zip(track.frames.tolist(), track.boxes.tolist(), strict=True):
                corners = [f"{side:.2f}" for side in box]
                row = [clip.name, clip.split, f"{clip.fps:g}", frame, track.id, track.cls]
                self._rows.append([*map(str, row), *corners, str(labels.width), str(labels.height)])

    def close(self) -> None:
        """Write the file."""
        with self._path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(self._rows)


def find(path: Path, classes: Sequence[str], failed: dict[str, str]) -> list[SequenceSource]:
    """Return the clips of a file `boxes.csv`."""
    file = path / FILE if path.is_dir() else path
    if file.name != FILE or not file.is_file():
        raise BadInput(f"{path} holds no {FILE}")
    with file.open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    clips: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        clips.setdefault(row["clip"], []).append(row)
    return [
        SequenceSource(name, "test" if own[0]["split"] == "test" else "train", partial(_load, own))
        for name, own in clips.items()
    ]


def _load(rows: list[dict[str, str]], origin: str) -> ImportedSequence:
    tracks: dict[int, list[dict[str, str]]] = {}
    for row in rows:
        tracks.setdefault(int(row["track"]), []).append(row)
    return ImportedSequence(
        width=int(rows[0]["width"]),
        height=int(rows[0]["height"]),
        fps=float(rows[0]["fps"]),
        tracks=tuple(_track(number, own, origin) for number, own in tracks.items()),
    )


def _track(number: int, rows: list[dict[str, str]], origin: str) -> LabelTrack:
    boxes = [[float(row[side]) for side in ("x1", "y1", "x2", "y2")] for row in rows]
    return LabelTrack(
        id=number,
        cls=rows[0]["class"],
        frames=np.array([int(row["frame"]) for row in rows], np.int32),
        boxes=np.array(boxes, np.float32),
        scores=np.ones(len(rows), np.float32),
        origins=origin * len(rows),
    )


FORMAT = ExchangeFormat(CsvWriter, find, lost="key frames, attributes, origins and scores")

"""MOTChallenge sequences: one folder each, frames and boxes counted from 1 in the text only.

    <split>/<clip>/img1/000001.jpg
    <split>/<clip>/gt/gt.txt        frame,id,left,top,width,height,conf,class,visibility
    <split>/<clip>/seqinfo.ini      with the names of the classes, which other readers pass over

`conf` is 1 in what we write: evaluation tools leave boxes with 0 out, and so do we when reading.
Key frames, attributes, origins and scores are lost; visibility is 0 where a track says occluded.
"""

from __future__ import annotations

import configparser
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from oneclick.core.errors import BadInput, BadLabels
from oneclick.core.labels import LabelSet
from oneclick.formats import base, disk
from oneclick.formats import mot_text as text
from oneclick.formats.base import Incoming, Outgoing, Rows, Source

LOST = "key frames, attributes, origins and scores"
_FPS = 30.0
"""Only to check lines with; seqinfo.ini says the true one."""


class Writer:
    """One folder a clip."""

    def __init__(self, root: Path, classes: Sequence[str]) -> None:
        self._root, self._classes = root, list(classes)

    def add(self, clip: Outgoing) -> None:
        """Pictures, truth and description of one clip."""
        folder = self._root / clip.split / clip.name
        base.place_frames(clip, folder / "img1", first=1)
        self._classes += [
            name
            for name in dict.fromkeys(track.cls for track in clip.labels.tracks)
            if name not in self._classes
        ]
        disk.write(folder / "gt" / "gt.txt", _lines(clip.labels, self._classes))
        disk.write(folder / "seqinfo.ini", _description(clip, self._classes))

    def close(self) -> None:
        """Nothing stands above the sequences."""


def _lines(labels: LabelSet, classes: Sequence[str]) -> list[str]:
    rows: list[tuple[int, int, str]] = []
    for track, boxes in zip(labels.tracks, base.rounded(labels), strict=True):
        number = classes.index(track.cls) + 1
        columns = track.frames.tolist(), boxes.tolist(), base.said_at(track)
        for frame, (x1, y1, x2, y2), said in zip(*columns, strict=True):
            seen = int(said.get("occluded") != "true")
            box = f"{x1:.2f},{y1:.2f},{x2 - x1:.2f},{y2 - y1:.2f}"
            rows.append((frame, track.id, f"{frame + 1},{track.id},{box},1,{number},{seen}\n"))
    return [line for *_, line in sorted(rows)]


def _description(clip: Outgoing, classes: Sequence[str]) -> list[str]:
    values = {
        "name": clip.name,
        "imDir": "img1",
        "frameRate": f"{clip.fps:g}",
        "seqLength": clip.labels.frames,
        "imWidth": clip.labels.width,
        "imHeight": clip.labels.height,
        "imExt": ".jpg",
        "classes": ",".join(classes),
    }
    return ["[Sequence]\n", *(f"{name}={value}\n" for name, value in values.items())]


def find(path: Path, classes: Sequence[str], failed: dict[str, str]) -> list[Source]:
    """The sequences at or below `path`: folders that hold gt/gt.txt.

    Raises:
        BadInput: there is none.
    """
    found = sorted(path.rglob("gt/gt.txt"))
    if not found:
        raise BadInput(f"{path}: no MOTChallenge dataset: no folder in it holds gt/gt.txt")
    return [_source(file.parent.parent, path, file, classes) for file in found]


def _source(folder: Path, root: Path, file: Path, classes: Sequence[str]) -> Source:
    def load(origin: str) -> Incoming:
        return _load(folder, file, classes, origin)

    above = folder.parent.relative_to(root).parts if folder != root else ()
    return Source(folder.name, base.side(root.name, *above), load)


def _load(folder: Path, file: Path, classes: Sequence[str], origin: str) -> Incoming:
    info = _info(folder / "seqinfo.ini")
    pictures = tuple(disk.pictures(folder / info.get("imDir", "img1")))
    numbers = text.sequence(folder / "seqinfo.ini")
    stated = int(numbers.get("seqLength", len(pictures)))
    if not pictures or stated != len(pictures):
        raise BadInput(f"{folder}: {len(pictures)} pictures of {stated} frames are there")
    size = disk.picture_size(pictures[0])
    names = info["classes"].split(",") if "classes" in info else classes
    rows, ignored = _rows(file, len(pictures), names)
    tracks, notes = base.tracks(rows, *size, origin)
    notes += Counter({"boxes with conf 0 left out": ignored})
    return Incoming(*size, tracks, pictures, None, numbers.get("frameRate"), notes)


def _info(file: Path) -> dict[str, str]:
    """All of seqinfo.ini as text; nothing where it is missing or broken."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    try:
        parser.read(file, "utf-8")
        return dict(parser.items("Sequence"))
    except (configparser.Error, UnicodeDecodeError):
        return {}


def _rows(file: Path, length: int, names: Sequence[str]) -> tuple[Rows, int]:
    """The boxes, and how many were left out because conf is 0."""
    text.load(file, _FPS, length)  # names the first line that is broken
    rows, ignored = Rows(), 0
    for frame, track, x, y, width, height, conf, number in _table(file).tolist():
        if conf == 0:
            ignored += 1
            continue
        place = int(number) - 1
        cls = names[place] if 0 <= place < len(names) else f"class {int(number)}"
        rows.add(int(frame) - 1, int(track), cls, (x, y, x + width, y + height))
    return rows, ignored


def _table(file: Path) -> NDArray[np.float64]:
    """(n, 8): frame, id, left, top, width, height, conf, class; the last two 1 where missing."""
    lines = enumerate(file.read_text("utf-8-sig", errors="replace").split("\n"), 1)
    cells = [_cells(f"{file} line {number}", line) for number, line in lines if line.strip()]
    return np.array(cells, np.float64).reshape(-1, 8)


def _cells(where: str, line: str) -> list[float]:
    try:
        row = [float(cell) for cell in line.strip().rstrip(",").split(",")]
    except ValueError as error:
        raise BadLabels(f"{where}: {str(error)[:80]}") from None
    # Ten columns are those of 2015, which end in a place in the world and have no class.
    row = row[:7] if len(row) > 9 else row[:8]
    row += [1.0] * (8 - len(row))
    if row[1] != np.floor(row[1]) or row[7] != np.floor(row[7]):
        raise BadLabels(f"{where}: id {row[1]:g}, class {row[7]:g}: not whole numbers")
    return row

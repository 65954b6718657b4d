"""YOLO text labels: `class cx cy w h` per box, in shares of the picture; one file a picture.

    images/<split>/<clip>/000000.jpg
    labels/<split>/<clip>/000000.txt    empty where a frame has no box
    data.yaml                           names of the classes

The format knows single pictures only: tracks, key frames, attributes, origins and scores are lost.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from oneclick.core.errors import BadInput, BadLabels, OneclickError
from oneclick.core.labels import LabelSet
from oneclick.formats import base, disk
from oneclick.formats.base import Incoming, Outgoing, Rows, Source

LOST = "tracks, key frames, attributes, origins and scores"
DATA = "data.yaml"


class Writer:
    """One folder for all splits."""

    def __init__(self, root: Path, classes: Sequence[str]) -> None:
        self._root, self._classes = root, list(classes)

    def add(self, clip: Outgoing) -> None:
        """Labels and pictures of one clip."""
        place = Path(clip.split) / clip.name
        base.place_frames(clip, self._root / "images" / place)
        for k, text in enumerate(self._texts(clip.labels)):
            disk.write(self._root / "labels" / place / f"{k:06d}.txt", text)

    def close(self) -> None:
        """data.yaml; its `val` is our test side, as training tools ask for one."""
        names = [f"  {k}: {json.dumps(name)}\n" for k, name in enumerate(self._classes)]
        head = ["train: images/train\n", "val: images/test\n", f"nc: {len(names)}\n", "names:\n"]
        disk.write(self._root / DATA, head + names)

    def _texts(self, labels: LabelSet) -> list[list[str]]:
        texts: list[list[str]] = [[] for _ in range(labels.frames)]
        limits = np.array([labels.width, labels.height] * 2, np.float64)
        for track, boxes in zip(labels.tracks, base.rounded(labels), strict=True):
            corners = np.clip(boxes / limits, 0, 1)
            shares = np.hstack([corners[:, :2] + corners[:, 2:], corners[:, 2:] - corners[:, :2]])
            shares[:, :2] /= 2
            number = self._number(track.cls)
            for frame, row in zip(track.frames.tolist(), shares.tolist(), strict=True):
                if min(row[2:]) > 0:
                    texts[frame].append(f"{number} " + " ".join(f"{v:.6f}" for v in row) + "\n")
        return texts

    def _number(self, cls: str) -> int:
        if cls not in self._classes:
            self._classes.append(cls)
        return self._classes.index(cls)


def find(path: Path, classes: Sequence[str], failed: dict[str, str]) -> list[Source]:
    """The sequences of a dataset: `path` is its data.yaml or the folder that holds it.

    The pictures of one folder are one sequence; they become clips of equally large pictures, at
    most base.LOOSE each. A picture without a label file has no boxes.

    Raises:
        BadInput: no folder `images` with pictures, or no label file at all.
    """
    root = path.parent if path.is_file() else path
    names = _names(path if path.is_file() else root / DATA, classes)
    folders = sorted({found.parent for found in root.rglob("*") if _ours(found, root)})
    if not any((_labels(folder / "x.jpg", root).parent).is_dir() for folder in folders):
        raise BadLabels(f"{path}: no YOLO dataset: it needs folders images/ and labels/")
    return [source for folder in folders for source in _sources(root, folder, names, failed)]


def _ours(found: Path, root: Path) -> bool:
    return disk.is_picture(found) and "images" in found.relative_to(root).parts[:-1]


def _names(data: Path, classes: Sequence[str]) -> dict[int, str]:
    """Class names by number; without a data.yaml the numbers count `classes`."""
    if not data.exists():
        return dict(enumerate(classes))
    import yaml

    try:
        found: Any = yaml.safe_load(data.read_bytes())["names"]
        pairs = found.items() if isinstance(found, dict) else enumerate(found)
        return {int(number): str(name) for number, name in pairs}
    except (yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError) as error:
        text = " ".join(str(error).split())[:80]
        raise BadLabels(f"{data}: no list of class names under `names` ({text})") from None


def _labels(picture: Path, root: Path) -> Path:
    """Where the labels of a picture lie: the last folder `images` becomes `labels`."""
    parts = list(picture.relative_to(root).parts)
    last = len(parts) - 1 - parts[::-1].index("images")
    parts[last] = "labels"
    return root.joinpath(*parts).with_suffix(".txt")


def _sources(
    root: Path, folder: Path, names: dict[int, str], failed: dict[str, str]
) -> Iterator[Source]:
    found, name = disk.pictures(folder), str(folder.relative_to(root))
    try:
        sizes = [disk.picture_size(picture) for picture in found]
    except OneclickError as error:
        failed[name] = str(error)
        return
    for start, stop in disk.runs(sizes, base.LOOSE):
        part, size = found[start:stop], sizes[start]

        def load(origin: str, part: list[Path] = part, size: tuple[int, int] = size) -> Incoming:
            return _load(root, part, size, names, origin)

        yield Source(
            f"{name}/{part[0].name}", base.side(root.name, *folder.relative_to(root).parts), load
        )


def _load(
    root: Path, part: list[Path], size: tuple[int, int], names: dict[int, str], origin: str
) -> Incoming:
    rows = Rows()
    for frame, picture in enumerate(part):
        _read(_labels(picture, root), frame, size, names, rows)
    made, notes = base.tracks(rows, *size, origin)
    return Incoming(*size, made, tuple(part), notes=notes)


def _read(file: Path, frame: int, size: tuple[int, int], names: dict[int, str], rows: Rows) -> None:
    if not file.exists():
        return
    try:
        text = file.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{file}: cannot be read ({error})") from None
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            _line(f"{file} line {number}", line.split(), frame, size, names, rows)


def _line(
    where: str,
    cells: list[str],
    frame: int,
    size: tuple[int, int],
    names: dict[int, str],
    rows: Rows,
) -> None:
    if len(cells) not in (5, 6):
        raise BadLabels(
            f"{where}: expected class cx cy w h [score], got {len(cells)} columns (polygons and "
            "turned boxes are not read)"
        )
    try:
        number, (cx, cy, w, h, *score) = int(cells[0]), map(float, cells[1:])
    except ValueError as error:
        raise BadLabels(f"{where}: {str(error)[:80]}") from None
    if not np.isfinite([cx, cy, w, h, *score]).all() or w < 0 or h < 0 or max(w, h) > 2:
        raise BadLabels(f"{where}: not shares of a picture: {' '.join(cells)[:60]}")
    box = (
        (cx - w / 2) * size[0],
        (cy - h / 2) * size[1],
        (cx + w / 2) * size[0],
        (cy + h / 2) * size[1],
    )
    cls = names.get(number, f"class {number}")
    rows.add(frame, base.NOBODY, cls, box, score[0] if score else 1.0)

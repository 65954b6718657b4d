"""YOLO text labels: `class cx cy w h` per box, relative to the image size; one file per image.

    images/<split>/<clip>/000000.jpg
    labels/<split>/<clip>/000000.txt    empty where a frame has no box
    data.yaml                           names of the classes

The format describes single images: tracks, key frames, attributes, origins and scores are lost.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from oneclick.core.errors import BadInput, BadLabels
from oneclick.core.labels import LabelSet
from oneclick.formats import base, disk, pictures
from oneclick.formats.base import (
    BoxRows,
    ExchangeFormat,
    ExportClip,
    ImportedSequence,
    SequenceSource,
)
from oneclick.storage import bounded_documents, bounded_files

LOST = "tracks, key frames, attributes, origins and scores"
DATA = "data.yaml"
MAX_LABELS = 4 * bounded_files.MEBIBYTE
"""Bytes of the labels of one image."""


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


def find(path: Path, classes: Sequence[str], failed: dict[str, str]) -> list[SequenceSource]:
    """List the sequences of a dataset: `path` is its data.yaml or the folder that holds it.

    The images of one folder are one sequence; they become clips of images of the same size, at
    most base.MAX_LOOSE_IMAGES each. An image without a label file has no boxes.

    Raises:
        BadInput: no folder `images` with images, or no label file at all.
    """
    root = path if path.is_dir() else path.parent
    names = class_names(root / DATA if path.is_dir() else path, classes)
    folders: dict[Path, list[Path]] = {}
    for image in bounded_files.find(root, disk.is_image_name, failed):
        if "images" in image.relative_to(root).parts[:-1]:
            folders.setdefault(image.parent, []).append(image)
    is_labelled = any(label_path(folder / "x.jpg", root).parent.is_dir() for folder in folders)
    if not is_labelled and not failed:
        raise BadLabels(f"{path}: no YOLO dataset: it needs folders images/ and labels/")
    return [
        source
        for _, images in sorted(folders.items())
        for source in list_sequences(root, images, names, failed)
    ]


def class_names(data: Path, classes: Sequence[str]) -> dict[int, str]:
    """Return class names by number, from data.yaml, or from `classes` where there is no such file.

    Raises:
        BadLabels: the file has no list of names.
    """
    if not os.path.lexists(data):
        return dict(enumerate(classes))
    bounded_files.inside(data.parent, data)
    document = bounded_documents.read_yaml(data, BadLabels)
    try:
        names: Any = document["names"]
        pairs = names.items() if isinstance(names, dict) else enumerate(names)
        class_names = {int(number): name for number, name in pairs}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        text = " ".join(str(error).split())[:80]
        raise BadLabels(f"{data}: no list of class names under `names` ({text})") from None
    for name in class_names.values():
        if not isinstance(name, str | int | float):
            raise BadLabels(f"{data}: no list of class names under `names`: one is a list or empty")
    return {number: str(name) for number, name in class_names.items()}


def label_path(image: Path, root: Path) -> Path:
    """Return the label file of an image: the last folder `images` of its path becomes `labels`."""
    parts = list(image.relative_to(root).parts)
    last = len(parts) - 1 - parts[::-1].index("images")
    parts[last] = "labels"
    return root.joinpath(*parts).with_suffix(".txt")


def list_sequences(
    root: Path, images: Sequence[Path], names: Mapping[int, str], failed: dict[str, str]
) -> Iterator[SequenceSource]:
    """Yield the sequences of the images of one folder: runs of images of the same size.

    An image that cannot be read goes to `failed`; those beside it stay.
    """
    folder = images[0].parent
    name = str(folder.relative_to(root))
    sizes_by_image: dict[Path, tuple[int, int]] = {}
    for image in sorted(images, key=lambda path: disk.natural_key(path.name)):
        try:
            sizes_by_image[image] = pictures.size(image)
        except BadInput as error:
            failed[str(image)] = str(error)
    images, sizes = list(sizes_by_image), list(sizes_by_image.values())
    split = base.split_of_names(root.name, *folder.relative_to(root).parts)
    for start, stop in disk.equal_size_runs(sizes, base.MAX_LOOSE_IMAGES):
        loader = partial(load, root, images[start:stop], sizes[start], names)
        yield SequenceSource(f"{name}/{images[start].name}", split, loader)


def load(
    root: Path,
    images: Sequence[Path],
    size: tuple[int, int],
    names: Mapping[int, str],
    origin: str,
) -> ImportedSequence:
    """Read the labels of a run of images of `size` (width, height). Raises BadInput."""
    rows, (width, height) = BoxRows(), size
    for frame, image in enumerate(images):
        path = label_path(image, root)
        lines: list[str] = []
        if os.path.lexists(path):
            bounded_files.inside(root, path)
            lines = bounded_files.read_text(path, MAX_LABELS).split("\n")
        for number, line in enumerate(lines, 1):
            if line.strip():
                class_id, box, score = parse_line(f"{path} line {number}", line.split(), size)
                name = names.get(class_id, f"class {class_id}")
                rows.add(frame=frame, track_id=base.NO_TRACK, cls=name, box=box, score=score)
    tracks, notes = base.build_tracks(rows, width, height, origin)
    return ImportedSequence(
        width=width, height=height, tracks=tracks, images=tuple(images), notes=notes
    )


def parse_line(
    place: str, cells: Sequence[str], size: tuple[int, int]
) -> tuple[int, tuple[float, float, float, float], float]:
    """Return class number, box (px, x1 y1 x2 y2) and score of one line; 1 if it has no score.

    Raises:
        BadLabels: naming the `place`, if it is not a box relative to the image size.
    """
    if len(cells) not in (5, 6):
        raise BadLabels(
            f"{place}: expected class cx cy w h [score], got {len(cells)} columns (polygons and "
            "turned boxes are not read)"
        )
    try:
        number, (cx, cy, w, h, *score) = int(cells[0]), map(float, cells[1:])
    except ValueError as error:
        raise BadLabels(f"{place}: {str(error)[:80]}") from None
    if not np.isfinite([cx, cy, w, h, *score]).all() or w < 0 or h < 0 or max(w, h) > 2:
        raise BadLabels(f"{place}: not shares of a picture: {' '.join(cells)[:60]}")
    box = (
        (cx - w / 2) * size[0],
        (cy - h / 2) * size[1],
        (cx + w / 2) * size[0],
        (cy + h / 2) * size[1],
    )
    return number, box, score[0] if score else 1.0


FORMAT = ExchangeFormat(YoloWriter, find, LOST)

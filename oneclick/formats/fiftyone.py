"""FiftyOne's format of labelled videos (FiftyOneVideoLabelsDataset), one folder for each split.

    <split>/manifest.json           pairs of video and labels
    <split>/data/<clip>.mp4
    <split>/labels/<clip>.json      frames from 1, each with its objects

Boxes are shares of the picture; the track is the `index` of an object. Key frames, origins and our
attributes are attributes of an object.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from oneclick.core.errors import BadInput, BadLabels
from oneclick.core.labels import LabelSet
from oneclick.formats import base, disk, json_lists, media
from oneclick.formats.base import (
    BoxRows,
    ExchangeFormat,
    ExportClip,
    ImportedSequence,
    SequenceSource,
)
from oneclick.storage import bounded_files, bulk_files

LOST = ""
MANIFEST, DATA, LABELS = "manifest.json", "data", "labels"
MAX_BYTES = 1024 * bounded_files.MEBIBYTE
_OWN = ("origin", "keyframe")
"""Attributes of an object that the format has no field for."""
_OBJECT = "eta.core.objects.DetectedObject"
_ATTRIBUTE = {
    str: "eta.core.data.CategoricalAttribute",
    bool: "eta.core.data.BooleanAttribute",
}
"""Names by which FiftyOne knows what an entry is."""


class FiftyOneWriter:
    """Writes one JSON file per clip, and a list of them per split."""

    def __init__(self, root: Path, classes: Sequence[str]) -> None:
        self._root = root
        self._clips: dict[str, list[str]] = {}

    def add(self, clip: ExportClip) -> None:
        """Write the labels of one clip, and export its video."""
        folder = self._root / clip.split
        if clip.video is not None:
            bulk_files.copy(clip.video, folder / DATA / f"{clip.name}.mp4")
        disk.write_lines(folder / LABELS / f"{clip.name}.json", video_labels(clip.labels))
        self._clips.setdefault(clip.split, []).append(clip.name)

    def close(self) -> None:
        """Write the list of clips of each split."""
        for split, names in self._clips.items():
            manifest = {
                "type": "eta.core.datasets.LabeledVideoDataset",
                "description": "oneclick",
                "index": [
                    {"data": f"{DATA}/{name}.mp4", "labels": f"{LABELS}/{name}.json"}
                    for name in names
                ],
            }
            content = msgspec.json.encode(manifest).decode()
            disk.write_lines(self._root / split / MANIFEST, [content, "\n"])


def video_labels(labels: LabelSet) -> Iterator[str]:
    """Yield the JSON of a clip in pieces, frame by frame."""
    objects: list[list[dict[str, Any]]] = [[] for _ in range(labels.frames)]
    size = np.array([labels.width, labels.height] * 2, np.float64)
    for track, boxes in zip(labels.tracks, base.rounded_boxes(labels), strict=True):
        shares, scores = (boxes / size).round(10), track.scores.astype(np.float64).round(4)
        columns = (column.tolist() for column in (track.frames, shares, scores))
        rows = zip(*columns, track.origins, base.attributes_per_box(track), strict=True)
        keyframes = {*track.keyframes}
        for frame, (x1, y1, x2, y2), score, origin, attributes in rows:
            values = attributes | dict(zip(_OWN, (origin, frame in keyframes), strict=True))
            objects[frame].append(
                {
                    "type": _OBJECT,
                    "label": track.cls,
                    "bounding_box": {
                        "top_left": {"x": x1, "y": y1},
                        "bottom_right": {"x": x2, "y": y2},
                    },
                    "confidence": score,
                    "index": track.id,
                    "frame_number": frame + 1,
                    "attrs": {
                        "attrs": [
                            {"type": _ATTRIBUTE[type(value)], "name": name, "value": value}
                            for name, value in values.items()
                        ]
                    },
                }
            )
    yield '{"frames": {'
    for number, frame_objects in enumerate(objects, 1):
        frame = {"frame_number": number, "objects": {"objects": frame_objects}}
        yield f'{"," if number > 1 else ""}\n"{number}": {msgspec.json.encode(frame).decode()}'
    yield "}}\n"


class FoPoint(msgspec.Struct):
    """A corner of a box, in shares of the picture."""

    x: float
    y: float


class FoBox(msgspec.Struct):
    """A box by two corners."""

    top_left: FoPoint
    bottom_right: FoPoint


class FoAttribute(msgspec.Struct):
    """An attribute of an object."""

    name: str
    value: Any = None


class FoAttributes(msgspec.Struct):
    """The attributes of an object."""

    attrs: list[FoAttribute] = []


class FoObject(msgspec.Struct, kw_only=True):
    """One object in one frame."""

    label: str
    bounding_box: FoBox
    confidence: float | None = None
    index: int | None = None
    """Its track."""
    attrs: FoAttributes = msgspec.field(default_factory=FoAttributes)


class FoObjects(msgspec.Struct):
    """The objects of a frame."""

    objects: list[FoObject] = []


class FoFrame(msgspec.Struct):
    """One frame of a video in a FiftyOne export."""

    objects: FoObjects = msgspec.field(default_factory=FoObjects)


class FoVideoLabels(msgspec.Struct):
    """The labels of a video, by frame number from 1."""

    frames: dict[str, FoFrame]


def find(path: Path, classes: Sequence[str], failed: dict[str, str]) -> list[SequenceSource]:
    """List the files of labels in the folders `labels` at or below a folder.

    Raises:
        BadInput: there is none.
    """
    root = path if path.is_dir() else path.parent
    files = bounded_files.find(root, lambda name: name.endswith(".json"), failed)
    files = [file for file in files if file.parent.name == LABELS]
    if not files and not failed:
        raise BadInput(
            f"{path}: no FiftyOneVideoLabelsDataset, which has {LABELS}/*.json: export the dataset "
            "of FiftyOne as that type, or as COCO"
        )
    return [
        SequenceSource(
            str(file.relative_to(root)),
            base.split_of_names(root.absolute().name, *file.relative_to(root).parts[:-1]),
            partial(load, root, file),
        )
        for file in files
    ]


def load(root: Path, file: Path, origin: str) -> ImportedSequence:
    """Read the labels of one video of the dataset in `root`.

    Raises:
        BadInput: the video is missing, or the file is no VideoLabels.
        BadLabels: a frame is beyond the end of the video.
    """
    bounded_files.inside(root, file)
    form = "no labels of a video as FiftyOne has them"
    labels: FoVideoLabels = json_lists.read_document(file, MAX_BYTES, FoVideoLabels, form)
    try:
        frames = {int(number): frame for number, frame in labels.frames.items()}
    except ValueError as error:
        raise BadLabels(f"{file}: {form} ({str(error)[:120]})") from None
    film = media.open_media(root, find_video(file))
    rows, size = BoxRows(), (film.width, film.height)
    for number, frame in sorted(frames.items()):
        if not 1 <= number <= film.frames:
            raise BadLabels(f"{file}: frame {number} of a video of {film.frames} frames")
        for item in frame.objects.objects:
            add_box(rows, number - 1, item, size)
    tracks, notes = base.build_tracks(rows, *size, origin)
    return ImportedSequence(
        width=film.width,
        height=film.height,
        tracks=tracks,
        images=film.images,
        video=film.video,
        fps=film.fps,
        notes=notes + Counter(),
    )


def find_video(file: Path) -> Path:
    """Return the file in `data` with the name of a file of labels; clip.mp4 where there is none."""
    folder = file.parent.parent / DATA
    videos = sorted(path for path in folder.glob("*") if path.stem == file.stem and path.is_file())
    return videos[0] if videos else folder / f"{file.stem}.mp4"


def add_box(rows: BoxRows, frame: int, item: FoObject, size: tuple[int, int]) -> None:
    """Append one object of a frame."""
    attributes = {attribute.name: attribute.value for attribute in item.attrs.attrs}
    low, high = item.bounding_box.top_left, item.bounding_box.bottom_right
    rows.add(
        frame=frame,
        track_id=base.NO_TRACK if item.index is None else item.index,
        cls=item.label,
        box=(low.x * size[0], low.y * size[1], high.x * size[0], high.y * size[1]),
        score=1.0 if item.confidence is None else item.confidence,
        origin=str(attributes.get("origin", "")),
        keyframe=attributes.get("keyframe") is True,
        attributes={
            name: str(value).lower() if isinstance(value, bool) else str(value)
            for name, value in attributes.items()
            if name not in _OWN
        },
    )


FORMAT = ExchangeFormat(FiftyOneWriter, find, LOST, video=True)

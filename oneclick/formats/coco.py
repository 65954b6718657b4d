"""COCO detection JSON, with the extra fields of COCO video datasets that plain readers ignore.

    <split>/images/<clip>/000000.jpg
    <split>/annotations.json                one per split, written as a stream
    <split>/annotations/<clip>.json         one per clip, if asked for

Extra fields: `videos` (with the key frames and attribute ranges of each track), `video_id` and
`frame_id` of an image, `track_id`, `score`, `origin`, `keyframe` and `attributes` of an annotation.
Ids count from 1.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from oneclick.core.labels import LabelTrack
from oneclick.formats import base, disk
from oneclick.formats.base import ExchangeFormat, ExportClip
from oneclick.formats.coco_read import QUESTIONS, find
from oneclick.storage import files

__all__ = ["LOST", "CocoWriter", "find"]

LOST = ""
ANNOTATIONS = "annotations.json"
_INFO = {"description": "oneclick", "version": "1"}


class _ImageRow(msgspec.Struct, gc=False, kw_only=True):
    id: int
    file_name: str
    """Below images/."""
    width: int
    height: int
    video_id: int
    frame_id: int


class _AnnotationRow(msgspec.Struct, gc=False, kw_only=True):
    id: int
    image_id: int
    category_id: int
    bbox: tuple[float, float, float, float]
    """x y width height, px."""
    area: float
    iscrowd: int
    track_id: int
    score: float
    origin: str
    keyframe: bool
    attributes: dict[str, str]


class _TrackRow(msgspec.Struct):
    id: int
    category_id: int
    keyframes: tuple[int, ...]
    attributes: dict[str, tuple[tuple[int, int, str], ...]]


class _VideoRow(msgspec.Struct, kw_only=True):
    id: int
    name: str
    width: int
    height: int
    fps: float
    length: int
    tracks: list[_TrackRow]


class _ClipRows(msgspec.Struct):
    """What one clip adds to each array of the file."""

    videos: list[_VideoRow]
    images: list[_ImageRow]
    annotations: list[_AnnotationRow]


class CocoWriter:
    """Writes one JSON file per split; only one clip is in memory at a time."""

    def __init__(self, root: Path, classes: Sequence[str], per_clip: bool = False) -> None:
        self._root, self._classes, self._per_clip = root, list(classes), per_clip
        self._splits: dict[str, _SplitStream] = {}

    def add(self, clip: ExportClip) -> None:
        """Append the annotations of one clip, and export its images."""
        folder = self._root / clip.split
        if clip.split not in self._splits:
            self._splits[clip.split] = _SplitStream(folder)
        base.export_frames(clip, folder / "images" / clip.name)
        names = [track.cls for track in clip.labels.tracks]
        self._classes += [name for name in dict.fromkeys(names) if name not in self._classes]
        category_ids = [self._classes.index(name) + 1 for name in names]
        rows = self._splits[clip.split].add(clip, category_ids)
        if self._per_clip:
            head = {"info": _INFO, "categories": self._categories()}
            content = msgspec.json.encode(head | msgspec.structs.asdict(rows))
            disk.write_lines(folder / "annotations" / f"{clip.name}.json", [content.decode(), "\n"])

    def close(self) -> None:
        """Join the streamed arrays of every split into one JSON file."""
        for split in self._splits.values():
            split.close(self._categories())

    def _categories(self) -> list[dict[str, Any]]:
        return [{"id": k, "name": name} for k, name in enumerate(self._classes, 1)]


class _SplitStream:
    """Three JSON arrays that grow in files of their own, until `close` joins them."""

    def __init__(self, folder: Path) -> None:
        self._target = folder / ANNOTATIONS
        with files.guard(self._target):
            folder.mkdir(parents=True, exist_ok=True)
        self._parts = {name: folder / f".{name}.part" for name in _ClipRows.__struct_fields__}
        self._counts = dict.fromkeys(self._parts, 0)

    def add(self, clip: ExportClip, category_ids: Sequence[int]) -> _ClipRows:
        """Append a clip whose tracks have these categories; return its rows."""
        rows = clip_rows(clip, category_ids, self._counts)
        with files.guard(self._target):
            for name, part in self._parts.items():
                elements = getattr(rows, name)
                with part.open("ab") as file:
                    file.write(b",\n" if self._counts[name] and elements else b"")
                    file.write(b",\n".join(map(msgspec.json.encode, elements)))
                self._counts[name] += len(elements)
        return rows

    def close(self, categories: list[dict[str, Any]]) -> None:
        """Write the whole file and delete the parts."""
        head = {"info": _INFO, "categories": categories}
        with files.guard(self._target), self._target.open("wb") as file:
            file.write(msgspec.json.encode(head)[:-1])
            for name, part in self._parts.items():
                file.write(f',\n"{name}":[\n'.encode())
                with part.open("rb") as elements:
                    shutil.copyfileobj(elements, file, 1 << 20)
                file.write(b"]")
                part.unlink()
            file.write(b"}\n")


def clip_rows(clip: ExportClip, category_ids: Sequence[int], counts: dict[str, int]) -> _ClipRows:
    """Build the rows of a clip; ids continue after `counts` videos, images and annotations.

    Annotations are sorted by image and track.
    """
    labels, video_id, first_image = clip.labels, counts["videos"] + 1, counts["images"] + 1
    size = {"width": labels.width, "height": labels.height}
    images = [
        _ImageRow(
            id=first_image + k,
            file_name=f"{clip.name}/{k:06d}.jpg",
            video_id=video_id,
            frame_id=k,
            **size,
        )
        for k in range(labels.frames)
    ]
    tracks: list[_TrackRow] = []
    annotations: list[_AnnotationRow] = []
    for track, boxes, category_id in zip(
        labels.tracks, base.rounded_boxes(labels), category_ids, strict=True
    ):
        tracks.append(_TrackRow(track.id, category_id, track.keyframes, track.attributes))
        annotations += annotation_rows(track, boxes, category_id, first_image)
    annotations.sort(key=lambda row: (row.image_id, row.track_id))
    for number, row in enumerate(annotations, counts["annotations"] + 1):
        row.id = number
    video = _VideoRow(
        id=video_id, name=clip.name, fps=clip.fps, length=labels.frames, tracks=tracks, **size
    )
    return _ClipRows([video], images, annotations)


def annotation_rows(
    track: LabelTrack, boxes: NDArray[np.float64], category_id: int, first_image: int
) -> list[_AnnotationRow]:
    """Build an annotation per box of a track, with id 0; frame k has image id `first_image` + k."""
    sizes = np.round(boxes[:, 2:] - boxes[:, :2], 2)
    areas, scores = np.round(sizes.prod(1), 2), np.round(track.scores.astype(np.float64), 4)
    corners = np.hstack([boxes[:, :2], sizes])
    columns = (column.tolist() for column in (track.frames, corners, areas, scores))
    keyframes, attributes = set(track.keyframes), base.attributes_per_box(track)
    return [
        _AnnotationRow(
            id=0,
            image_id=first_image + frame,
            category_id=category_id,
            bbox=tuple(bbox),
            area=area,
            iscrowd=0,
            track_id=track.id,
            score=score,
            origin=origin,
            keyframe=frame in keyframes,
            attributes=box_attributes,
        )
        for frame, bbox, area, score, origin, box_attributes in zip(
            *columns, track.origins, attributes, strict=True
        )
    ]


FORMAT = ExchangeFormat(
    CocoWriter,
    find,
    LOST,
    options={"per_clip": "also one small annotations file a clip"},
    questions=QUESTIONS,
)

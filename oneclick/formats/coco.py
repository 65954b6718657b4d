"""COCO detection JSON, with the extras of COCO video datasets that plain readers pass over.

    <split>/images/<clip>/000000.jpg
    <split>/annotations.json                one for the split, written as a stream
    <split>/annotations/<clip>.json         one a clip, if asked for

Extras: `videos` (with each track's key frames and attribute ranges), `video_id` and `frame_id` of
an image, `track_id`, `score`, `origin`, `keyframe` and `attributes` of an annotation. Ids count
from 1.
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
from oneclick.formats.base import Outgoing
from oneclick.formats.coco_read import find
from oneclick.storage import files

__all__ = ["LOST", "Writer", "find"]

LOST = ""
ANNOTATIONS = "annotations.json"
_INFO = {"description": "oneclick", "version": "1"}


class _Image(msgspec.Struct, gc=False):
    id: int
    file_name: str
    """Below images/."""
    width: int
    height: int
    video_id: int
    frame_id: int


class _Annotation(msgspec.Struct, gc=False):
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


class _Track(msgspec.Struct):
    id: int
    category_id: int
    keyframes: tuple[int, ...]
    attributes: dict[str, tuple[tuple[int, int, str], ...]]


class _Video(msgspec.Struct):
    id: int
    name: str
    width: int
    height: int
    fps: float
    length: int
    tracks: list[_Track]


class _Rows(msgspec.Struct):
    """What one clip adds."""

    videos: list[_Video]
    images: list[_Image]
    annotations: list[_Annotation]


class Writer:
    """One JSON a split; only one clip is ever in memory."""

    def __init__(self, root: Path, classes: Sequence[str], per_clip: bool = False) -> None:
        self._root, self._classes, self._per_clip = root, list(classes), per_clip
        self._splits: dict[str, _Split] = {}

    def add(self, clip: Outgoing) -> None:
        """Rows and pictures of one clip."""
        folder = self._root / clip.split
        if clip.split not in self._splits:
            self._splits[clip.split] = _Split(folder)
        base.place_frames(clip, folder / "images" / clip.name)
        rows = self._splits[clip.split].add(clip, [self._number(t.cls) for t in clip.labels.tracks])
        if self._per_clip:
            content = {"info": _INFO, "categories": self._categories()}
            document = msgspec.json.encode(content | msgspec.structs.asdict(rows))
            disk.write(folder / "annotations" / f"{clip.name}.json", [document.decode(), "\n"])

    def close(self) -> None:
        """Join what was streamed."""
        for split in self._splits.values():
            split.close(self._categories())

    def _number(self, cls: str) -> int:
        if cls not in self._classes:
            self._classes.append(cls)
        return self._classes.index(cls) + 1

    def _categories(self) -> list[dict[str, Any]]:
        return [{"id": k, "name": name} for k, name in enumerate(self._classes, 1)]


class _Split:
    """Three arrays that grow side by side in files of their own, until `close` joins them."""

    def __init__(self, folder: Path) -> None:
        self._target = folder / ANNOTATIONS
        with files.guard(self._target):
            folder.mkdir(parents=True, exist_ok=True)
        self._parts = {name: folder / f".{name}.part" for name in _Rows.__struct_fields__}
        self._counts = dict.fromkeys(self._parts, 0)

    def add(self, clip: Outgoing, numbers: list[int]) -> _Rows:
        """Append a clip whose tracks are of these categories."""
        rows = _rows(clip, numbers, self._counts)
        with files.guard(self._target):
            for name, part in self._parts.items():
                values = getattr(rows, name)
                with part.open("ab") as file:
                    file.write(b",\n" if self._counts[name] and values else b"")
                    file.write(b",\n".join(map(msgspec.json.encode, values)))
                self._counts[name] += len(values)
        return rows

    def close(self, categories: list[dict[str, Any]]) -> None:
        head = {"info": _INFO, "categories": categories}
        with files.guard(self._target), self._target.open("wb") as file:
            file.write(msgspec.json.encode(head)[:-1])
            for name, part in self._parts.items():
                file.write(f',\n"{name}":[\n'.encode())
                with part.open("rb") as rows:
                    shutil.copyfileobj(rows, file, 1 << 20)
                file.write(b"]")
                part.unlink()
            file.write(b"}\n")


def _rows(clip: Outgoing, numbers: list[int], counts: dict[str, int]) -> _Rows:
    labels, video = clip.labels, counts["videos"] + 1
    image = counts["images"] + 1
    named = zip(labels.tracks, numbers, strict=True)
    tracks = [_Track(t.id, number, t.keyframes, t.attributes) for t, number in named]
    size = labels.width, labels.height
    images = [
        _Image(image + k, f"{clip.name}/{k:06d}.jpg", *size, video, k) for k in range(labels.frames)
    ]
    made = [
        row
        for track, boxes, number in zip(labels.tracks, base.rounded(labels), numbers, strict=True)
        for row in _annotations(track, boxes, number, image)
    ]
    made.sort(key=lambda row: (row.image_id, row.track_id))
    for k, row in enumerate(made, counts["annotations"] + 1):
        row.id = k
    whole = _Video(video, clip.name, *size, clip.fps, labels.frames, tracks)
    return _Rows([whole], images, made)


def _annotations(
    track: LabelTrack, boxes: NDArray[np.float64], number: int, image: int
) -> list[_Annotation]:
    """The boxes of a track; ids come later."""
    sizes = np.round(boxes[:, 2:] - boxes[:, :2], 2)
    areas, scores = np.round(sizes.prod(1), 2), np.round(track.scores.astype(np.float64), 4)
    corners = np.hstack([boxes[:, :2], sizes])
    columns = (column.tolist() for column in (track.frames, corners, areas, scores))
    keys, said = set(track.keyframes), base.said_at(track)
    return [
        _Annotation(
            0, image + frame, number, tuple(box), area, 0, track.id, score, origin, frame in keys,
            attributes,
        )
        for frame, box, area, score, origin, attributes in zip(
            *columns, track.origins, said, strict=True
        )
    ]  # fmt: skip

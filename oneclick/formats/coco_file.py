"""COCO detection JSON of any tool: what a file may hold, and how it is parsed.

A broken annotation makes only the image it belongs to unreadable.
"""

from __future__ import annotations

import mmap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec

from oneclick.core.errors import BadInput, BadLabels
from oneclick.core.labels import LabelTrack
from oneclick.formats import base, disk
from oneclick.formats.base import BoxRows
from oneclick.storage import bounded_documents, bounded_files
from oneclick.storage.bounded_documents import BrokenJson, JsonDecoder

Id = int | str
_TRACK_ATTRIBUTES = ("track_id", "instance_id", "keyframe")
"""Attributes by which some tools store what is not an attribute."""
MAX_BYTES = 4096 * bounded_files.MEBIBYTE
MAX_ANNOTATION = bounded_files.MEBIBYTE
"""Bytes of one annotation that is not well-formed."""
MAX_ATTRIBUTES = 64 << 10
"""Bytes of the attributes of one annotation."""
MAX_BROKEN = 1000
"""Broken annotations, beyond which a file is none of COCO."""


class CocoImage(msgspec.Struct, gc=False, kw_only=True):
    """One image."""

    id: Id
    file_name: str
    width: int = 0
    height: int = 0
    video_id: Id | None = None
    frame_id: int | None = None
    frame_index: int | None = None
    """What TAO calls frame_id."""

    def sort_key(self) -> tuple[int, Any]:
        """Return the place of the image in its sequence: by frame, then by name."""
        frame = self.frame_id if self.frame_id is not None else self.frame_index
        return frame or 0, disk.natural_key(self.file_name)


class CocoAnnotation(msgspec.Struct, gc=False, kw_only=True):
    """One box."""

    image_id: Id
    category_id: int
    bbox: tuple[float, float, float, float]
    """x y width height, px."""
    id: Id = "without an id"
    iscrowd: int = 0
    score: float | None = None
    track_id: int | None = None
    instance_id: int | None = None
    origin: str = ""
    keyframe: bool = False
    attributes: msgspec.Raw = msgspec.Raw()
    """An object; decoded when it is used, since it may hold anything."""

    def decode_attributes(self) -> dict[str, Any]:
        """Return the attributes, without those beyond what one object can have.

        Raises:
            BadLabels: they are no object, or larger than any object needs.
        """
        size = len(memoryview(self.attributes))
        if not size:
            return {}
        if size > MAX_ATTRIBUTES:
            raise BadLabels(f"annotation {self.id}: attributes of more than {MAX_ATTRIBUTES} bytes")
        try:
            return bounded_documents.parse_json(self.attributes, dict[str, Any] | None) or {}
        except BrokenJson as error:
            raise BadLabels(f"annotation {self.id}: attributes: {error}") from None

    def find_track_id(self, attributes: Mapping[str, Any]) -> int:
        """Return the track id from where tools store it, or NO_TRACK."""
        attribute_ids = (attributes.get(name) for name in _TRACK_ATTRIBUTES[:2])
        ids = (self.track_id, self.instance_id, *attribute_ids)
        return next((number for number in ids if isinstance(number, int)), base.NO_TRACK)


def text_attributes(attributes: Mapping[str, Any]) -> dict[str, str]:
    """Return the attributes of an object as text; true and false in lower case."""
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in attributes.items()
        if name not in _TRACK_ATTRIBUTES
    }


_ANNOTATION = JsonDecoder[CocoAnnotation](CocoAnnotation)


class CocoCategory(msgspec.Struct):
    """One class."""

    id: int
    name: str


class CocoTrack(msgspec.Struct):
    """What our own files store of a whole track."""

    id: int
    keyframes: tuple[int, ...] = ()
    attributes: dict[str, tuple[tuple[int, int, str], ...]] = {}

    def restore(self, track: LabelTrack) -> LabelTrack:
        """Return `track` with the stored key frames and attribute ranges."""
        return replace(track, keyframes=self.keyframes, attributes=self.attributes)


class CocoVideo(msgspec.Struct):
    """One video."""

    id: Id
    name: str = ""
    fps: float | None = None
    tracks: list[CocoTrack] | None = None
    """Only our own files have them."""


class _CocoFile(msgspec.Struct):
    images: list[CocoImage]
    annotations: list[CocoAnnotation]
    categories: list[CocoCategory]
    videos: list[CocoVideo] = []


class _RawCocoFile(msgspec.Struct):
    """The same with unparsed annotations, to find those that are broken."""

    images: list[CocoImage]
    annotations: msgspec.Raw
    categories: list[CocoCategory]
    videos: list[CocoVideo] = []


class _AnnotationIds(msgspec.Struct):
    """As much of a broken annotation as tells where it belongs."""

    id: Any = "without an id"
    image_id: Any = None
    bbox: Any = None


@dataclass(kw_only=True)
class CocoDocument:
    """One file, with its annotations by image."""

    path: Path
    root: Path
    """Folder of the dataset: no image is read outside of it."""
    images: list[CocoImage]
    class_names: dict[int, str]
    """By category id."""
    videos: dict[Id | None, CocoVideo]
    annotations: dict[Id, list[CocoAnnotation]] = field(default_factory=dict)
    """By image id."""
    broken: dict[Id, str] = field(default_factory=dict)
    """Why an image cannot be read, by its id."""

    @cached_property
    def image_folder(self) -> Path | None:
        """Return the folder in which the first image lies, of those where tools put images."""
        home, stem = self.path.parent, self.path.stem.rpartition("_")[2]
        folders = [home, home / "images", home.parent, home.parent / "images"]
        folders += [home.parent / stem, home.parent / "images" / stem]
        root = self.root.resolve()
        for folder in folders:
            try:
                if (folder / self._first_name).is_file() and folder.resolve().is_relative_to(root):
                    return folder
            except (OSError, ValueError, RuntimeError):  # a name that no file can have
                continue
        return None

    @property
    def _first_name(self) -> str:
        return self.images[0].file_name if self.images else ""

    def image_path(self, name: str) -> Path:
        """Return the path of an image of the dataset.

        Raises:
            BadInput: no image folder was found, or the name leads out of it.
        """
        if self.image_folder is None:
            raise BadInput(
                f"{self.path}: no picture {self._first_name[:200]} beside it, in images/ or one "
                f"folder above, within {self.root}: name the folder that holds both"
            )
        return bounded_files.inside(self.image_folder, self.image_folder / name)

    def check(self, annotation: CocoAnnotation) -> str:
        """Return what is wrong with an annotation, or "" if it can be read."""
        if annotation.image_id not in self.annotations:
            return f"there is no image {annotation.image_id}"
        if annotation.category_id not in self.class_names:
            return f"there is no category {annotation.category_id}"
        if annotation.bbox[2] < 0 or annotation.bbox[3] < 0:
            return "box turned inside out"
        return ""

    def reject(
        self, image_id: Any, annotation_id: Any, problem: str, failed: dict[str, str]
    ) -> None:
        """Mark the image of a broken annotation as broken; without an image, add to `failed`."""
        name = f"annotation {annotation_id}"
        if image_id in self.annotations:
            self.broken.setdefault(image_id, f"{self.path}: {name}: {problem}")
        else:
            failed[name] = f"{self.path}: {name}: {problem}"

    def box_rows(self, images: Sequence[CocoImage]) -> tuple[BoxRows, int]:
        """Return the boxes of images, by their index, and how many crowd regions were left out."""
        rows, crowds = BoxRows(), 0
        for frame, image in enumerate(images):
            for annotation in self.annotations[image.id]:
                if annotation.iscrowd:
                    crowds += 1
                    continue
                x, y, width, height = annotation.bbox
                attributes = annotation.decode_attributes()
                rows.add(
                    frame=frame,
                    track_id=annotation.find_track_id(attributes),
                    cls=self.class_names[annotation.category_id],
                    box=(x, y, x + width, y + height),
                    score=1.0 if annotation.score is None else annotation.score,
                    origin=annotation.origin,
                    keyframe=annotation.keyframe or attributes.get("keyframe") is True,
                    attributes=text_attributes(attributes),
                )
        return rows, crowds


def read(path: Path, root: Path, failed: dict[str, str]) -> CocoDocument:
    """Parse a COCO file of the dataset in `root`.

    Annotations of images that it does not have go to `failed`.

    Raises:
        BadInput: the file cannot be read, or is not COCO.
    """
    content = map_file(path)
    parsed: _CocoFile | _RawCocoFile
    broken: dict[Any, tuple[Any, str]] = {}
    try:
        coco: _CocoFile = bounded_documents.parse_json(content, _CocoFile)
        parsed, annotations = coco, coco.annotations
    except BrokenJson:
        parsed, annotations, broken = parse_one_by_one(path, content)
    document = CocoDocument(
        path=path,
        root=root,
        images=parsed.images,
        class_names={category.id: category.name for category in parsed.categories},
        videos={video.id: video for video in parsed.videos},
        annotations={image.id: [] for image in parsed.images},
    )
    for image_id, (annotation_id, problem) in broken.items():
        document.reject(image_id, annotation_id, problem, failed)
    for annotation in annotations:
        if problem := document.check(annotation):
            document.reject(annotation.image_id, annotation.id, problem, failed)
        else:
            document.annotations[annotation.image_id].append(annotation)
    return document


def map_file(path: Path) -> bytes | mmap.mmap:
    """Map a file into memory, without a copy; an empty file gives empty bytes. Raises BadInput."""
    with bounded_files.open_regular(path, MAX_BYTES) as file:
        try:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except ValueError:
            return b""


def parse_one_by_one(
    path: Path, content: bytes | mmap.mmap
) -> tuple[_RawCocoFile, list[CocoAnnotation], dict[Any, tuple[Any, str]]]:
    """Parse a file whose annotations are not all well-formed.

    Returns:
        The file, its well-formed annotations, and by image id the id and the error of a broken one.

    Raises:
        BadLabels: the file is not COCO.
    """
    try:
        parsed: _RawCocoFile = bounded_documents.parse_json(content, _RawCocoFile)
        elements = str(memoryview(parsed.annotations), "utf-8")
    except (BrokenJson, UnicodeDecodeError) as error:
        raise BadLabels(
            f"{path}: not COCO, which has images, annotations and categories ({error})"
        ) from None
    annotations: list[CocoAnnotation] = []
    broken: dict[Any, tuple[Any, str]] = {}
    problems = 0
    for element in bounded_documents.json_elements(elements):
        if len(element) > MAX_ANNOTATION:
            raise BadLabels(f"{path}: an annotation of more than {MAX_ANNOTATION:,} bytes")
        try:
            annotations.append(_ANNOTATION.decode(element))
        except BrokenJson as error:
            try:
                image_id, annotation_id, numbers = annotation_ids(element)
            except BrokenJson:  # the image that lacks a box cannot be told
                raise BadLabels(f"{path}: {element[:40]!r} is no annotation: {error}") from None
            problem = f"bbox has {numbers} numbers" if numbers not in (None, 4) else str(error)
            broken[image_id] = annotation_id, problem
            problems += 1
            if problems > MAX_BROKEN:
                raise BadLabels(
                    f"{path}: more than {MAX_BROKEN:,} broken annotations, the last: {problem}"
                ) from None
    return parsed, annotations, broken


def annotation_ids(element: str) -> tuple[Id | None, Any, int | None]:
    """Return image id, id and numbers in bbox of a broken annotation; None if unusable.

    Raises:
        BrokenJson: it is no object.
    """
    ids: _AnnotationIds = bounded_documents.parse_json(element, _AnnotationIds)
    image_id = ids.image_id if isinstance(ids.image_id, int | str) else None
    return image_id, ids.id, len(ids.bbox) if isinstance(ids.bbox, list) else None

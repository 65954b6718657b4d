"""Datumaro's own format to sequences of labelled frames.

Pictures of one folder are one sequence where each has its number in the attribute `frame`, as CVAT
and we write it; others are in the order of their names, in clips of at most
base.MAX_LOOSE_IMAGES. A broken item leaves out the sequence it belongs to, in one line.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec

from oneclick.core import assumptions
from oneclick.core.assumptions import Assumptions
from oneclick.core.errors import BadInput, BadLabels, OneclickError
from oneclick.core.tracks import INTERPOLATED
from oneclick.formats import base, disk, json_lists, pictures, turned
from oneclick.formats.base import BoxRows, Dialogue, ImportedSequence, SequenceSource
from oneclick.formats.picture_headers import PictureHeader
from oneclick.storage import bounded_files

ANNOTATIONS, IMAGES = "annotations", "images"
OWN_ATTRIBUTES = ("track_id", "score", "origin", "keyframe")
"""Attributes of a box that hold what the format has no field for."""
TEXT_OF_BOOL = {True: "true", False: "false"}
MAX_BYTES = 2048 * bounded_files.MEBIBYTE
QUESTIONS = frozenset({assumptions.EXIF, assumptions.SIZE})
_NOT_ATTRIBUTES = frozenset({*OWN_ATTRIBUTES, "rotation", "outside"})


class DatumaroImage(msgspec.Struct, kw_only=True):
    """The picture of an item."""

    path: str = ""
    size: tuple[int, int] | None = None
    """Height and width."""


class DatumaroAnnotation(msgspec.Struct, kw_only=True):
    """One annotation; only boxes have `bbox`."""

    type: str
    id: int | str | None = None
    label_id: int | None = None
    bbox: tuple[float, float, float, float] | None = None
    """x y width height, px."""
    object_id: int = -1
    attributes: dict[str, Any] = {}


class DatumaroItem(msgspec.Struct, kw_only=True):
    """One picture with its annotations."""

    id: str
    annotations: list[DatumaroAnnotation] = []
    attr: dict[str, Any] | None = None
    image: DatumaroImage | None = None

    @property
    def name(self) -> str:
        """Return the path of the picture, as the item gives it or as it follows from the id."""
        return (self.image and self.image.path) or f"{self.id}.jpg"

    @property
    def folder(self) -> str:
        """Return the folder of the picture below that of its subset."""
        return str(PurePosixPath(self.name).parent)

    def sort_key(self) -> list[tuple[bool, int, str]]:
        """Return the key by which pictures without a frame number are sorted."""
        return disk.natural_key(self.name)

    @property
    def frame(self) -> int | None:
        """Return the number of the frame in its video, if the item has one."""
        frame = (self.attr or {}).get("frame")
        return frame if isinstance(frame, int) and not isinstance(frame, bool) else None


class _Label(msgspec.Struct):
    name: str


class _LabelCategories(msgspec.Struct):
    labels: list[_Label] = []


class _Categories(msgspec.Struct):
    label: _LabelCategories = msgspec.field(default_factory=_LabelCategories)


class _DatumaroFile(msgspec.Struct):
    items: msgspec.Raw
    categories: _Categories
    infos: dict[str, Any] = {}


@dataclass(frozen=True, kw_only=True)
class DatumaroDocument:
    """One JSON file of the dataset in `root`."""

    path: Path
    root: Path
    items: list[DatumaroItem]
    class_names: list[str]
    clips: dict[str, Any]
    """What our own files tell of each clip, by its name."""
    answers: Assumptions

    def image_path(self, item: DatumaroItem) -> Path:
        """Return the picture of an item, in images/<subset>/ or where older versions had it.

        Raises:
            BadInput: there is none, or it lies outside the dataset.
        """
        subset = self.path.stem
        folders = (self.root / IMAGES / subset, self.root / IMAGES, self.path.parent)
        for folder in folders:
            try:
                if (folder / item.name).is_file():
                    return bounded_files.inside(self.root, folder / item.name)
            except (OSError, ValueError):  # a name that no file can have
                continue
        raise BadInput(
            f"{self.path}: item {item.id[:200]!r}: no picture {item.name[:200]!r} in "
            f"{IMAGES}/{subset}/: export the dataset with its pictures"
        )

    def fps(self, folder: str) -> float | None:
        """Return the frame rate that our own files have for a clip."""
        clip = self.clips.get(folder)
        fps = clip.get("fps") if isinstance(clip, dict) else None
        return float(fps) if isinstance(fps, int | float) else None


@dataclass(frozen=True, kw_only=True)
class DatumaroPicture:
    """An item with its picture."""

    item: DatumaroItem
    image: Path
    header: PictureHeader
    is_stored: bool
    """Whether boxes count in the pixels as stored, not as the picture is shown."""

    @classmethod
    def of_item(cls, document: DatumaroDocument, item: DatumaroItem) -> DatumaroPicture:
        """Find the picture of an item.

        Raises:
            BadInput: it is missing, cannot be read or has another size than the item says, or
                which way it is turned is a question.
        """
        image = document.image_path(item)
        header = pictures.header(image)
        named_size = item.image.size[::-1] if item.image and item.image.size else None
        is_stored = pictures.label_frame(image, header, named_size, document.answers)
        return cls(item=item, image=image, header=header, is_stored=is_stored)


def find(
    path: Path,
    classes: Sequence[str],
    failed: dict[str, str],
    dialogue: Dialogue | None = None,
) -> list[SequenceSource]:
    """List the sequences of a JSON file, or of all files in the folders `annotations` of a folder.

    Raises:
        BadInput: there is none, or `path` is a file of another format.
    """
    answers = (dialogue or Dialogue()).answers
    if not path.is_dir():
        return list(list_sequences(read(path, answers, failed), failed))
    files = bounded_files.find(path, lambda name: name.endswith(".json"), failed)
    files = [file for file in files if file.parent.name == ANNOTATIONS] or (
        files if path.name == ANNOTATIONS else []
    )
    if not files and not failed:
        raise BadInput(f"{path}: no dataset of datumaro: no {ANNOTATIONS}/*.json is in it")
    sources: list[SequenceSource] = []
    for file in files:
        try:
            sources += list_sequences(read(file, answers, failed), failed)
        except OneclickError as error:
            failed[str(file)] = str(error)
    return sources


def read(path: Path, answers: Assumptions, failed: dict[str, str]) -> DatumaroDocument:
    """Parse a file; items that cannot be read go to `failed`.

    Raises:
        BadInput: the file cannot be read, or is none of datumaro.
    """
    form = "not datumaro's format, which has items and categories; COCO has --format coco"
    parsed: _DatumaroFile = json_lists.read_document(path, MAX_BYTES, _DatumaroFile, form)
    items, broken = json_lists.decode_elements(path, parsed.items, DatumaroItem, "item")
    failed |= broken
    clips = parsed.infos.get("clips")
    return DatumaroDocument(
        path=path,
        root=path.parent.parent if path.parent.name == ANNOTATIONS else path.parent,
        items=items,
        class_names=[label.name for label in parsed.categories.label.labels],
        clips=clips if isinstance(clips, dict) else {},
        answers=answers,
    )


def list_sequences(document: DatumaroDocument, failed: dict[str, str]) -> Iterator[SequenceSource]:
    """Yield the sequences of a document: its pictures by folder, in runs of the same size.

    A picture that is missing or has another size than the item says goes to `failed`.
    """
    groups: dict[str, list[DatumaroPicture]] = {}
    for item in document.items:
        try:
            picture = DatumaroPicture.of_item(document, item)
        except BadInput as error:
            failed[item.id] = str(error)
            continue
        groups.setdefault(item.folder, []).append(picture)
    split = base.split_of_names(document.root.absolute().name, document.path.stem)
    for folder, members in groups.items():
        frames = [picture.item.frame for picture in members]
        is_video = None not in frames
        if is_video and len({*frames}) < len(frames):
            number, _ = Counter(frames).most_common(1)[0]
            failed[folder] = (
                f"{document.path}: two pictures of {folder} are frame {number}: "
                "export each video by itself"
            )
            continue
        members.sort(key=lambda picture: (picture.item.frame or 0, picture.item.sort_key()))
        runs = disk.equal_size_runs(
            [picture.header.size for picture in members],
            None if is_video else base.MAX_LOOSE_IMAGES,
        )
        for start, stop in runs:
            part = members[start:stop]
            is_whole = is_video and stop - start == len(members)
            name = folder if is_whole and folder != "." else part[0].item.name
            loader = partial(load, document, part)
            yield SequenceSource(f"{document.path.stem}/{name}", split, loader)


def load(
    document: DatumaroDocument, members: Sequence[DatumaroPicture], origin: str
) -> ImportedSequence:
    """Read the labels of pictures of one sequence.

    Raises:
        BadLabels: a box has no class, or no area that can be.
    """
    rows, notes = BoxRows(), Counter[str]()
    for frame, picture in enumerate(members):
        for annotation in picture.item.annotations:
            if annotation.type != "bbox" or annotation.bbox is None:
                notes[f"annotations of the type {annotation.type[:40]} left out"] += 1
                continue
            if annotation.attributes.get("outside") is True:  # CVAT: it is not in the picture
                continue
            add_box(rows, frame, annotation, picture, document)
            notes[turned.NOTE] += bool(annotation.attributes.get("rotation"))
    numbers = [picture.item.frame for picture in members]
    if None not in numbers:
        steps = {b - a for a, b in itertools.pairwise(numbers) if a is not None and b is not None}
        notes["videos of which frames are left out, the others taken as consecutive"] += bool(
            steps - {1}
        )
    images = [picture.image for picture in members]
    sequence = base.build_sequence(rows, images, members[0].header.size, origin)
    return replace(
        sequence,
        fps=document.fps(members[0].item.folder),
        fps_from=f"infos of {document.path.name}",
        class_numbers={str(number): name for number, name in enumerate(document.class_names)},
        names_from=f"categories of {document.path.name}",
        notes=sequence.notes + +notes,
    )


def add_box(
    rows: BoxRows,
    frame: int,
    annotation: DatumaroAnnotation,
    picture: DatumaroPicture,
    document: DatumaroDocument,
) -> None:
    """Append one box. Raises BadLabels, naming the item, if it has no class or is inside out."""
    attributes, names = annotation.attributes, document.class_names
    place = f"{document.path}: item {picture.item.id[:200]!r}, annotation {annotation.id}"
    if annotation.label_id is None or not 0 <= annotation.label_id < len(names):
        raise BadLabels(f"{place}: label {annotation.label_id} is not among the {len(names)} names")
    x, y, width, height = annotation.bbox or (0.0, 0.0, 0.0, 0.0)
    if width < 0 or height < 0:
        raise BadLabels(f"{place}: box turned inside out")
    box = (x, y, x + width, y + height)
    rotation, score = attributes.get("rotation"), attributes.get("score")
    if isinstance(rotation, int | float) and rotation:
        box = turned.upright_bounds(box, rotation, turned.centre(box))
    # CVAT marks the boxes that it interpolated, and ours have their origin.
    origin = attributes.get("origin", INTERPOLATED if attributes.get("keyframe") is False else "")
    track_id = attributes.get("track_id", annotation.object_id)
    rows.add(
        frame=frame,
        track_id=track_id if isinstance(track_id, int) and track_id >= 0 else base.NO_TRACK,
        cls=names[annotation.label_id],
        box=picture.header.show_box(box) if picture.is_stored else box,
        score=score if isinstance(score, int | float) else 1.0,
        origin=str(origin),
        keyframe=attributes.get("keyframe") is True,
        attributes={
            name: TEXT_OF_BOOL[value] if isinstance(value, bool) else str(value)
            for name, value in attributes.items()
            if name not in _NOT_ATTRIBUTES
        },
    )

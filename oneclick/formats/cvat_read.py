"""CVAT for video 1.1 to sequences of labelled frames.

Between two boxes of a track, none of which has outside="1", CVAT interpolates linearly, and so do
we. Boxes that CVAT interpolated have the origin `i`, unless the file names their origin.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from operator import attrgetter
from pathlib import Path
from xml.etree.ElementTree import Element

import numpy as np

from oneclick import video
from oneclick.core.errors import BadInput, BadLabels
from oneclick.core.tracks import INTERPOLATED
from oneclick.formats import base, disk, pictures
from oneclick.formats.base import BoxRows, ImportedSequence, SequenceSource
from oneclick.storage import bounded_documents, bounded_files
from oneclick.video.recordings import SUFFIXES

ORIGIN, KEY = "origin", "key"
"""Attributes in which our own files store the origin of a box, and whether it is a key frame."""
MAX_BYTES = 4096 * bounded_files.MEBIBYTE
MAX_ATTRIBUTES = 256
"""Attributes of one box."""
_SHAPES = ("polygon", "polyline", "points", "cuboid", "ellipse", "mask", "skeleton")
_SIDES = ("xtl", "ytl", "xbr", "ybr")


def find(path: Path, classes: Sequence[str], failed: dict[str, str]) -> list[SequenceSource]:
    """List an XML file, or all at or below a folder.

    The frames are the video of the same name beside it (any, where the file is called
    annotations.xml), or the images in the folder of the same name or in `images`.

    Raises:
        BadInput: there is no XML file.
    """
    root = path if path.is_dir() else path.parent
    paths = bounded_files.find(path, is_xml, failed) if path.is_dir() else [path]
    if not paths and not failed:
        raise BadInput(f"{path}: no CVAT dataset: there is no .xml file in it")
    sources = []
    for file in paths:
        split = base.split_of_names(root.name, *file.parent.relative_to(root).parts)
        sources.append(
            SequenceSource(str(file.relative_to(root)), split, partial(load, root, file))
        )
    return sources


def is_xml(name: str) -> bool:
    """Check whether a file name is that of an XML file."""
    return name.endswith(".xml")


def load(root: Path, file: Path, origin: str) -> ImportedSequence:
    """Read one XML file of the dataset in `root`.

    Raises:
        BadInput: neither a video nor images lie beside it, they lie outside the dataset, or it is
            not CVAT for video 1.1.
    """
    film = find_video(file)
    if film is not None:
        bounded_files.inside(root, film)
    folders = (file.with_suffix(""), file.parent / "images")
    images = disk.list_images(folders[0], root) or disk.list_images(folders[1], root)
    if film is None and not images:
        raise BadInput(f"{file}: no video {file.stem}.mp4 and no folder images/ lies beside it")
    if film is not None:
        info, images = video.probe(film), []
        width, height, fps = info.width, info.height, info.fps
        index = CvatFrameIndex(info.frames)
    else:
        (width, height), fps = pictures.size(images[0]), None
        index = CvatFrameIndex.of_images(images)
    rows, other_shapes = read_boxes(file, index)
    tracks, notes = base.build_tracks(rows, width, height, origin)
    if other_shapes:
        notes["shapes other than boxes left out"] = other_shapes
    return ImportedSequence(
        width=width,
        height=height,
        tracks=tracks,
        images=tuple(images),
        video=film,
        fps=fps,
        notes=notes,
    )


def find_video(file: Path) -> Path | None:
    """Return the video beside an XML file: of the same name, or the only one by annotations.xml."""
    videos = sorted(p for p in file.parent.iterdir() if p.suffix.lower() in SUFFIXES)
    namesakes = [path for path in videos if path.stem == file.stem]
    only_one = videos if file.stem == "annotations" and len(videos) == 1 else []
    return next(iter(namesakes or only_one), None)


@dataclass(frozen=True)
class CvatFrameIndex:
    """From CVAT's frame numbers to frames of the clip."""

    length: int
    indices: Mapping[int, int] | None = None
    """By frame number; None where both are the same."""

    @classmethod
    def of_images(cls, images: Sequence[Path]) -> CvatFrameIndex:
        """Read the frame numbers off the names of images.

        Of a part of a video CVAT names them by their numbers in the whole: frame_000120.png.
        """
        matches = [re.fullmatch(r"frame_(\d{6,})", path.stem) for path in images]
        indices = {int(match[1]): k for k, match in enumerate(matches) if match}
        return cls(len(images), indices if len(indices) == len(images) else None)

    def index_of(self, frame: int, place: str) -> int:
        """Return the frame in the clip. Raises BadLabels, naming the `place`, if there is none."""
        index = frame if self.indices is None else self.indices.get(frame, -1)
        if not 0 <= index < self.length:
            raise BadLabels(f"{place}: there is no such frame; pictures and labels do not fit")
        return index


def read_boxes(file: Path, index: CvatFrameIndex) -> tuple[BoxRows, int]:
    """Return the boxes of a file, interpolated ones too, and how many shapes are no boxes.

    Raises:
        BadLabels: naming the track and frame that is broken.
    """
    rows, other_shapes = BoxRows(), 0
    for track in iterate_tracks(file, index):
        other_shapes += track.other_shapes
        try:
            track_id = int(track.id)
        except ValueError:
            raise BadLabels(f"{track.place}: the id of a track is a whole number") from None
        for box in interpolate(sorted(track.boxes, key=attrgetter("frame"))):
            stored_key = box.attributes.pop(KEY, None)
            origin = box.attributes.pop(ORIGIN, "" if box.keyframe else INTERPOLATED)
            rows.add(
                frame=box.frame,
                track_id=track_id,
                cls=track.label,
                box=box.sides,
                origin=origin,
                # What CVAT interpolates after a key frame repeats its attributes, KEY as well.
                keyframe=box.keyframe and stored_key != "false",
                attributes=box.attributes,
            )
    return rows, other_shapes


@dataclass(kw_only=True)
class CvatTrack:
    """One <track>, as far as it is read."""

    id: str
    label: str
    place: str
    """File and track, for messages."""
    boxes: list[CvatBox] = field(default_factory=list)
    other_shapes: int = 0


def iterate_tracks(file: Path, index: CvatFrameIndex) -> Iterator[CvatTrack]:
    """Yield the <track> elements, one in memory at a time.

    Raises:
        BadInput: the file cannot be read, or is not CVAT for video 1.1.
        BadLabels: naming the track and frame that is broken.
    """
    track: CvatTrack | None = None
    above: list[Element] = []
    boxes_around = 0
    for event, element in bounded_documents.xml_events(file, MAX_BYTES):
        if event == "start":
            root = above[0] if above else element
            if root.tag != "annotations" or element.tag == "image":
                raise BadLabels(
                    f"{file}: not CVAT for video 1.1: it holds {element.tag[:80]}; export it as "
                    "that"
                )
            if element.tag == "track":
                number = element.get("id", "")
                track = CvatTrack(
                    id=number,
                    label=element.get("label", ""),
                    place=f"{file}: track {number[:80] if number else None}",
                )
            boxes_around += element.tag == "box"
            above.append(element)
            continue
        above.pop()
        boxes_around -= element.tag == "box"
        if track and element.tag == "box":
            track.boxes.append(CvatBox.parse(element, track.place, index))
            # A track has one box a frame; any more are refused where the frames are compared.
            if len(track.boxes) > 2 * index.length + 2:
                raise BadLabels(f"{track.place} has more boxes than {index.length} frames can hold")
        elif track and element.tag == "track":
            yield track
            track = None
        elif track and above[-1].tag == "track":
            track.other_shapes += element.tag in _SHAPES
        if boxes_around:
            if len(above[-1]) > MAX_ATTRIBUTES:
                raise BadLabels(f"{file}: a box with more than {MAX_ATTRIBUTES} attributes")
        elif above:
            above[-1].remove(element)


@dataclass(kw_only=True)
class CvatBox:
    """One <box>."""

    frame: int
    sides: tuple[float, float, float, float]
    """px, x1 y1 x2 y2."""
    outside: bool
    keyframe: bool
    attributes: dict[str, str]

    @classmethod
    def parse(cls, element: Element, track: str, index: CvatFrameIndex) -> CvatBox:
        """Read an element. Raises BadLabels, naming the track and frame, if it is broken."""
        place = f"{track}, frame {element.get('frame')}"
        try:
            x1, y1, x2, y2 = (float(element.attrib[name]) for name in _SIDES)
            frame = int(element.attrib["frame"])
        except (KeyError, ValueError) as error:
            raise BadLabels(f"{place}: a number is missing or broken: {error}") from None
        if not np.isfinite([x1, y1, x2, y2]).all() or x2 < x1 or y2 < y1:
            raise BadLabels(f"{place}: box turned inside out")
        attributes = {a.get("name", ""): a.text or "" for a in element.iter("attribute")}
        if element.get("occluded") == "1":
            attributes.setdefault("occluded", "true")
        return cls(
            frame=index.index_of(frame, place),
            sides=(x1, y1, x2, y2),
            outside=element.get("outside") == "1",
            keyframe=element.get("keyframe", "1") == "1",
            attributes=attributes,
        )


def interpolate(boxes: Sequence[CvatBox]) -> Iterator[CvatBox]:
    """Yield the visible boxes of a track, and linear interpolations between them.

    An interpolated box has the attributes of the box before it, but for ORIGIN and KEY.
    """
    for k, box in enumerate(boxes):
        if box.outside:
            continue
        yield box
        if k + 1 == len(boxes) or boxes[k + 1].outside:
            continue
        following = boxes[k + 1]
        first, last = np.array(box.sides), np.array(following.sides)
        for frame in range(box.frame + 1, following.frame):
            share = (frame - box.frame) / (following.frame - box.frame)
            x1, y1, x2, y2 = (first + share * (last - first)).tolist()
            attributes = {n: v for n, v in box.attributes.items() if n not in (ORIGIN, KEY)}
            yield CvatBox(
                frame=frame,
                sides=(x1, y1, x2, y2),
                outside=False,
                keyframe=False,
                attributes=attributes,
            )

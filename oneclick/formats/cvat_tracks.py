"""Tracks of CVAT for video 1.1, as CVAT itself shows them.

A box holds until the next one of its track; between two, none of which has outside="1", sides and
rotation change linearly. A turned box becomes the upright one around it.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from operator import attrgetter
from pathlib import Path
from xml.etree.ElementTree import Element

import numpy as np

from oneclick.core.errors import BadLabels
from oneclick.core.tracks import INTERPOLATED
from oneclick.formats import turned
from oneclick.formats.base import BoxRows
from oneclick.formats.cvat_frames import CvatFrameIndex
from oneclick.formats.picture_headers import PictureHeader
from oneclick.storage import bounded_documents, bounded_files

ORIGIN, KEY = "origin", "key"
"""Attributes in which our own files store the origin of a box, and whether it is a key frame."""
MAX_BYTES = 4096 * bounded_files.MEBIBYTE
MAX_ATTRIBUTES = 256
"""Attributes of one box."""
_SHAPES = ("polygon", "polyline", "points", "cuboid", "ellipse", "mask", "skeleton")
_SIDES = ("xtl", "ytl", "xbr", "ybr")


@dataclass(kw_only=True)
class CvatTrack:
    """One <track>, as far as it is read."""

    id: str
    label: str
    place: str
    """File and track, for messages."""
    task: str = ""
    """Id of the task, in the export of a project."""
    boxes: list[CvatBox] = field(default_factory=list)
    other_shapes: int = 0

    def number(self) -> int:
        """Return the id as a number. Raises BadLabels if it is none."""
        try:
            return int(self.id)
        except ValueError:
            raise BadLabels(f"{self.place}: the id of a track is a whole number") from None


@dataclass(kw_only=True)
class CvatBox:
    """One <box>."""

    frame: int
    """In the task, from 0."""
    sides: tuple[float, float, float, float]
    """px, x1 y1 x2 y2, before it is turned."""
    rotation: float
    """Degrees, clockwise around its centre."""
    outside: bool
    keyframe: bool
    attributes: dict[str, str]

    @classmethod
    def parse(cls, element: Element, track: str, index: CvatFrameIndex) -> CvatBox:
        """Read an element. Raises BadLabels, naming the track and frame, if it is broken."""
        place = f"{track}, frame {element.get('frame')}"
        try:
            x1, y1, x2, y2 = (float(element.attrib[name]) for name in _SIDES)
            frame, rotation = int(element.attrib["frame"]), float(element.get("rotation", "0"))
        except (KeyError, ValueError) as error:
            raise BadLabels(f"{place}: a number is missing or broken: {error}") from None
        if not np.isfinite([x1, y1, x2, y2, rotation]).all() or x2 < x1 or y2 < y1:
            raise BadLabels(f"{place}: box turned inside out")
        attributes = {a.get("name", ""): a.text or "" for a in element.iter("attribute")}
        if element.get("occluded") == "1":
            attributes.setdefault("occluded", "true")
        is_outside = element.get("outside") == "1"
        return cls(
            frame=index.position_of(frame, place, is_outside),
            sides=(x1, y1, x2, y2),
            rotation=rotation,
            outside=is_outside,
            keyframe=element.get("keyframe", "1") == "1",
            attributes=attributes,
        )

    def corners(self) -> tuple[float, float, float, float]:
        """Return the upright box around the turned one, px, x1 y1 x2 y2."""
        if not self.rotation % 360:
            return self.sides
        return turned.upright_bounds(self.sides, self.rotation, turned.centre(self.sides))

    def between(self, following: CvatBox, frame: int) -> CvatBox:
        """Return what CVAT shows in a frame after this box and before the following one."""
        share = (frame - self.frame) / (following.frame - self.frame)
        first, last = np.array(self.sides), np.array(following.sides)
        x1, y1, x2, y2 = (first + share * (last - first)).tolist()
        turn = (following.rotation - self.rotation + 180) % 360 - 180  # the shorter way
        rotation = self.rotation + share * turn
        return replace(self.held(frame), sides=(x1, y1, x2, y2), rotation=rotation)

    def held(self, frame: int) -> CvatBox:
        """Return this box in a later frame; it has the attributes, but for ORIGIN and KEY."""
        attributes = {n: v for n, v in self.attributes.items() if n not in (ORIGIN, KEY)}
        return replace(self, frame=frame, keyframe=False, attributes=attributes)


def read_boxes(
    file: Path, index: CvatFrameIndex, task: str, stored: Sequence[PictureHeader | None]
) -> tuple[BoxRows, Counter[str]]:
    """Return the boxes of a file, those between two of its boxes too, and what was changed.

    Args:
        file: XML file.
        index: frames of the task.
        task: id of the task in the export of a project; empty for all tracks.
        stored: headers of the images whose boxes count in stored pixels, by index; or empty.

    Raises:
        BadLabels: naming the track and frame that is broken.
    """
    rows, notes = BoxRows(), Counter[str]()
    numbers: list[int] = []
    for track in iterate_tracks(file, index, task):
        notes["shapes other than boxes left out"] += track.other_shapes
        numbers.append(track.number())
        for box in shown_boxes(sorted(track.boxes, key=attrgetter("frame")), index.length):
            picture = index.picture_of(box.frame)
            if picture is None:
                notes["boxes of frames without a picture left out"] += 1
                continue
            notes[turned.NOTE] += bool(box.rotation % 360)
            stored_key = box.attributes.pop(KEY, None)
            origin = box.attributes.pop(ORIGIN, "" if box.keyframe else INTERPOLATED)
            corners, header = box.corners(), stored[picture] if stored else None
            rows.add(
                frame=picture,
                track_id=len(numbers) - 1,
                cls=track.label,
                box=header.show_box(corners) if header else corners,
                origin=origin,
                # What CVAT interpolates after a key frame repeats its attributes, KEY as well.
                keyframe=box.keyframe and stored_key != "false",
                attributes=box.attributes,
            )
    ids, repeats = unique_ids(numbers)
    notes["tracks with the id of another one, each a track of its own"] = repeats
    rows.track_ids = [ids[serial] for serial in rows.track_ids]
    return rows, +notes


def unique_ids(numbers: Sequence[int]) -> tuple[list[int], int]:
    """Return the ids of tracks, where one that another had before gets an unused number.

    Also return how many did.
    """
    unused = (number for number in itertools.count() if number not in set(numbers))
    ids: list[int] = []
    seen: set[int] = set()
    for number in numbers:
        ids.append(next(unused) if number in seen else number)
        seen.add(number)
    return ids, len(numbers) - len(seen)


def iterate_tracks(file: Path, index: CvatFrameIndex, task: str) -> Iterator[CvatTrack]:
    """Yield the <track> elements of a task, one in memory at a time.

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
            if element.tag == "track" and task and not element.get("task_id"):
                raise BadLabels(f"{file}: a track without a task_id, among several tasks")
            if element.tag == "track" and task in ("", element.get("task_id", "")):
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


def shown_boxes(boxes: Sequence[CvatBox], length: int) -> Iterator[CvatBox]:
    """Yield the boxes that CVAT shows of a track, in every frame.

    Args:
        boxes: those of the file, by frame.
        length: frames of the task; the last box holds until their end.
    """
    for box, following in itertools.zip_longest(boxes, boxes[1:]):
        if box is None or box.outside:
            continue
        yield box
        stop = following.frame if following else length
        for frame in range(box.frame + 1, stop):
            is_held = following is None or following.outside
            yield box.held(frame) if is_held else box.between(following, frame)

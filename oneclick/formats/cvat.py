"""CVAT for video 1.1: tracks of boxes in XML, as in CVAT's own dumps.

    <split>/<clip>.xml
    <split>/<clip>.mp4      the clip itself, where the workspace still has it

A box with outside="1" ends a track for a while. CVAT reads only boxes with keyframe="1" and
interpolates linearly between them, so more boxes than our key frames may be marked: those that
interpolation misses, the ends of every run, and where an attribute changes.
Which of them are our key frames is stored in the attribute "key", the origin of a box in "origin".
Scores are lost.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

import numpy as np
from numpy.typing import NDArray

from oneclick.core.labels import LabelSet, LabelTrack
from oneclick.core.tracks import ORIGINS
from oneclick.formats import base, disk, keyframes
from oneclick.formats.base import ExchangeFormat, ExportClip
from oneclick.formats.cvat_read import QUESTIONS, find
from oneclick.formats.cvat_tracks import KEY, ORIGIN
from oneclick.storage import bulk_files

__all__ = ["LOST", "CvatWriter", "find"]

LOST = "scores"


class CvatWriter:
    """Writes one XML file per clip."""

    def __init__(self, root: Path, classes: Sequence[str]) -> None:
        self._root, self._classes = root, tuple(classes)

    def add(self, clip: ExportClip) -> None:
        """Write the labels of one clip, and export its video."""
        folder = self._root / clip.split
        disk.write_lines(folder / f"{clip.name}.xml", xml_document(clip, self._classes))
        if clip.video is not None:
            bulk_files.copy(clip.video, folder / f"{clip.name}.mp4")

    def close(self) -> None:
        """Do nothing: no file describes the whole dataset."""


def xml_document(clip: ExportClip, classes: Sequence[str]) -> Iterator[str]:
    """Yield the XML of a clip in pieces; classes of its tracks that `classes` lacks come last."""
    labels = clip.labels
    yield '<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n<version>1.1</version>\n'
    more_classes = sorted({track.cls for track in labels.tracks} - set(classes))
    yield from meta_elements(clip, [*classes, *more_classes])
    for track, boxes in zip(labels.tracks, base.rounded_boxes(labels), strict=True):
        source = "auto" if labels.kind == "auto" else "manual"
        yield f'<track id="{track.id}" label={quoteattr(track.cls)} source="{source}">\n'
        yield from box_elements(track, boxes, labels.frames)
        yield "</track>\n"
    yield "</annotations>\n"


def meta_elements(clip: ExportClip, classes: Sequence[str]) -> Iterator[str]:
    """Yield the description of the task: size, and the attributes of every class."""
    labels = clip.labels
    yield f"<meta>\n<task>\n<name>{escape(clip.name)}</name>\n<size>{labels.frames}</size>\n"
    yield "<mode>interpolation</mode>\n<overlap>0</overlap>\n"
    yield f"<start_frame>0</start_frame>\n<stop_frame>{labels.frames - 1}</stop_frame>\n"
    attributes = ""
    for name, values in attribute_values(labels).items():
        options = escape("\n".join(values))
        attributes += (
            f"<attribute>\n<name>{escape(name)}</name>\n<mutable>True</mutable>\n"
            f"<input_type>{'checkbox' if name == KEY else 'select'}</input_type>\n"
            f"<default_value>{escape(values[0])}</default_value>\n"
            f"<values>{options}</values>\n</attribute>\n"
        )
    yield "<labels>\n"
    for name in classes:
        yield f"<label>\n<name>{escape(name)}</name>\n<attributes>\n{attributes}"
        yield "</attributes>\n</label>\n"
    yield "</labels>\n<original_size>\n"
    yield f"<width>{labels.width}</width>\n<height>{labels.height}</height>\n"
    yield f"</original_size>\n</task>\n<source>{escape(clip.name)}.mp4</source>\n</meta>\n"


def attribute_values(labels: LabelSet) -> dict[str, list[str]]:
    """Return the possible values of every attribute: ORIGIN and KEY, then those of the tracks."""
    values: dict[str, set[str]] = {}
    for track in labels.tracks:
        for name, ranges in track.attributes.items():
            values.setdefault(name, set()).update(value for *_, value in ranges)
    built_in = {ORIGIN: list(ORIGINS), KEY: ["false", "true"]}
    return built_in | {name: sorted(options) for name, options in sorted(values.items())}


def box_elements(track: LabelTrack, boxes: NDArray[np.float64], length: int) -> Iterator[str]:
    """Yield the boxes of a track, and one with outside="1" after every run that ends early.

    Args:
        length: frames in the clip.
    """
    attributes = base.attributes_per_box(track)
    cvat_keyframes = {*keyframes.find_rows(track, boxes, attributes)}
    own_keyframes = {*track.keyframes}
    frames = track.frames.tolist()
    for k, (frame, box) in enumerate(zip(frames, boxes.tolist(), strict=True)):
        box_attributes = attributes[k] | {
            ORIGIN: track.origins[k],
            KEY: str(frame in own_keyframes).lower(),
        }
        yield _box_element(frame, box, False, k in cvat_keyframes, box_attributes)
        following = frames[k + 1] if k + 1 < len(frames) else length
        if frame + 1 < following:
            yield _box_element(frame + 1, box, True, True, box_attributes | {KEY: "false"})


def _box_element(
    frame: int, box: list[float], outside: bool, keyframe: bool, attributes: Mapping[str, str]
) -> str:
    sides = zip(("xtl", "ytl", "xbr", "ybr"), box, strict=True)
    position = " ".join(f'{name}="{value:.2f}"' for name, value in sides)
    occluded = attributes.get("occluded") == "true"
    lines = [
        f"<attribute name={quoteattr(name)}>{escape(value)}</attribute>\n"
        for name, value in attributes.items()
    ]
    flags = f'outside="{outside:d}" occluded="{occluded:d}" keyframe="{keyframe:d}"'
    return f'<box frame="{frame}" {position} {flags} z_order="0">\n{"".join(lines)}</box>\n'


FORMAT = ExchangeFormat(CvatWriter, find, LOST, video=True, questions=QUESTIONS)

"""CVAT for video 1.1: tracks of boxes in XML, as CVAT's own dumps have them.

    <split>/<clip>.xml
    <split>/<clip>.mp4      the clip itself, where the workspace still has it

A box with outside="1" ends a track for a while. CVAT reads only boxes with keyframe="1" and draws
straight lines between them, so more boxes than our key frames may be marked: those that such a line
misses by more than SLACK, the ends of every run, and where an attribute changes. Which are ours
stands in the attribute "key", where a box came from in "origin". Scores are lost.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

import numpy as np
from numpy.typing import NDArray

from oneclick.core.labels import LabelSet, LabelTrack
from oneclick.core.tracks import ORIGINS
from oneclick.formats import base, disk
from oneclick.formats.base import Outgoing
from oneclick.formats.cvat_read import KEY, ORIGIN, find

__all__ = ["LOST", "SLACK", "Writer", "find"]

LOST = "scores"
SLACK = 0.5
"""px by which a box may lie beside the line between two key frames of CVAT."""


class Writer:
    """One XML a clip."""

    def __init__(self, root: Path, classes: Sequence[str]) -> None:
        self._root, self._classes = root, tuple(classes)

    def add(self, clip: Outgoing) -> None:
        """Labels of one clip, and the clip."""
        folder = self._root / clip.split
        disk.write(folder / f"{clip.name}.xml", document(clip, self._classes))
        if clip.video is not None:
            disk.place(clip.video, folder / f"{clip.name}.mp4")

    def close(self) -> None:
        """Nothing stands above the clips."""


def document(clip: Outgoing, classes: Sequence[str]) -> Iterator[str]:
    """The XML in pieces."""
    labels = clip.labels
    yield '<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n<version>1.1</version>\n'
    yield from _meta(clip, [*classes, *sorted({t.cls for t in labels.tracks} - set(classes))])
    for track, boxes in zip(labels.tracks, base.rounded(labels), strict=True):
        source = "auto" if labels.kind == "auto" else "manual"
        yield f'<track id="{track.id}" label={quoteattr(track.cls)} source="{source}">\n'
        yield from _boxes(track, boxes, labels.frames)
        yield "</track>\n"
    yield "</annotations>\n"


def _meta(clip: Outgoing, classes: Sequence[str]) -> Iterator[str]:
    labels, said = clip.labels, _attributes(clip.labels)
    yield f"<meta>\n<task>\n<name>{escape(clip.name)}</name>\n<size>{labels.frames}</size>\n"
    yield "<mode>interpolation</mode>\n<overlap>0</overlap>\n"
    yield f"<start_frame>0</start_frame>\n<stop_frame>{labels.frames - 1}</stop_frame>\n"
    yield "<labels>\n"
    for name in classes:
        yield f"<label>\n<name>{escape(name)}</name>\n<attributes>\n"
        for attribute, values in said.items():
            yield _specification(attribute, values)
        yield "</attributes>\n</label>\n"
    yield "</labels>\n<original_size>\n"
    yield f"<width>{labels.width}</width>\n<height>{labels.height}</height>\n"
    yield f"</original_size>\n</task>\n<source>{escape(clip.name)}.mp4</source>\n</meta>\n"


def _attributes(labels: LabelSet) -> dict[str, list[str]]:
    """Name to values; ours first."""
    found: dict[str, set[str]] = {}
    for track in labels.tracks:
        for name, parts in track.attributes.items():
            found.setdefault(name, set()).update(value for *_, value in parts)
    own = {ORIGIN: list(ORIGINS), KEY: ["false", "true"]}
    return own | {name: sorted(values) for name, values in sorted(found.items())}


def _specification(name: str, values: Sequence[str]) -> str:
    kind = "checkbox" if name == KEY else "select"
    listed = escape("\n".join(values))
    return (
        f"<attribute>\n<name>{escape(name)}</name>\n<mutable>True</mutable>\n"
        f"<input_type>{kind}</input_type>\n<default_value>{escape(values[0])}</default_value>\n"
        f"<values>{listed}</values>\n</attribute>\n"
    )


def _boxes(track: LabelTrack, boxes: NDArray[np.float64], length: int) -> Iterator[str]:
    said, marked = base.said_at(track), set(marks(track, boxes))
    frames, keys = track.frames.tolist(), set(track.keyframes)
    for k, (frame, box) in enumerate(zip(frames, boxes.tolist(), strict=True)):
        own = {ORIGIN: track.origins[k], KEY: str(frame in keys).lower()}
        yield _box(frame, box, False, k in marked, said[k] | own)
        following = frames[k + 1] if k + 1 < len(frames) else length
        if frame + 1 < following:
            yield _box(frame + 1, box, True, True, said[k] | own | {KEY: "false"})


def _box(frame: int, box: list[float], outside: bool, key: bool, said: Mapping[str, str]) -> str:
    sides = zip(("xtl", "ytl", "xbr", "ybr"), box, strict=True)
    where = " ".join(f'{name}="{value:.2f}"' for name, value in sides)
    occluded = said.get("occluded") == "true"
    lines = [
        f"<attribute name={quoteattr(name)}>{escape(value)}</attribute>\n"
        for name, value in said.items()
    ]
    flags = f'outside="{outside:d}" occluded="{occluded:d}" keyframe="{key:d}"'
    return f'<box frame="{frame}" {where} {flags} z_order="0">\n{"".join(lines)}</box>\n'


def marks(track: LabelTrack, boxes: NDArray[np.float64]) -> list[int]:
    """Which boxes of a track CVAT needs as key frames, rising."""
    frames, said = track.frames, base.said_at(track)
    keys = np.isin(frames, track.keyframes)
    gaps = np.diff(frames) > 1
    keys[:1] = keys[-1:] = True
    keys[1:] |= gaps
    keys[:-1] |= gaps
    keys[1:] |= np.array([a != b for a, b in itertools.pairwise(said)], np.bool_)
    lines = list(itertools.pairwise(np.flatnonzero(keys).tolist()))
    while lines:
        low, high = lines.pop()
        worst = _worst(frames[low : high + 1], boxes[low : high + 1])
        if worst:
            keys[low + worst] = True
            lines += [(low, low + worst), (low + worst, high)]
    found: list[int] = np.flatnonzero(keys).tolist()
    return found


def _worst(frames: NDArray[np.int32], boxes: NDArray[np.float64]) -> int:
    """The box farthest from the line between first and last; 0 where all are near enough.

    Splitting there again and again is Douglas and Peucker (1973).
    """
    share = ((frames - frames[0]) / max(1, frames[-1] - frames[0]))[:, None]
    line = boxes[0] + share * (boxes[-1] - boxes[0])
    misses = np.abs(boxes - line).max(1)
    row = int(misses.argmax())
    return row if misses[row] > SLACK else 0

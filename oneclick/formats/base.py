"""What all formats share: clips on their way out, labelled pictures on their way in."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from oneclick.core.datasets import Split
from oneclick.core.errors import BadLabels
from oneclick.core.labels import LabelSet, LabelTrack, Ranges
from oneclick.core.tracks import ORIGINS
from oneclick.formats import disk

LOOSE = 90
"""Pictures in one clip at most where nothing says that they are one sequence."""
NOBODY = -1
"""Track id of a box without one: it becomes a track of its own."""
_HELD_OUT = frozenset({"test", "val", "valid", "validation"})
_LARGEST = np.iinfo(np.int32).max


@dataclass(frozen=True, eq=False)
class Outgoing:
    """One frozen clip on its way to another tool."""

    name: str
    split: Split
    fps: float
    labels: LabelSet
    frames: Path | None = None
    """Folder of 000000.jpg, …; None leaves the pictures out."""
    video: Path | None = None
    """clip.mp4, or None where there is none or nobody wants it."""


class Writer(Protocol):
    """Takes clip by clip and holds none of them; the files are whole after `close`."""

    def add(self, clip: Outgoing) -> None:
        """Write one clip. Both methods raise NoSpace or Unavailable."""

    def close(self) -> None:
        """Write what stands above the clips."""


@dataclass(frozen=True, eq=False)
class Incoming:
    """A run of equally large pictures with its labels."""

    width: int
    height: int
    tracks: tuple[LabelTrack, ...]
    pictures: tuple[Path, ...] = ()
    """In order of time; empty where `video` holds them."""
    video: Path | None = None
    fps: float | None = None
    """None where the format does not say."""
    notes: Counter[str] = field(default_factory=Counter)
    """What was changed or left out, in words: {"boxes without area left out": 3}."""


@dataclass(frozen=True, eq=False)
class Source:
    """A sequence that was found and can be read, more than once."""

    name: str
    split: Split
    """Its side as the folders of the dataset say."""
    load: Callable[[str], Incoming]
    """Reads it; the argument is the origin letter of boxes of which the file names none.

    Raises BadInput.
    """


class Reader(Protocol):
    """Finds the sequences of a dataset."""

    def __call__(self, path: Path, classes: Sequence[str], failed: dict[str, str]) -> list[Source]:
        """All that can be read; what cannot goes to `failed` with one line each.

        Args:
            classes: what class number k means where a format gives numbers and no names.

        Raises:
            BadInput: nothing of that format is there.
        """


@dataclass
class Rows:
    """Boxes of one sequence as they are read, one entry a box in every list."""

    frames: list[int] = field(default_factory=list)
    ids: list[int] = field(default_factory=list)
    """Track of each box, or NOBODY."""
    classes: list[str] = field(default_factory=list)
    boxes: list[tuple[float, float, float, float]] = field(default_factory=list)
    """px, x1 y1 x2 y2."""
    scores: list[float] = field(default_factory=list)
    origins: list[str] = field(default_factory=list)
    """A letter of core.tracks.ORIGINS, or nothing where the file says nothing."""
    keys: list[bool] = field(default_factory=list)
    attributes: list[Mapping[str, str]] = field(default_factory=list)

    def add(
        self,
        frame: int,
        track: int,
        cls: str,
        box: tuple[float, float, float, float],
        score: float = 1.0,
        origin: str = "",
        key: bool = False,
        attributes: Mapping[str, str] | None = None,
    ) -> None:
        """One more box."""
        self.frames.append(frame)
        self.ids.append(track)
        self.classes.append(cls)
        self.boxes.append(box)
        self.scores.append(score)
        self.origins.append(origin if origin in ORIGINS else "")
        self.keys.append(key)
        self.attributes.append(attributes or {})


def tracks(
    rows: Rows, width: int, height: int, origin: str
) -> tuple[tuple[LabelTrack, ...], Counter[str]]:
    """Rows to tracks, inside the picture, by id; and what had to be changed.

    A box without a track, or of a track that had another class first, begins a track of its own
    with an id that nobody has.

    Raises:
        BadLabels: a track has two boxes in one frame, or a box is not finite.
    """
    boxes, notes = _inside(np.array(rows.boxes, np.float64).reshape(-1, 4), width, height)
    kept = np.flatnonzero((boxes[:, 2:] > boxes[:, :2]).all(1)).tolist()
    notes["boxes without area left out"] = len(boxes) - len(kept)
    notes["boxes without a track, each a track of its own"] = sum(
        rows.ids[row] == NOBODY for row in kept
    )
    groups = _by_track(rows, kept)
    made = [_track(rows, boxes, number, members, origin) for number, members in groups.items()]
    return tuple(sorted(made, key=lambda track: track.id)), +notes


def _inside(
    boxes: NDArray[np.float64], width: int, height: int
) -> tuple[NDArray[np.float64], Counter[str]]:
    if not np.isfinite(boxes).all():
        raise BadLabels("NaN or infinity in a box")
    limits = np.array([width, height, width, height], np.float64)
    clipped = np.clip(boxes, 0, limits)
    # Half a pixel is how much tools disagree about where a picture ends.
    moved = (np.abs(clipped - boxes) > 0.5).any(1)
    return clipped, Counter({"boxes clipped to the picture": int(moved.sum())})


def _by_track(rows: Rows, kept: list[int]) -> dict[int, list[int]]:
    """Rows of each track; ids that are no track's, or taken by another class, become new ones."""
    used = {rows.ids[row] for row in kept if 0 <= rows.ids[row] <= _LARGEST}
    fresh = (number for number in itertools.count() if number not in used)
    names: dict[tuple[int, str], int] = {}
    groups: dict[int, list[int]] = {}
    for row in kept:
        identity = rows.ids[row], rows.classes[row]
        if identity[0] == NOBODY:
            groups[next(fresh)] = [row]
            continue
        if identity not in names:
            free = identity[0] in used and identity[0] not in groups
            names[identity] = identity[0] if free else next(fresh)
        groups.setdefault(names[identity], []).append(row)
    return groups


def _track(
    rows: Rows, boxes: NDArray[np.float64], number: int, members: list[int], origin: str
) -> LabelTrack:
    order = sorted(members, key=rows.frames.__getitem__)
    frames = [rows.frames[row] for row in order]
    for before, after in itertools.pairwise(frames):
        if before == after:
            raise BadLabels(f"track {number} has two boxes in frame {after}")
    return LabelTrack(
        number,
        rows.classes[order[0]],
        np.array(frames, np.int32),
        boxes.take(order, axis=0).astype(np.float32),
        np.clip([rows.scores[row] for row in order], 0, 1).astype(np.float32),
        "".join(rows.origins[row] or origin for row in order),
        tuple(rows.frames[row] for row in order if rows.keys[row]),
        ranges(frames, [rows.attributes[row] for row in order]),
    )


def ranges(frames: Sequence[int], values: Sequence[Mapping[str, str]]) -> dict[str, Ranges]:
    """What every box says, as ranges of frames; a hole between two equal values is bridged."""
    runs: dict[str, list[tuple[int, int, str]]] = {}
    before: Mapping[str, str] = {}
    for frame, said in zip(frames, values, strict=True):
        for name, value in said.items():
            known = runs.setdefault(name, [])
            start = known.pop()[0] if before.get(name) == value else frame
            known.append((start, frame + 1, value))
        before = said
    return {name: tuple(known) for name, known in sorted(runs.items())}


def said_at(track: LabelTrack) -> list[dict[str, str]]:
    """Attributes of every box of a track, the last range first where two overlap."""
    said: list[dict[str, str]] = [{} for _ in range(len(track.frames))]
    for name, parts in sorted(track.attributes.items()):
        for start, stop, value in parts:
            low, high = np.searchsorted(track.frames, [start, stop])
            for row in said[low:high]:
                row[name] = value
    return said


def rounded(labels: LabelSet) -> list[NDArray[np.float64]]:
    """The boxes of every track as label files keep them: float64, two decimals."""
    # Adding zero turns -0.0 into 0.0.
    exact = [track.boxes.astype(np.float64) for track in labels.tracks]
    return [np.asarray(np.round(boxes, 2) + 0.0, np.float64) for boxes in exact]


def side(*names: str) -> Split:
    """Test where one of the names of folders and files says so: test, val, val2017 …"""
    said = {name.lower().rstrip("0123456789") for name in names}
    return "test" if _HELD_OUT & said else "train"


def place_frames(clip: Outgoing, folder: Path, first: int = 0) -> None:
    """All pictures of a clip into a folder, numbered from `first`."""
    if clip.frames is None:
        return
    for k in range(clip.labels.frames):
        disk.place(clip.frames / f"{k:06d}.jpg", folder / f"{k + first:06d}.jpg")

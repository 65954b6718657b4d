"""What all formats share: clips to export, imported image sequences, and boxes to tracks."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray

from oneclick.core.assumptions import Assumptions
from oneclick.core.datasets import Split
from oneclick.core.errors import BadLabels
from oneclick.core.labels import LabelSet, LabelTrack, Ranges
from oneclick.core.tracks import ORIGINS
from oneclick.storage import bulk_files

MAX_LOOSE_IMAGES = 90
"""Images per clip at most, where nothing says that they are one sequence."""
NO_TRACK = -1
"""Track id of a box without one: it becomes a track of its own."""
_HELD_OUT = frozenset({"test", "val", "valid", "validation"})
_MAX_TRACK_ID = np.iinfo(np.int32).max


@dataclass(frozen=True, eq=False, kw_only=True)
class ExportClip:
    """One published clip to write in another tool's format."""

    name: str
    split: Split
    fps: float
    labels: LabelSet
    frames: Path | None = None
    """Folder of 000000.jpg, …; None exports no images."""
    video: Path | None = None
    """clip.mp4, or None where it is missing or not exported."""


class FormatWriter(Protocol):
    """Writes a dataset clip by clip, in constant memory; files are complete after `close`.

    A writer may have `notes`, a Counter of what it had to change or leave out, in words; each is
    said after the export: {"boxes outside the picture left out": 3}.
    """

    def add(self, clip: ExportClip) -> None:
        """Write one clip. Both methods raise NoSpace or Unavailable."""

    def close(self) -> None:
        """Write the files that describe the whole dataset."""


@dataclass(frozen=True, eq=False, kw_only=True)
class ImportedSequence:
    """A sequence of images of the same size with its labels."""

    width: int
    height: int
    tracks: tuple[LabelTrack, ...]
    images: tuple[Path, ...] = ()
    """In order of time; empty where `video` holds the frames."""
    video: Path | None = None
    fps: float | None = None
    """None where the format does not say."""
    fps_from: str = ""
    """What says `fps`, as `seqinfo.ini`."""
    class_numbers: Mapping[str, str] = field(default_factory=dict)
    """Class by its number, or other name, in the dataset; empty where files name classes."""
    names_from: str = ""
    """What names the classes, as `data.yaml`."""
    notes: Counter[str] = field(default_factory=Counter)
    """What was changed or left out, in words: {"boxes without area left out": 3}."""


@dataclass(frozen=True, eq=False)
class SequenceSource:
    """A sequence of a dataset that can be loaded, more than once."""

    name: str
    split: Split
    """Train or test, as the folders of the dataset say."""
    load: Callable[[str], ImportedSequence]
    """Reads the sequence; the argument is the origin letter of boxes whose origin is not stored.

    Raises BadInput.
    """


class SequenceFinder(Protocol):
    """Finds the sequences of a dataset."""

    def __call__(
        self, path: Path, classes: Sequence[str], failed: dict[str, str]
    ) -> list[SequenceSource]:
        """List the sequences at `path`; those that cannot be read go to `failed`, with one line.

        Args:
            classes: class names by class number, for formats that store numbers only.

        Raises:
            BadInput: nothing of that format is there.
        """


@dataclass(frozen=True)
class Dialogue:
    """What a user answers about a dataset, and what there is to tell of it as a whole."""

    answers: Assumptions = field(default_factory=Assumptions)
    notes: Counter[str] = field(default_factory=Counter)
    """What was changed or left out, in words: {"pictures that no file names left out": 3}."""


class AskingFinder(SequenceFinder, Protocol):
    """Finds the sequences of a dataset, and asks where it can be read in two ways."""

    def __call__(
        self,
        path: Path,
        classes: Sequence[str],
        failed: dict[str, str],
        dialogue: Dialogue | None = None,
    ) -> list[SequenceSource]:
        """List the sequences at `path`, as a SequenceFinder does.

        Args:
            dialogue: answers to the questions that the format asks; gets notes.
        """


@dataclass(frozen=True)
class ExchangeFormat:
    """How datasets of one format are written and read."""

    writer: Callable[..., FormatWriter]
    """Called with the folder and the class names, and with True for each option asked for."""
    find: SequenceFinder
    lost: str
    """What of our labels the format cannot hold; empty where nothing is lost."""
    video: bool = False
    """Whether the clip's video is exported instead of its images."""
    options: Mapping[str, str] = field(default_factory=dict)
    """What can be asked of the writer: its argument, and what that does in a few words."""
    questions: frozenset[str] = frozenset()
    """Keys of core.assumptions.VOCABULARY that `find` may ask; it is an AskingFinder if any."""

    def find_sequences(
        self, path: Path, classes: Sequence[str], failed: dict[str, str], dialogue: Dialogue
    ) -> list[SequenceSource]:
        """List the sequences at `path`, with the answers to what the format may ask."""
        if not self.questions:
            return self.find(path, classes, failed)
        return cast(AskingFinder, self.find)(path, classes, failed, dialogue)


@dataclass(kw_only=True)
class BoxRows:
    """Boxes of one sequence in columns: entry k of every list belongs to box k."""

    frames: list[int] = field(default_factory=list)
    track_ids: list[int] = field(default_factory=list)
    """Track of each box, or NO_TRACK."""
    classes: list[str] = field(default_factory=list)
    boxes: list[tuple[float, float, float, float]] = field(default_factory=list)
    """px, x1 y1 x2 y2."""
    scores: list[float] = field(default_factory=list)
    origins: list[str] = field(default_factory=list)
    """A letter of core.tracks.ORIGINS, or "" where the file names none."""
    keyframes: list[bool] = field(default_factory=list)
    attributes: list[Mapping[str, str]] = field(default_factory=list)

    def add(
        self,
        *,
        frame: int,
        track_id: int,
        cls: str,
        box: tuple[float, float, float, float],
        score: float = 1.0,
        origin: str = "",
        keyframe: bool = False,
        attributes: Mapping[str, str] | None = None,
    ) -> None:
        """Append one box."""
        self.frames.append(frame)
        self.track_ids.append(track_id)
        self.classes.append(cls)
        self.boxes.append(box)
        self.scores.append(score)
        self.origins.append(origin if origin in ORIGINS else "")
        self.keyframes.append(keyframe)
        self.attributes.append(attributes or {})

    def group_by_track(self, rows: Sequence[int]) -> dict[int, list[int]]:
        """Group the given rows by track id.

        Boxes without a track, and the boxes of a track that began with another class, get unused
        ids.
        """
        used_ids = {
            self.track_ids[row] for row in rows if 0 <= self.track_ids[row] <= _MAX_TRACK_ID
        }
        unused_ids = (number for number in itertools.count() if number not in used_ids)
        ids: dict[tuple[int, str], int] = {}
        groups: dict[int, list[int]] = {}
        for row in rows:
            identity = self.track_ids[row], self.classes[row]
            if identity[0] == NO_TRACK:
                groups[next(unused_ids)] = [row]
                continue
            if identity not in ids:
                is_free = identity[0] in used_ids and identity[0] not in groups
                ids[identity] = identity[0] if is_free else next(unused_ids)
            groups.setdefault(ids[identity], []).append(row)
        return groups

    def build_track(
        self, track_id: int, rows: Sequence[int], boxes: NDArray[np.float64], origin: str
    ) -> LabelTrack:
        """Build the track of the given rows, whose clipped boxes are rows of `boxes`.

        Raises:
            BadLabels: two boxes are in the same frame.
        """
        order = sorted(rows, key=self.frames.__getitem__)
        frames = [self.frames[row] for row in order]
        for frame, following in itertools.pairwise(frames):
            if frame == following:
                raise BadLabels(f"track {track_id} has two boxes in frame {frame}")
        return LabelTrack(
            id=track_id,
            cls=self.classes[order[0]],
            frames=np.array(frames, np.int32),
            boxes=boxes.take(order, axis=0).astype(np.float32),
            scores=np.array([self.scores[row] for row in order], np.float32),
            origins="".join(self.origins[row] or origin for row in order),
            keyframes=tuple(self.frames[row] for row in order if self.keyframes[row]),
            attributes=attribute_ranges(frames, [self.attributes[row] for row in order]),
        )


def build_tracks(
    rows: BoxRows, width: int, height: int, origin: str
) -> tuple[tuple[LabelTrack, ...], Counter[str]]:
    """Build tracks, sorted by id, from boxes clipped to an image of `width` × `height` px.

    Args:
        origin: origin letter of the boxes whose origin the file does not store.

    Returns:
        The tracks, and how many boxes were changed or left out, by what was done.

    Raises:
        BadLabels: a track has two boxes in one frame, a box is not finite, or a score above 1.
    """
    boxes = np.array(rows.boxes, np.float64).reshape(-1, 4)
    if not np.isfinite(boxes).all():
        raise BadLabels("NaN or infinity in a box")
    for score in rows.scores:
        if not 0 <= score <= 1:  # NaN is not either
            raise BadLabels(f"a box has the score {score:g}: scores are from 0 to 1, correct them")
    clipped = np.clip(boxes, 0, np.array([width, height, width, height], np.float64))
    has_area = (clipped[:, 2:] > clipped[:, :2]).all(1)
    visible_rows = np.flatnonzero(has_area).tolist()
    notes = Counter(
        {
            # Half a pixel is how much tools disagree about where an image ends.
            "boxes clipped to the picture": int((np.abs(clipped - boxes) > 0.5).any(1).sum()),
            "boxes without area left out": int((~has_area).sum()),
            "boxes without a track, each a track of its own": sum(
                rows.track_ids[row] == NO_TRACK for row in visible_rows
            ),
        }
    )
    tracks = [
        rows.build_track(track_id, members, clipped, origin)
        for track_id, members in rows.group_by_track(visible_rows).items()
    ]
    return tuple(sorted(tracks, key=lambda track: track.id)), +notes


def build_sequence(
    rows: BoxRows, images: Sequence[Path], size: tuple[int, int], origin: str
) -> ImportedSequence:
    """Build a sequence of pictures of (width, height) px from its boxes, as `build_tracks`.

    Raises:
        BadLabels: as `build_tracks`.
    """
    tracks, notes = build_tracks(rows, *size, origin)
    return ImportedSequence(
        width=size[0], height=size[1], tracks=tracks, images=tuple(images), notes=notes
    )


def attribute_ranges(
    frames: Sequence[int], attributes: Sequence[Mapping[str, str]]
) -> dict[str, Ranges]:
    """Convert the attributes of every box to ranges of frames.

    A gap between two boxes of equal value is bridged. `frames` rise.
    """
    ranges: dict[str, list[tuple[int, int, str]]] = {}
    previous: Mapping[str, str] = {}
    for frame, box_attributes in zip(frames, attributes, strict=True):
        for name, value in box_attributes.items():
            runs = ranges.setdefault(name, [])
            start = runs.pop()[0] if previous.get(name) == value else frame
            runs.append((start, frame + 1, value))
        previous = box_attributes
    return {name: tuple(runs) for name, runs in sorted(ranges.items())}


def attributes_per_box(track: LabelTrack) -> list[dict[str, str]]:
    """Return the attributes of every box of a track; of overlapping ranges the last counts."""
    attributes: list[dict[str, str]] = [{} for _ in range(len(track.frames))]
    for name, ranges in sorted(track.attributes.items()):
        for start, stop, value in ranges:
            low, high = np.searchsorted(track.frames, [start, stop])
            for box_attributes in attributes[low:high]:
                box_attributes[name] = value
    return attributes


def rounded_boxes(labels: LabelSet) -> list[NDArray[np.float64]]:
    """Return the boxes of every track, `(n, 4)` float64 with two decimals, as in label files."""
    # Adding zero turns -0.0 into 0.0.
    exact = [track.boxes.astype(np.float64) for track in labels.tracks]
    return [np.asarray(np.round(boxes, 2) + 0.0, np.float64) for boxes in exact]


def split_of_names(*names: str) -> Split:
    """Return test if a name of a folder or file is that of a held-out split (val2017), or train."""
    stems = {name.lower().rstrip("0123456789") for name in names}
    return "test" if _HELD_OUT & stems else "train"


def export_frames(clip: ExportClip, folder: Path, first: int = 0, prefix: str = "") -> None:
    """Copy all images of a clip into a folder, numbered from `first` after a prefix."""
    if clip.frames is None:
        return
    for k in range(clip.labels.frames):
        bulk_files.copy(clip.frames / f"{k:06d}.jpg", folder / f"{prefix}{k + first:06d}.jpg")

"""What an import understood of a dataset, before anything is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from oneclick import video
from oneclick.core.datasets import Split
from oneclick.core.errors import OneclickError
from oneclick.core.spans import Span
from oneclick.core.tracks import HUMAN
from oneclick.formats import pictures
from oneclick.formats.base import ImportedSequence, SequenceSource
from oneclick.storage import bounded_files, files

DRAWN = 3
"""Pictures that are drawn to look at."""
UNKNOWN_RATE = "nothing says it: give --fps"
"""What says the frame rate where nothing does."""
_COLOURS = ((0, 200, 255), (0, 255, 0), (255, 160, 0), (255, 0, 255), (0, 128, 255))
"""BGR, by class."""


@dataclass(kw_only=True)
class ClassSummary:
    """What an import understood of one class."""

    numbers: list[str] = field(default_factory=list)
    """Its numbers in the dataset, where it has any."""
    named_by: list[str] = field(default_factory=list)
    """What gives it this name."""
    boxes: int = 0


@dataclass(kw_only=True)
class RateSummary:
    """Clips of one frame rate."""

    fps: float
    said_by: str
    """What says so."""
    clips: int = 0


@dataclass(kw_only=True)
class SplitSummary:
    """One side of the dataset."""

    clips: int = 0
    pictures: int = 0


@dataclass(kw_only=True)
class ImportSummary:
    """What an import understood: counts over all sequences that can be read."""

    clips: int = 0
    pictures: int = 0
    boxes: int = 0
    tracks: int = 0
    classes: dict[str, ClassSummary] = field(default_factory=dict)
    """By name, those without a box too."""
    rates: list[RateSummary] = field(default_factory=list)
    splits: dict[str, SplitSummary] = field(default_factory=dict)
    notes: dict[str, int] = field(default_factory=dict)
    """What was changed or left out, in words."""
    refused: dict[str, str] = field(default_factory=dict)
    """What cannot be read: one line for each kind, by the name of the first."""
    drawn: list[str] = field(default_factory=list)
    """Files of pictures with their boxes."""

    def add(
        self, sequence: ImportedSequence, split: Split, fps: float | None, default_fps: float
    ) -> None:
        """Add a sequence.

        Args:
            sequence: pictures and labels.
            split: its side.
            fps: frames per second as the user gives them.
            default_fps: what is taken where nobody says it.
        """
        count = frame_count(sequence)
        self.clips += 1
        self.pictures += count
        self.tracks += len(sequence.tracks)
        for number, name in sequence.class_numbers.items():
            row = self.class_row(name, sequence.names_from)
            if number not in row.numbers:
                row.numbers.append(number)
        for track in sequence.tracks:
            self.class_row(track.cls, sequence.names_from).boxes += len(track.frames)
            self.boxes += len(track.frames)
        said_by = "--fps" if fps else sequence.fps_from if sequence.fps else UNKNOWN_RATE
        self._count_rate(fps or sequence.fps or default_fps, said_by or "the dataset")
        side = self.splits.setdefault(split, SplitSummary())
        side.clips += 1
        side.pictures += count
        self.add_notes(sequence.notes)

    def add_notes(self, notes: Counter[str]) -> None:
        """Add counts of what was changed or left out."""
        for note, count in notes.items():
            self.notes[note] = self.notes.get(note, 0) + count

    def boxed_classes(self) -> list[str]:
        """Return the classes that have a box."""
        return [name for name, row in self.classes.items() if row.boxes]

    def class_row(self, name: str, named_by: str) -> ClassSummary:
        """Return the row of a class."""
        row = self.classes.setdefault(name, ClassSummary())
        if named_by and named_by not in row.named_by:
            row.named_by.append(named_by)
        return row

    def _count_rate(self, fps: float, said_by: str) -> None:
        for row in self.rates:
            if (row.fps, row.said_by) == (fps, said_by):
                row.clips += 1
                return
        self.rates.append(RateSummary(fps=fps, said_by=said_by, clips=1))


def frame_count(sequence: ImportedSequence) -> int:
    """Return the number of frames of a sequence."""
    return video.probe(sequence.video).frames if sequence.video else len(sequence.images)


def draw(sources: Sequence[SequenceSource], folder: Path) -> list[str]:
    """Draw pictures of sequences that have boxes, and return their files.

    A picture that cannot be decoded is left out.

    Args:
        sources: from which DRAWN pictures are chosen, evenly.
        folder: gets 1.jpg, 2.jpg, …, in place of those of the import before.

    Raises:
        NoSpace, Unavailable: the disk refuses.
    """
    choices = [sources[k * len(sources) // DRAWN] for k in range(DRAWN)] if sources else []
    paths: list[str] = []
    for old in sorted(folder.glob("?.jpg")):
        with files.guard(old):
            old.unlink()
    for k, source in enumerate(choices):
        place = choices[:k].count(source)
        try:
            sequence = source.load(HUMAN)
            frames = sorted({frame for track in sequence.tracks for frame in track.frames.tolist()})
            repeats = choices.count(source)
            if place >= len(frames):
                continue
            image = draw_frame(sequence, frames[place * len(frames) // repeats])
        except OneclickError:  # the import of the sequence will say so
            continue
        path = folder / f"{k + 1}.jpg"
        files.write_atomic(path, image)
        paths.append(str(path))
    return paths


def draw_frame(sequence: ImportedSequence, frame: int) -> bytes:
    """Return a frame with its boxes and classes as JPEG. Raises BadInput."""
    import cv2

    image = read_frame(sequence, frame)
    scale = max(image.shape[:2]) / 1000
    width = max(1, round(2 * scale))
    names = sorted({track.cls for track in sequence.tracks})
    for track, box in boxes_of(sequence, frame):
        colour = _COLOURS[names.index(track) % len(_COLOURS)]
        x1, y1, x2, y2 = (round(side) for side in box)
        cv2.rectangle(image, (x1, y1), (x2, y2), colour, width)
        text = track.encode("ascii", "replace").decode()
        place = x1 + width, max(y1 + round(24 * scale), 10)
        cv2.putText(image, text, place, cv2.FONT_HERSHEY_SIMPLEX, max(0.4, scale), colour, width)
    return cv2.imencode(".jpg", image)[1].tobytes()


def read_frame(sequence: ImportedSequence, frame: int) -> NDArray[np.uint8]:
    """Return a frame, (H, W, 3) uint8 BGR. Raises BadInput."""
    if sequence.video:
        (image,) = video.frames(sequence.video, Span(frame, frame + 1))
        return np.ascontiguousarray(image[..., ::-1])
    path = sequence.images[frame]
    return pictures.decode(bounded_files.read_bytes(path, pictures.MAX_BYTES), path)


def boxes_of(sequence: ImportedSequence, frame: int) -> Iterator[tuple[str, list[float]]]:
    """Yield class and box, px x1 y1 x2 y2, of every track in a frame."""
    for track in sequence.tracks:
        for row in np.flatnonzero(track.frames == frame):
            yield track.cls, track.boxes[row].tolist()

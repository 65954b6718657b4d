"""Annotations of a clip: revisions that only grow, with the origin of every box."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from oneclick.core.tracks import Tracks

Kind = Literal["auto", "human"]
IGNORE = "ignore"
"""Class of the tracks that mark a region where nothing is asked: a crowd, a mirror, a screen."""
HINDSIGHT = "hindsight:"
"""How `made_by` begins where labellers and hindsight made the labels."""
JOIN, SKILLS = "+", "#"
"""Between labellers, and before the digest of what is known of their skills."""
Ranges = tuple[tuple[int, int, str], ...]


@dataclass(frozen=True, eq=False)
class LabelTrack:
    """One object through one clip."""

    id: int
    cls: str
    frames: NDArray[np.int32]
    """(n,) rising, 0-based in the clip."""
    boxes: NDArray[np.float32]
    """(n, 4) px, x1 y1 x2 y2."""
    scores: NDArray[np.float32]
    """(n,) confidence of the label in 0 … 1."""
    origins: str
    """n letters, one a box (core.tracks.ORIGINS)."""
    keyframes: tuple[int, ...] = ()
    """Frames of key boxes: those a human set, or the few that the rest follows from."""
    attributes: dict[str, Ranges] = field(default_factory=dict)
    """Half-open ranges of frames: {"posture": ((0, 40, "lying"),)}."""

    def __post_init__(self) -> None:
        n = len(self.frames)
        if self.boxes.shape != (n, 4) or self.scores.shape != (n,) or len(self.origins) != n:
            raise ValueError(
                f"track {self.id}: expected {n} boxes, scores and origins, got "
                f"{self.boxes.shape}, {self.scores.shape}, {len(self.origins)}"
            )
        if n > 1 and (np.diff(self.frames) <= 0).any():
            raise ValueError(f"track {self.id}: frames must rise")


@dataclass(frozen=True, eq=False)
class LabelSet:
    """One revision of the annotation of one clip."""

    clip: str
    revision: int
    """1, 2, 3 …; never reused."""
    kind: Kind
    parent: int | None
    """Revision this one was made from."""
    made_by: str
    """Labeller, annotator or policy; never a patient."""
    made_at: datetime
    """UTC."""
    frames: int
    """Frames in the clip, boxes or not."""
    width: int
    height: int
    classes: tuple[str, ...]
    tracks: tuple[LabelTrack, ...]

    def counts(self) -> dict[str, int]:
        """Boxes by origin letter."""
        letters = "".join(track.origins for track in self.tracks)
        return {letter: letters.count(letter) for letter in sorted(set(letters))}

    def boxes(self) -> int:
        """How many boxes in all."""
        return sum(len(track.frames) for track in self.tracks)


def by_hindsight(models: Sequence[str], skills: str = "") -> str:
    """`made_by` of labels from these models; `skills` is a digest of what is known of them."""
    return HINDSIGHT + JOIN.join(models) + (SKILLS + skills if skills else "")


def labellers(made_by: str) -> tuple[str, ...]:
    """The models behind a `made_by`, in the order in which they were named; none if people did."""
    if not made_by.startswith(HINDSIGHT):
        return ()
    return tuple(made_by.removeprefix(HINDSIGHT).partition(SKILLS)[0].split(JOIN))


def from_tracks(tracks: Tracks, keys: Tracks | None = None) -> tuple[LabelTrack, ...]:
    """Columns to one LabelTrack an object; the class is the track's first.

    Args:
        keys: key boxes of the same tracks; their frames become `keyframes`.
    """
    made = []
    for rows in tracks.each():
        made.append(
            LabelTrack(
                int(tracks.tracks[rows[0]]),
                tracks.names[int(tracks.classes[rows[0]])],
                tracks.frames[rows],
                tracks.boxes[rows],
                tracks.scores[rows],
                "".join(tracks.origins[rows]),
                _keyframes(keys, int(tracks.tracks[rows[0]])),
            )
        )
    return tuple(made)


def _keyframes(keys: Tracks | None, track: int) -> tuple[int, ...]:
    return () if keys is None else tuple(keys.frames[keys.tracks == track].tolist())


def to_tracks(labels: LabelSet, fps: float) -> Tracks:
    """One LabelTrack an object to columns; attributes, keyframes and IGNORE stay behind.

    Raises:
        ValueError: if a track's class is not in `labels.classes`.
    """
    parts = [track for track in labels.tracks if track.cls != IGNORE]
    if not parts:
        return Tracks.empty(labels.frames, fps, labels.classes)
    sizes = [len(track.frames) for track in parts]
    return Tracks(
        np.concatenate([track.frames for track in parts]),
        np.repeat([track.id for track in parts], sizes),
        np.concatenate([track.boxes for track in parts]),
        np.concatenate([track.scores for track in parts]),
        np.repeat([labels.classes.index(track.cls) for track in parts], sizes),
        np.array(list("".join(track.origins for track in parts)), np.str_),
        labels.frames,
        fps,
        labels.classes,
    )

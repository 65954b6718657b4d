"""Label revisions of a clip, with the origin of every box; a revision is never overwritten."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from oneclick.core import class_names
from oneclick.core.tracks import Tracks

LabelKind = Literal["auto", "human"]
IGNORE = class_names.IGNORE
"""Class of tracks that mark an ignore region."""
HINDSIGHT_PREFIX = "hindsight:"
"""Prefix of `made_by` where labellers and hindsight made the labels."""
IMPORT_PREFIX = "import:"
"""Prefix of `made_by` where the labels came with a dataset of another tool."""
LABELLER_SEPARATOR = "+"
"""Separator of the labellers in `made_by`."""
SKILLS_SEPARATOR = "#"
"""Separator in `made_by` before the digest of the labellers' skills."""
Ranges = tuple[tuple[int, int, str], ...]


@dataclass(frozen=True, eq=False, kw_only=True)
class LabelTrack:
    """Boxes and attributes of one object in one clip."""

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
    """Frames of key boxes: those a human set, or the few from which the others are interpolated."""
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


@dataclass(frozen=True, eq=False, kw_only=True)
class LabelSet:
    """One revision of the labels of one clip."""

    clip: str
    revision: int
    """1, 2, 3 …; never reused."""
    kind: LabelKind
    parent: int | None
    """Revision this one is based on."""
    made_by: str
    """Labeller, annotator or policy; never a patient."""
    made_at: datetime
    """UTC."""
    frames: int
    """Frames in the clip, with and without boxes."""
    width: int
    height: int
    classes: tuple[str, ...]
    tracks: tuple[LabelTrack, ...]

    def counts(self) -> dict[str, int]:
        """Count boxes by origin letter; ignore regions are none."""
        letters = "".join(track.origins for track in self.tracks if track.cls != IGNORE)
        return {letter: letters.count(letter) for letter in sorted(set(letters))}

    def ignored_frames(self) -> int:
        """Count the frames with an ignore region."""
        regions = [track.frames for track in self.tracks if track.cls == IGNORE]
        return len(np.unique(np.concatenate(regions))) if regions else 0

    def ignored_boxes(self) -> int:
        """Count the boxes of ignore regions."""
        return sum(len(track.frames) for track in self.tracks if track.cls == IGNORE)

    def boxes(self) -> int:
        """Return the number of boxes; ignore regions are none."""
        return sum(len(track.frames) for track in self.tracks if track.cls != IGNORE)


def hindsight_author(models: Sequence[str], skills: str = "") -> str:
    """Format `made_by` of labels from these models.

    Args:
        models: ids of the labellers.
        skills: digest of the skills learned for them; empty for none.
    """
    suffix = SKILLS_SEPARATOR + skills if skills else ""
    return HINDSIGHT_PREFIX + LABELLER_SEPARATOR.join(models) + suffix


def parse_labellers(made_by: str) -> tuple[str, ...]:
    """Return the models named in `made_by`, in its order; empty for labels made by people."""
    if not made_by.startswith(HINDSIGHT_PREFIX):
        return ()
    models = made_by.removeprefix(HINDSIGHT_PREFIX).partition(SKILLS_SEPARATOR)[0]
    return tuple(models.split(LABELLER_SEPARATOR))


def from_tracks(tracks: Tracks, keys: Tracks | None = None) -> tuple[LabelTrack, ...]:
    """Convert columns to one LabelTrack per object; its class is that of its first box.

    Args:
        tracks: the boxes of all objects.
        keys: key boxes of the same tracks; their frames become `keyframes`.
    """
    label_tracks = []
    for rows in tracks.rows_by_track():
        track_id = int(tracks.tracks[rows[0]])
        key_frames = () if keys is None else keys.frames[keys.tracks == track_id].tolist()
        label_tracks.append(
            LabelTrack(
                id=track_id,
                cls=tracks.names[int(tracks.classes[rows[0]])],
                frames=tracks.frames[rows],
                boxes=tracks.boxes[rows],
                scores=tracks.scores[rows],
                origins="".join(tracks.origins[rows]),
                keyframes=tuple(key_frames),
            )
        )
    return tuple(label_tracks)


def to_tracks(labels: LabelSet, fps: float) -> Tracks:
    """Convert labels to columns; attributes, keyframes and tracks of class IGNORE are left out.

    Raises:
        ValueError: if a track's class is not in `labels.classes`.
    """
    label_tracks = [track for track in labels.tracks if track.cls != IGNORE]
    if not label_tracks:
        return Tracks.empty(labels.frames, fps, labels.classes)
    sizes = [len(track.frames) for track in label_tracks]
    class_indices = [labels.classes.index(track.cls) for track in label_tracks]
    return Tracks(
        frames=np.concatenate([track.frames for track in label_tracks]),
        tracks=np.repeat([track.id for track in label_tracks], sizes),
        boxes=np.concatenate([track.boxes for track in label_tracks]),
        scores=np.concatenate([track.scores for track in label_tracks]),
        classes=np.repeat(class_indices, sizes),
        origins=np.array(list("".join(track.origins for track in label_tracks)), np.str_),
        length=labels.frames,
        fps=fps,
        names=labels.classes,
    )

"""Dataset versions: immutable lists of the clips a model is trained and tested on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Split = Literal["train", "test"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetClip:
    """One line of a manifest."""

    clip: str
    camera: str
    revision: int
    """Label revision that was frozen."""
    label_digest: str
    """sha256 of the label file."""
    clip_digest: str
    """sha256 of clip.mp4."""
    split: Split
    frames: int
    width: int
    height: int
    fps: float
    origins: dict[str, int]
    """Boxes by origin letter."""
    chosen_by: str
    led_by: str = ""
    """Trigger that led to the clip; empty for random samples."""
    ignored_boxes: int = 0
    """Boxes of regions that training and evaluation leave out."""
    ignored_frames: int = 0
    """Frames with such a region."""


@dataclass(frozen=True, kw_only=True)
class DatasetVersion:
    """An immutable list of clips with frozen label revisions; equal content has an equal digest."""

    name: str
    """`v<number>-<first 8 of digest>`."""
    digest: str
    """sha256 of the manifest's bytes."""
    parent: str | None
    classes: tuple[str, ...]
    clips: tuple[DatasetClip, ...]

    def side(self, split: Split) -> tuple[DatasetClip, ...]:
        """Return the clips of one split."""
        return tuple(clip for clip in self.clips if clip.split == split)

    def ignored(self) -> tuple[int, int]:
        """Return the boxes of regions that are left out, and the frames with one, of all clips."""
        boxes = sum(clip.ignored_boxes for clip in self.clips)
        return boxes, sum(clip.ignored_frames for clip in self.clips)

    def images(self) -> int:
        """Return the number of frames in all clips."""
        return sum(clip.frames for clip in self.clips)

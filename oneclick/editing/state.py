"""The labels of one clip while a reviewer corrects them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from oneclick.core.labels import LabelSet, LabelTrack
from oneclick.editing.comments import Comment
from oneclick.editing.operations import Answer
from oneclick.storage.labels import TrackDocument


@dataclass(frozen=True, eq=False, kw_only=True)
class EditState:
    """Tracks of a clip, what was answered and noted; every operation makes a new one."""

    clip: str
    frames: int
    """Frames in the clip."""
    fps: float
    width: int
    """Of the picture in px."""
    height: int
    classes: tuple[str, ...]
    attributes: Mapping[str, tuple[str, ...]]
    """Values by attribute of a track."""
    tracks: tuple[LabelTrack, ...]
    """By id."""
    answers: Mapping[str, Answer] = field(default_factory=dict)
    """Answers by question."""
    comments: tuple[Comment, ...] = ()
    """In the order in which they were written."""

    @classmethod
    def from_labels(
        cls, labels: LabelSet, fps: float, attributes: Mapping[str, tuple[str, ...]]
    ) -> EditState:
        """Create the state before the first operation.

        Args:
            labels: a revision.
            fps: frames per second of the clip.
            attributes: values that reviewers may set, by attribute.
        """
        return cls(
            clip=labels.clip,
            frames=labels.frames,
            fps=fps,
            width=labels.width,
            height=labels.height,
            classes=labels.classes,
            attributes=attributes,
            tracks=tuple(sorted(labels.tracks, key=lambda track: track.id)),
        )

    def find(self, track_id: int) -> LabelTrack | None:
        """Return the track with an id, or None."""
        return next((track for track in self.tracks if track.id == track_id), None)

    def with_tracks(self, *tracks: LabelTrack, without: tuple[int, ...] = ()) -> EditState:
        """Return the state with some tracks added or replaced.

        Args:
            tracks: by their ids; one without a box is removed.
            without: ids of tracks to remove.
        """
        by_id = {track.id: track for track in self.tracks} | {track.id: track for track in tracks}
        remaining = [
            track for key, track in by_id.items() if key not in without and len(track.frames)
        ]
        return replace(self, tracks=tuple(sorted(remaining, key=lambda track: track.id)))

    def to_document(self) -> dict[str, Any]:
        """Convert to what JSON holds; boxes keep two decimals, scores four."""
        return {
            "clip": self.clip,
            "frames": self.frames,
            "fps": self.fps,
            "width": self.width,
            "height": self.height,
            "classes": list(self.classes),
            "attributes": {name: list(values) for name, values in self.attributes.items()},
            "tracks": [track_document(track) for track in self.tracks],
            "answers": dict(self.answers),
            "comments": msgspec.to_builtins(self.comments),
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> EditState:
        """Build the state from what `to_document` returned."""
        tracks = msgspec.convert(document["tracks"], list[TrackDocument])
        return cls(
            clip=document["clip"],
            frames=document["frames"],
            fps=document["fps"],
            width=document["width"],
            height=document["height"],
            classes=tuple(document["classes"]),
            attributes={name: tuple(values) for name, values in document["attributes"].items()},
            tracks=tuple(track.decode() for track in tracks),
            answers=document["answers"],
            comments=msgspec.convert(document["comments"], tuple[Comment, ...]),
        )


def track_document(track: LabelTrack) -> dict[str, Any]:
    """Convert a track to what JSON holds, with the keys of the label file."""
    document: dict[str, Any] = msgspec.to_builtins(TrackDocument.encode(track))
    return document


def changes(before: EditState, after: EditState) -> tuple[list[LabelTrack], list[int]]:
    """Return the tracks that an operation changed or added, and the ids of those it removed."""
    unchanged = {id(track) for track in before.tracks}
    changed = [track for track in after.tracks if id(track) not in unchanged]
    remaining = {track.id for track in after.tracks}
    return changed, [track.id for track in before.tracks if track.id not in remaining]

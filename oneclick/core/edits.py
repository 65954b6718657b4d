"""Differences between the labels sent to review and the labels that came back.

A platform returns every box, edited or not, in its own numbers: rounded, clipped to the picture,
without the boxes that it cannot show. Here an unedited box becomes the original one again, to the
last bit, and only what a reviewer changed gets the origin `human`.

Three versions of a track are compared: `original` as it was before review, `visible` as the
platform could show it, and `reviewed` as it came back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from oneclick.core.labels import LabelTrack, Ranges
from oneclick.core.tracks import HUMAN

IndexArray = NDArray[np.intp]
Mask = NDArray[np.bool_]
Frames = NDArray[np.int32]
Values = NDArray[np.object_]
"""(n,) the value of an attribute in each frame, None where it has none."""


@dataclass(frozen=True, kw_only=True)
class Edits:
    """Number of changes made in review; every box counts once."""

    added: int = 0
    """Boxes drawn where the track had none."""
    deleted: int = 0
    """Boxes removed."""
    moved: int = 0
    """Boxes whose position or size changed."""
    renamed: int = 0
    """Boxes that stayed in place under another class."""
    attributes: int = 0
    """Frames in which an attribute was set, changed or removed; summed over attributes."""

    @property
    def total(self) -> int:
        """Return the number of edited boxes."""
        return self.added + self.deleted + self.moved + self.renamed

    def __add__(self, other: Edits) -> Edits:
        names = [field.name for field in fields(self)]
        return Edits(**{name: getattr(self, name) + getattr(other, name) for name in names})


def reconcile(
    originals: Sequence[LabelTrack],
    visible_tracks: Sequence[LabelTrack],
    reviewed_tracks: Sequence[LabelTrack],
    tolerance: float = 0.5,
) -> tuple[tuple[LabelTrack, ...], Edits]:
    """Merge reviewed tracks with the originals, and count the reviewer's edits.

    Unedited boxes are exactly the original ones; boxes moved, added or renamed have the origin h
    and a score of 1. What the platform could not show was not reviewed: it stays as it was as long
    as its track exists.

    Args:
        originals: the tracks before review.
        visible_tracks: the originals as the platform could show them: boxes clipped or left out,
            and tracks without boxes left out.
        reviewed_tracks: the tracks as they came back, with the original ids where they are known.
        tolerance: px by which a side of an unedited box may differ.

    Returns:
        The merged tracks, sorted by id, and the edits.
    """
    original_by_id = {track.id: track for track in originals}
    visible_by_id = {track.id: track for track in visible_tracks}
    merged, edits = [], Edits()
    for track in reviewed_tracks:
        original = original_by_id.get(track.id) or _without_boxes(track)
        visible = visible_by_id.get(track.id) or _without_boxes(original)
        merged_track, track_edits = _reconcile_track(original, visible, track, tolerance)
        merged.append(merged_track)
        edits += track_edits
    absent = original_by_id.keys() - {track.id for track in reviewed_tracks}
    merged += [original_by_id[key] for key in absent - visible_by_id.keys()]
    edits += Edits(
        deleted=sum(len(visible_by_id[key].frames) for key in absent & visible_by_id.keys())
    )
    return tuple(sorted(merged, key=lambda track: track.id)), edits


def restore_ids(
    visible_tracks: Sequence[LabelTrack],
    reviewed_tracks: Sequence[LabelTrack],
    tolerance: float = 0.5,
) -> tuple[LabelTrack, ...]:
    """Give reviewed tracks with new ids the id of the visible track that they equal.

    A platform may give objects new names when it copies them. Two tracks are the same if they have
    one class and more than half of their boxes in the same place.
    """
    visible_ids = {track.id for track in visible_tracks}
    reviewed_ids = {track.id for track in reviewed_tracks}
    unmatched = {track.id: track for track in visible_tracks if track.id not in reviewed_ids}
    restored = []
    for track in reviewed_tracks:
        similarities = {
            key: similarity(visible, track, tolerance) for key, visible in unmatched.items()
        }
        best = max(similarities, key=lambda key: similarities[key], default=None)
        if track.id not in visible_ids and best is not None and similarities[best] > 0.5:
            del unmatched[best]
            track = replace(track, id=best)
        restored.append(track)
    return tuple(restored)


def similarity(a: LabelTrack, b: LabelTrack, tolerance: float) -> float:
    """Return the share of boxes that two tracks have in the same place; 0 for different classes."""
    if a.cls != b.cls:
        return 0.0
    _, rows_a, rows_b = np.intersect1d(a.frames, b.frames, assume_unique=True, return_indices=True)
    equal = (np.abs(a.boxes[rows_a] - b.boxes[rows_b]) <= tolerance).all(axis=1)
    return float(equal.sum()) / max(len(a.frames), len(b.frames), 1)


def values_per_frame(ranges: Ranges, frames: Frames) -> Values:
    """Return the value of an attribute in each of the rising `frames`, `(n,)`; None without one."""
    values: Values = np.full(len(frames), None, object)
    for start, stop, value in ranges:
        low, high = np.searchsorted(frames, (start, stop))
        values[low:high] = value
    return values


def value_ranges(frames: Frames, values: Values) -> Ranges:
    """Convert values per frame to half-open ranges; equal neighbours join, across gaps too."""
    if not len(frames):
        return ()
    starts = np.flatnonzero(np.append(True, values[1:] != values[:-1]))
    stops = np.append(starts[1:], len(frames)) - 1
    rows = zip(starts.tolist(), stops.tolist(), strict=True)
    return tuple(
        (int(frames[first]), int(frames[last]) + 1, values[first])
        for first, last in rows
        if values[first] is not None
    )


def select_boxes(track: LabelTrack, rows: IndexArray | Mask) -> LabelTrack:
    """Select boxes of a track; key frames without a box are dropped, attributes stay."""
    frames = track.frames[rows]
    remaining = set(frames.tolist())
    return replace(
        track,
        frames=frames,
        boxes=track.boxes[rows],
        scores=track.scores[rows],
        origins="".join(_origins(track)[rows]),
        keyframes=tuple(key for key in track.keyframes if key in remaining),
    )


def merge_keyframes(
    original: LabelTrack, visible: LabelTrack, reviewed: LabelTrack, frames: Frames
) -> tuple[int, ...]:
    """Return the key frames after review: the original ones unless the reviewer set others.

    Key frames of boxes that were not visible stay.

    Args:
        original: the track before review.
        visible: the track as the platform showed it.
        reviewed: the track as it came back.
        frames: `(n,)` frames of the merged track.
    """
    if set(reviewed.keyframes) == set(visible.keyframes):
        return original.keyframes
    hidden = set(frames.tolist()) - set(reviewed.frames.tolist())
    return tuple(sorted({*reviewed.keyframes, *hidden.intersection(original.keyframes)}))


def merge_attributes(
    original: LabelTrack, visible: LabelTrack, reviewed: LabelTrack, frames: Frames
) -> tuple[dict[str, Ranges], int]:
    """Return the attributes after review, and the number of frames whose value changed.

    Args:
        original: the track before review.
        visible: the track as the platform showed it.
        reviewed: the track as it came back.
        frames: `(n,)` frames of the merged track.
    """
    was_reviewed, was_visible = np.isin(frames, reviewed.frames), np.isin(frames, visible.frames)
    merged, changes = dict(original.attributes), dict[str, int]()
    for name in {**original.attributes, **reviewed.attributes}:
        ranges = reviewed.attributes.get(name, ())
        old = values_per_frame(original.attributes.get(name, ()), frames)
        new = values_per_frame(ranges, frames)
        # A box drawn without a value does not contradict the original value of its frame.
        comparable = was_visible | np.array([value is not None for value in new], np.bool_)
        changed = was_reviewed & comparable & (old != new)
        if changed.any():
            values = np.where(changed, new, old)
            # The reviewed ranges stand unless boxes that were not visible keep values of their own.
            merged[name] = ranges if (new == values).all() else value_ranges(frames, values)
            changes[name] = int(changed.sum())
    remaining = {name: ranges for name, ranges in merged.items() if ranges or name not in changes}
    return remaining, sum(changes.values())


def _without_boxes(track: LabelTrack) -> LabelTrack:
    """Return the track without boxes and attributes: the other version of a track without one."""
    return replace(select_boxes(track, np.zeros(0, np.intp)), attributes={})


def _reconcile_track(
    original: LabelTrack, visible: LabelTrack, reviewed: LabelTrack, tolerance: float
) -> tuple[LabelTrack, Edits]:
    """Merge one reviewed track with its original, and count the edits."""
    common, visible_rows, reviewed_rows = np.intersect1d(
        visible.frames, reviewed.frames, assume_unique=True, return_indices=True
    )
    shift = np.abs(visible.boxes[visible_rows] - reviewed.boxes[reviewed_rows])
    is_moved: Mask = (shift > tolerance).any(axis=1)
    unedited_rows = reviewed_rows[~is_moved]
    original_rows = np.searchsorted(original.frames, common[~is_moved])
    hidden = ~np.isin(original.frames, np.concatenate([visible.frames, reviewed.frames]))
    merged = _concat_boxes(
        _restore_unedited(original, reviewed, unedited_rows, original_rows),
        select_boxes(original, hidden),
    )
    attributes, attribute_edits = merge_attributes(original, visible, reviewed, merged.frames)
    edits = Edits(
        added=len(reviewed.frames) - len(common),
        deleted=len(visible.frames) - len(common),
        moved=int(is_moved.sum()),
        renamed=len(unedited_rows) if original.cls != reviewed.cls else 0,
        attributes=attribute_edits,
    )
    keyframes = merge_keyframes(original, visible, reviewed, merged.frames)
    return replace(merged, keyframes=keyframes, attributes=attributes), edits


def _restore_unedited(
    original: LabelTrack, reviewed: LabelTrack, rows: IndexArray, original_rows: IndexArray
) -> LabelTrack:
    """Mark boxes of `reviewed` as human; the unedited `rows` get the original's values."""
    boxes, origins = reviewed.boxes.copy(), np.full(len(reviewed.frames), HUMAN)
    scores = np.ones(len(reviewed.frames), np.float32)
    boxes[rows] = original.boxes[original_rows]
    if original.cls == reviewed.cls:
        scores[rows] = original.scores[original_rows]
        origins[rows] = _origins(original)[original_rows]
    return replace(reviewed, boxes=boxes, scores=scores, origins="".join(origins))


def _concat_boxes(track: LabelTrack, other: LabelTrack) -> LabelTrack:
    """Return `track` with the boxes of `other` as well, in order of time."""
    frames = np.concatenate([track.frames, other.frames])
    order = np.argsort(frames)
    return replace(
        track,
        frames=frames[order],
        boxes=np.concatenate([track.boxes, other.boxes])[order],
        scores=np.concatenate([track.scores, other.scores])[order],
        origins="".join(np.concatenate([_origins(track), _origins(other)])[order]),
    )


def _origins(track: LabelTrack) -> NDArray[np.str_]:
    """Return the origin letter of each box, `(n,)`."""
    return np.array(list(track.origins), "U1")

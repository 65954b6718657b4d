"""Pictures that are looked at as a whole: what do the questions not ask about, and should?

A question of its own asks about each of them. What is corrected there, and belongs to no track or
place that was asked about, would have been accepted unseen.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from oneclick.core import boxes as geometry
from oneclick.core.labels import IGNORE, LabelSet, LabelTrack
from oneclick.platforms.local.desk_records import AskedQuestion

WHY = "is everything right in this picture?"
SAME_PLACE = 0.5
"""IoU from which on two boxes are of one person."""
_PREFIX = "picture:"


def ask(label_set: LabelSet, share: float) -> list[AskedQuestion]:
    """Return a question about each picture of the sample; the same labels give the same.

    Args:
        label_set: labels that are shown.
        share: of the frames, 0 … 1.
    """
    seed = hashlib.sha256(f"{label_set.clip} {label_set.revision} {WHY}".encode()).digest()
    rng = np.random.default_rng(int.from_bytes(seed[:8], "big"))
    count = min(int(label_set.frames * share + rng.random()), label_set.frames)
    frames = sorted(rng.choice(label_set.frames, count, replace=False).tolist())
    return [
        AskedQuestion(
            id=f"{_PREFIX}{frame}", track=None, start=frame, stop=frame + 1, expected=0.0, why=WHY
        )
        for frame in frames
    ]


def looked_at(asked: Sequence[AskedQuestion], answers: Mapping[str, str]) -> tuple[int, ...]:
    """Return the pictures about which the reviewer gave an answer."""
    return tuple(
        question.start
        for question in asked
        if question.id.startswith(_PREFIX) and answers.get(question.id) in ("right", "wrong")
    )


def count_missed(
    frames: Sequence[int],
    asked: Sequence[AskedQuestion],
    shown_tracks: Sequence[LabelTrack],
    final_tracks: Sequence[LabelTrack],
) -> tuple[int, int]:
    """Count boxes in pictures that no question was about, and those that were corrected.

    Args:
        frames: pictures that were looked at as a whole.
        asked: all questions about the clip.
        shown_tracks: labels as they were shown.
        final_tracks: labels as they were accepted.

    Returns:
        Boxes and people that nobody asked about, and how many of them were wrong or missing.
    """
    asked_ids = {question.track for question in asked if question.track is not None}
    places = [question for question in asked if question.box is not None]
    total = missed = 0
    for frame in frames:
        shown, final = _boxes(shown_tracks, frame), _boxes(final_tracks, frame)
        pairs = _pairs([box for _, box in shown], [box for _, box in final])
        for row, (track, _) in enumerate(shown):
            if track.id not in asked_ids:
                total += 1
                partner = pairs.get(row)
                missed += partner is None or final[partner][0].cls != track.cls
        added = [final[row][0] for row in range(len(final)) if row not in pairs.values()]
        for track in added:
            is_asked = track.id in asked_ids or any(_lies_on(track, place) for place in places)
            # A box that was moved far counts once: as the wrong one that was shown.
            is_moved = any(each.id == track.id for each, _ in shown)
            if not is_asked and not is_moved:
                total, missed = total + 1, missed + 1
    return total, missed


def _boxes(
    tracks: Sequence[LabelTrack], frame: int
) -> list[tuple[LabelTrack, NDArray[np.float64]]]:
    rows = []
    for track in tracks:
        row = int(np.searchsorted(track.frames, frame))
        if track.cls != IGNORE and row < len(track.frames) and track.frames[row] == frame:
            rows.append((track, track.boxes[row].astype(np.float64)))
    return rows


def _pairs(
    first: Sequence[NDArray[np.float64]], second: Sequence[NDArray[np.float64]]
) -> dict[int, int]:
    """Pair boxes of one place, one to one by the largest total IoU."""
    if not first or not second:
        return {}
    overlaps = geometry.iou(np.array(first), np.array(second))
    rows, columns = linear_sum_assignment(-np.where(overlaps >= SAME_PLACE, overlaps, 0))
    pairs = zip(rows.tolist(), columns.tolist(), strict=True)
    return {row: column for row, column in pairs if overlaps[row, column] >= SAME_PLACE}


def _lies_on(track: LabelTrack, place: AskedQuestion) -> bool:
    """Check whether somebody in a track is at a place that was asked about."""
    inside = (track.frames >= place.start) & (track.frames < place.stop)
    if place.box is None or not inside.any():
        return False
    overlaps = geometry.iou(track.boxes[inside].astype(np.float64), np.array([place.box]))
    return bool((overlaps > 0).any())

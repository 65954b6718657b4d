"""Known errors put into labels before a review, to measure how many a reviewer finds.

A seeded error stands in labels of which a model is sure, so that nearly always it is an error
indeed. Whatever the reviewer does, `repair` takes out what is left of it before labels are
accepted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from oneclick.core import boxes as geometry
from oneclick.core import edits
from oneclick.core.labels import IGNORE, LabelTrack
from oneclick.editing import boxes_over_time, operations
from oneclick.editing.apply import apply
from oneclick.editing.state import EditState
from oneclick.storage.labels import TrackDocument

ErrorKind = Literal[
    "boxes dropped", "person removed", "ids swapped", "boxes shifted", "class wrong"
]
KINDS: tuple[ErrorKind, ...] = (
    "person removed",
    "boxes dropped",
    "ids swapped",
    "boxes shifted",
    "class wrong",
)
SURE = 0.8
"""Least mean score of a track that may get an error."""
LEAST_SECONDS = 1.0
"""Least length of the boxes concerned."""
MOST_SECONDS = 3.0
"""Longest run of boxes that are dropped or shifted."""
SHIFT = 0.6
"""By which share of its width or height a box is shifted: IoU with the right place is 0.25."""
RIGHT = 0.5
"""IoU from which on a box is in the right place."""
STANDS = 0.5
"""px within which a box is as the error left it."""


class SeededError(msgspec.Struct, frozen=True, kw_only=True):
    """An error that was put into labels, and what stood there before."""

    kind: ErrorKind
    start: int
    """First frame concerned."""
    stop: int
    """Frame after the last."""
    originals: tuple[TrackDocument, ...]
    """The one or two tracks concerned as they were."""
    shown: tuple[TrackDocument, ...]
    """The same as the reviewer gets to see them; one that is missing was removed."""

    def tracks(self) -> list[LabelTrack]:
        """Return the tracks concerned as they were."""
        return [document.decode() for document in self.originals]

    def put(self, tracks: Iterable[LabelTrack]) -> tuple[LabelTrack, ...]:
        """Return tracks with the error in them, by id."""
        concerned = {track.id for track in self.originals}
        shown_tracks = [document.decode() for document in self.shown]
        others = [track for track in tracks if track.id not in concerned]
        return tuple(sorted([*others, *shown_tracks], key=lambda track: track.id))


def draw_error(
    state: EditState, rng: np.random.Generator, kind: ErrorKind | None = None
) -> SeededError | None:
    """Choose an error to put into labels.

    Args:
        state: labels before a review.
        rng: chooses kind, track and place.
        kind: of the error; None: one that is possible, each as often as the others.

    Returns:
        The error, or None where no track is sure and long enough.
    """
    kinds = [kind] if kind else [KINDS[row] for row in rng.permutation(len(KINDS))]
    least = max(2, round(LEAST_SECONDS * state.fps))
    tracks = [
        track
        for track in state.tracks
        if track.cls != IGNORE and len(track.frames) >= least and track.scores.mean() >= SURE
    ]
    for each in kinds:
        error = _SEEDERS[each](state, tracks, rng)
        if error:
            return error
    return None


def is_caught(error: SeededError, state: EditState) -> bool:
    """Check whether a reviewer noticed an error: most of what it left does not stand any more."""
    original = error.tracks()[0]
    if error.kind == "class wrong":
        owners = [_track_at(state, frame, box) for frame, box in _rows(original)]
        return sum(each is not None and each.cls == original.cls for each in owners) * 2 >= len(
            owners
        )
    rows = _rows(original, error.start, error.stop)
    if error.kind == "boxes shifted":
        standing = sum(int(_standing_rows(error, track).sum()) for track in state.tracks)
        return standing * 2 < len(rows)
    if error.kind == "ids swapped":
        before = _main_id(state, _rows(original, 0, error.start))
        return before is not None and before == _main_id(state, rows)
    present = sum(_track_at(state, frame, box) is not None for frame, box in rows)
    return present * 2 >= len(rows)


def repair(error: SeededError, state: EditState) -> EditState:
    """Return labels without what is left of an error; what a reviewer decided stays."""
    if error.kind == "class wrong":
        return _repair_class(error, state)
    if error.kind == "ids swapped":
        return _repair_ids(error, state)
    if error.kind == "boxes shifted":
        return _repair_boxes(error, state)
    return _restore_boxes(error, state)


def _repair_class(error: SeededError, state: EditState) -> EditState:
    """Return the class to tracks that stand where the error put it, under whatever id."""
    (original,), seeded_class = error.tracks(), error.shown[0].cls
    wrong_tracks = [
        track
        for track in state.tracks
        if track.cls == seeded_class and _overlaps(track, original).mean() > RIGHT
    ]
    if not wrong_tracks:
        return state
    return state.with_tracks(*(replace(track, cls=original.cls) for track in wrong_tracks))


def _repair_ids(error: SeededError, state: EditState) -> EditState:
    """Swap two tracks back, if both are there and something of them is left to swap."""
    tracks = [state.find(original.id) for original in error.tracks()]
    later = [track for track in tracks if track and (track.frames >= error.start).any()]
    if None in tracks or not later or is_caught(error, state):
        return state
    first, second = error.tracks()
    return apply(state, operations.SwapTracks(first.id, second.id, error.start))


def _repair_boxes(error: SeededError, state: EditState) -> EditState:
    """Put boxes back that stand where the error shifted them."""
    (original,), repaired_tracks = error.tracks(), []
    for track in state.tracks:
        rows = np.flatnonzero(_standing_rows(error, track))
        if len(rows):
            boxes = track.boxes.copy()
            boxes[rows] = original.boxes[np.searchsorted(original.frames, track.frames[rows])]
            repaired_tracks.append(replace(track, boxes=boxes))
    return state.with_tracks(*repaired_tracks) if repaired_tracks else state


def _restore_boxes(error: SeededError, state: EditState) -> EditState:
    """Add boxes that the error removed and nobody drew, beside what was shown of their track.

    A reviewer who removed the boxes next to them said that nobody is there.
    """
    (original,) = error.tracks()
    edges = [row for rest in error.shown for row in _edge_rows(error, rest.decode())]
    if any(_track_at(state, frame, box) is None for frame, box in edges):
        return state
    is_missing = np.array(
        [
            error.start <= frame < error.stop and _track_at(state, frame, box) is None
            for frame, box in _rows(original)
        ],
        np.bool_,
    )
    if not is_missing.any():
        return state
    part = edits.select_boxes(original, is_missing)
    owner_id = _main_id(state, _rows(original))
    owner = None if owner_id is None else state.find(owner_id)
    if owner is not None and not np.isin(part.frames, owner.frames).any():
        return state.with_tracks(boxes_over_time.join_boxes(owner, part))
    if state.find(part.id):
        part = replace(part, id=1 + max(each.id for each in state.tracks))
    return state.with_tracks(part)


def _remove_person(
    state: EditState, tracks: list[LabelTrack], rng: np.random.Generator
) -> SeededError | None:
    if not tracks:
        return None
    track = tracks[rng.integers(len(tracks))]
    return _error("person removed", _whole(track), (track,), ())


def _drop_boxes(
    state: EditState, tracks: list[LabelTrack], rng: np.random.Generator
) -> SeededError | None:
    run = _choose_run(state, tracks, rng)
    if run is None:
        return None
    track, start, stop = run
    is_outside = (track.frames < start) | (track.frames >= stop)
    if not is_outside.any():
        return None
    rest = edits.select_boxes(track, is_outside)
    return _error("boxes dropped", (start, stop), (track,), (rest,))


def _shift_boxes(
    state: EditState, tracks: list[LabelTrack], rng: np.random.Generator
) -> SeededError | None:
    run = _choose_run(state, tracks, rng)
    if run is None:
        return None
    track, start, stop = run
    is_inside = (track.frames >= start) & (track.frames < stop)
    boxes = track.boxes.astype(np.float64)
    sides = (boxes[is_inside, 2:] - boxes[is_inside, :2]).mean(0) * SHIFT
    # The way to the middle of the picture: no box leaves it.
    middle = np.array([state.width, state.height]) / 2
    direction = np.where(geometry.centres(boxes[is_inside]).mean(0) < middle, 1, -1)
    axis = int(rng.integers(2))
    shift = np.round(sides * direction, 2) * (np.arange(2) == axis)
    boxes[is_inside] += np.tile(shift, 2)
    corners = boxes_over_time.round_corners(boxes).astype(np.float32)
    corners[~is_inside] = track.boxes[~is_inside]
    return _error("boxes shifted", (start, stop), (track,), (replace(track, boxes=corners),))


def _swap_ids(
    state: EditState, tracks: list[LabelTrack], rng: np.random.Generator
) -> SeededError | None:
    least = max(1, round(LEAST_SECONDS * state.fps / 2))
    places = []
    for row, track in enumerate(tracks):
        for other in tracks[row + 1 :]:
            common = np.intersect1d(track.frames, other.frames)
            if track.cls == other.cls and len(common) > 2 * least:
                places.append((track, other, common[least:-least]))
    if not places:
        return None
    track, other, frames = places[rng.integers(len(places))]
    start = int(rng.choice(frames))
    after = apply(state, operations.SwapTracks(track.id, other.id, start))
    swapped_tracks = tuple(each for each in after.tracks if each.id in (track.id, other.id))
    return _error("ids swapped", (start, state.frames), (track, other), swapped_tracks)


def _change_class(
    state: EditState, tracks: list[LabelTrack], rng: np.random.Generator
) -> SeededError | None:
    if not tracks or len(state.classes) < 2:
        return None
    track = tracks[rng.integers(len(tracks))]
    name = str(rng.choice([cls for cls in state.classes if cls != track.cls]))
    return _error("class wrong", _whole(track), (track,), (replace(track, cls=name),))


def _error(
    kind: ErrorKind,
    span: tuple[int, int],
    originals: tuple[LabelTrack, ...],
    shown_tracks: tuple[LabelTrack, ...],
) -> SeededError:
    return SeededError(
        kind=kind,
        start=span[0],
        stop=span[1],
        originals=tuple(TrackDocument.encode(track) for track in originals),
        shown=tuple(TrackDocument.encode(track) for track in shown_tracks),
    )


def _whole(track: LabelTrack) -> tuple[int, int]:
    """Return the span of a track."""
    return int(track.frames[0]), int(track.frames[-1]) + 1


Seeder = Callable[[EditState, list[LabelTrack], np.random.Generator], SeededError | None]
_SEEDERS: dict[ErrorKind, Seeder] = {
    "person removed": _remove_person,
    "boxes dropped": _drop_boxes,
    "ids swapped": _swap_ids,
    "boxes shifted": _shift_boxes,
    "class wrong": _change_class,
}


def _choose_run(
    state: EditState, tracks: list[LabelTrack], rng: np.random.Generator
) -> tuple[LabelTrack, int, int] | None:
    """Choose boxes of a track: return it, the first frame and the one after the last."""
    least = max(2, round(LEAST_SECONDS * state.fps))
    if not tracks:
        return None
    track = tracks[rng.integers(len(tracks))]
    most = min(len(track.frames), round(MOST_SECONDS * state.fps))
    length = int(rng.integers(least, most + 1))
    first = int(rng.integers(len(track.frames) - length + 1))
    return track, int(track.frames[first]), int(track.frames[first + length - 1]) + 1


def _rows(
    track: LabelTrack, start: int = 0, stop: int | None = None
) -> list[tuple[int, NDArray[np.float64]]]:
    """Return frame and box of a track in a span."""
    return [
        (int(frame), box)
        for frame, box in zip(track.frames, track.boxes.astype(np.float64), strict=True)
        if frame >= start and (stop is None or frame < stop)
    ]


def _track_at(state: EditState, frame: int, box: NDArray[np.float64]) -> LabelTrack | None:
    """Return the track with the box that overlaps another one most; None where none is RIGHT."""
    best, best_overlap = None, RIGHT
    for track in state.tracks:
        row = int(np.searchsorted(track.frames, frame))
        if row < len(track.frames) and track.frames[row] == frame:
            overlap = geometry.iou_pairs(track.boxes[row : row + 1].astype(np.float64), box[None])
            if overlap[0] >= best_overlap:
                best, best_overlap = track, float(overlap[0])
    return best


def _main_id(state: EditState, rows: list[tuple[int, NDArray[np.float64]]]) -> int | None:
    """Return the id of the track that has most of some boxes; None where none has one."""
    tracks = [_track_at(state, frame, box) for frame, box in rows]
    ids = [track.id for track in tracks if track]
    return max(set(ids), key=lambda key: (ids.count(key), -key)) if ids else None


def _edge_rows(error: SeededError, rest: LabelTrack) -> list[tuple[int, NDArray[np.float64]]]:
    """Return the boxes that were shown right before and after those that an error removed."""
    return [*_rows(rest, 0, error.start)[-1:], *_rows(rest, error.stop)[:1]]


def _overlaps(track: LabelTrack, other: LabelTrack) -> NDArray[np.float64]:
    """Return the IoU of the boxes of a track with those of another one, 0 where that has none."""
    overlaps = np.zeros(len(track.frames))
    is_common = np.isin(track.frames, other.frames)
    partners = other.boxes[np.searchsorted(other.frames, track.frames[is_common])]
    overlaps[is_common] = geometry.iou_pairs(
        track.boxes[is_common].astype(np.float64), partners.astype(np.float64)
    )
    return overlaps


def _standing_rows(error: SeededError, track: LabelTrack) -> NDArray[np.bool_]:
    """Check which boxes of a track stand where the error put them, `(n,)`."""
    shown_track = error.shown[0].decode()
    inside = (track.frames >= error.start) & (track.frames < error.stop)
    is_common = inside & np.isin(track.frames, shown_track.frames)
    expected = shown_track.boxes[np.searchsorted(shown_track.frames, track.frames[is_common])]
    is_common[is_common] = (np.abs(track.boxes[is_common] - expected) <= STANDS).all(1)
    return is_common

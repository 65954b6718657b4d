"""Operations applied to labels; the review page mirrors this file in `static/model.js`."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from oneclick.core import edits
from oneclick.core.labels import IGNORE, LabelTrack, Ranges
from oneclick.core.tracks import HUMAN, ORIGINS
from oneclick.editing import boxes_over_time, comments, operations
from oneclick.editing.operations import BadEdit, Box, CarriedBoxes, Change, DescribeTrack, DrawTrack

if TYPE_CHECKING:
    from oneclick.editing.state import EditState

REACH_SECONDS = 1.0
"""How far the shift of a box spreads over boxes that were not made from key boxes. Errors of
detectors last: on rendered and on real video most of one is still there after a second."""
MAX_TRACK = (1 << 31) - 1


def apply(state: EditState, operation: Change, is_new: bool = True) -> EditState:
    """Return the labels after one operation.

    Args:
        state: the labels before it.
        operation: what a reviewer does.
        is_new: whether carried boxes are checked, and attributes against those that reviewers may
            set today. A journal is replayed without, whatever was allowed when it was written.

    Raises:
        BadEdit: the labels do not allow it; the message says why in one line.
    """
    match operation:
        case operations.DrawTrack():
            if is_new and operation.carried:
                _check_carried(state, operation.carried, operation.frame)
            return state.with_tracks(_draw(state, operation))
        case operations.MoveBox(track, frame, box):
            _check_frame(state, frame)
            _check_box(state, box)
            reach = max(1, boxes_over_time.round_half_up(state.fps * REACH_SECONDS))
            return state.with_tracks(
                boxes_over_time.move_box(_find(state, track), frame, box, reach)
            )
        case operations.DeleteTrack(track):
            return state.with_tracks(without=(_find(state, track).id,))
        case operations.TrimTrack(track, start, stop):
            _check_span(state, start, stop)
            return state.with_tracks(_trim(_find(state, track), start, stop))
        case operations.FillTrack(track, start, stop):
            _check_span(state, start, stop)
            return state.with_tracks(boxes_over_time.fill_span(_find(state, track), start, stop))
        case operations.SplitTrack(track, frame, new):
            _check_new(state, new)
            before, after = _cut(_find(state, track), frame)
            if not (len(before.frames) and len(after.frames)):
                raise BadEdit(f"track {track} has boxes on one side of frame {frame} only")
            return state.with_tracks(before, replace(after, id=new))
        case operations.MergeTracks(track, other):
            first, second = _find_two(state, track, other)
            added = edits.select_boxes(second, ~np.isin(second.frames, first.frames))
            return state.with_tracks(_join(state, first, added), without=(other,))
        case operations.SwapTracks(track, other, frame):
            _check_frame(state, frame)
            cuts = [_cut(each, frame) for each in _find_two(state, track, other)]
            if not any(len(after.frames) for _, after in cuts):
                raise BadEdit(f"neither track has a box from frame {frame} on")
            (before, after), (other_before, other_after) = cuts
            return state.with_tracks(
                _join(state, before, other_after), _join(state, other_before, after)
            )
        case operations.ClassifyTrack(track, cls):
            _check_class(state, cls)
            return state.with_tracks(replace(_find(state, track), cls=cls))
        case operations.DescribeTrack():
            if is_new:
                _check_attribute(state, operation)
            return state.with_tracks(_describe(state, operation))
        case operations.AnswerQuestion(question, answer):
            if not 0 < len(question) <= operations.MAX_QUESTION:
                raise BadEdit("a question has a name of 1 to 200 characters")
            return replace(state, answers={**state.answers, question: answer})
        case operations.CommentSpan(start=start, stop=stop, track=about):
            _check_span(state, start, stop)
            if about is not None:
                _find(state, about)
            return comments.add(state, operation)
        case operations.ResolveComment():
            return comments.resolve(state, operation)


def _draw(state: EditState, operation: DrawTrack) -> LabelTrack:
    """Return the new track."""
    _check_new(state, operation.track)
    _check_class(state, operation.cls)
    _check_frame(state, operation.frame)
    _check_box(state, operation.box)
    carried = operation.carried or CarriedBoxes(
        frames=[operation.frame], boxes=[operation.box], scores=[1.0], origins=HUMAN
    )
    frames = np.array(carried.frames, np.int64)
    boxes = np.array(carried.boxes, np.float64).reshape(-1, 4)
    boxes[carried.frames.index(operation.frame)] = operation.box
    return LabelTrack(
        id=operation.track,
        cls=operation.cls,
        frames=frames.astype(np.int32),
        boxes=boxes_over_time.round_corners(boxes).astype(np.float32),
        scores=np.array(carried.scores, np.float32),
        origins=carried.origins,
        keyframes=(operation.frame,),
    )


def _trim(track: LabelTrack, start: int, stop: int) -> LabelTrack:
    """Return the track without its boxes in a span."""
    outside = (track.frames < start) | (track.frames >= stop)
    if outside.all():
        raise BadEdit(f"track {track.id} has no box in frames {start} … {stop - 1}")
    return edits.select_boxes(track, outside)


def _cut(track: LabelTrack, frame: int) -> tuple[LabelTrack, LabelTrack]:
    """Return boxes and attributes of a track before a frame, and from it on."""
    parts = []
    for low, high in ((0, frame), (frame, MAX_TRACK)):
        inside = (track.frames >= low) & (track.frames < high)
        attributes = {
            name: tuple(
                (max(start, low), min(stop, high), value)
                for start, stop, value in ranges
                if max(start, low) < min(stop, high)
            )
            for name, ranges in track.attributes.items()
        }
        parts.append(
            replace(
                edits.select_boxes(track, inside),
                attributes={name: ranges for name, ranges in attributes.items() if ranges},
            )
        )
    return parts[0], parts[1]


def _join(state: EditState, track: LabelTrack, other: LabelTrack) -> LabelTrack:
    """Return a track with boxes of another one, and its attributes where it has none."""
    attributes: dict[str, Ranges] = {}
    frames = np.arange(state.frames, dtype=np.int32)
    for name in {**track.attributes, **other.attributes}:
        first, second = (
            edits.values_per_frame(each.attributes.get(name, ()), frames) for each in (track, other)
        )
        is_unset = np.array([value is None for value in first], np.bool_)
        attributes[name] = edits.value_ranges(frames, np.where(is_unset, second, first))
    return replace(boxes_over_time.join_boxes(track, other), attributes=attributes)


def _describe(state: EditState, operation: DescribeTrack) -> LabelTrack:
    """Return the track with the value of an attribute set over a span."""
    track, name, value = _find(state, operation.track), operation.attribute, operation.value
    _check_span(state, operation.start, operation.stop)
    frames = np.arange(state.frames, dtype=np.int32)
    values = edits.values_per_frame(track.attributes.get(name, ()), frames)
    values[operation.start : operation.stop] = value
    attributes = {**track.attributes, name: edits.value_ranges(frames, values)}
    return replace(track, attributes={key: ranges for key, ranges in attributes.items() if ranges})


def _find(state: EditState, track_id: int) -> LabelTrack:
    """Return a track, or raise BadEdit."""
    track = state.find(track_id)
    if track is None:
        raise BadEdit(f"there is no track {track_id}")
    return track


def _find_two(state: EditState, track_id: int, other_id: int) -> tuple[LabelTrack, LabelTrack]:
    """Return two different tracks, or raise BadEdit."""
    if track_id == other_id:
        raise BadEdit(f"track {track_id} cannot be combined with itself")
    return _find(state, track_id), _find(state, other_id)


def _check_new(state: EditState, track_id: int) -> None:
    if not 0 <= track_id <= MAX_TRACK or state.find(track_id):
        raise BadEdit(f"track {track_id} cannot be added: that id is in use or out of range")


def _check_frame(state: EditState, frame: int) -> None:
    if not 0 <= frame < state.frames:
        raise BadEdit(f"frame {frame} is not in the clip, which has 0 … {state.frames - 1}")


def _check_span(state: EditState, start: int, stop: int) -> None:
    if not 0 <= start < stop <= state.frames:
        raise BadEdit(f"frames {start} … {stop - 1} are no span of 0 … {state.frames - 1}")


def _check_class(state: EditState, cls: str) -> None:
    classes = (*state.classes, IGNORE)
    if cls not in classes:
        raise BadEdit(f"no class is called {cls!r}; {_choices(classes)}")


def _check_carried(state: EditState, carried: CarriedBoxes, frame: int) -> None:
    """Raise BadEdit unless carried boxes are a track, in the numbers that label files hold."""
    frames, boxes = carried.frames, np.array(carried.boxes, np.float64).reshape(-1, 4)
    sizes = {len(frames), len(boxes), len(carried.scores), len(carried.origins)}
    is_valid = (
        len(sizes) == 1
        and frame in frames
        and all(before < after for before, after in itertools.pairwise(frames))
        and frames[0] >= 0
        and frames[-1] < state.frames
        and (np.abs(boxes) <= np.finfo(np.float32).max).all()
        and (boxes[:, :2] <= boxes[:, 2:]).all()
        and all(0 <= score <= 1 for score in carried.scores)
        and set(carried.origins) <= set(ORIGINS)
    )
    if not is_valid:
        raise BadEdit("the carried boxes contradict themselves")


def _check_attribute(state: EditState, operation: DescribeTrack) -> None:
    name, value = operation.attribute, operation.value
    if name not in state.attributes:
        raise BadEdit(f"no attribute is called {name!r}; {_choices(state.attributes)}")
    if value is not None and value not in state.attributes[name]:
        raise BadEdit(f"{name} has no value {value!r}; {_choices(state.attributes[name])}")


def _check_box(state: EditState, box: Box) -> None:
    """Raise BadEdit unless a box is one, and at least half of it lies in the picture."""
    x1, y1, x2, y2 = box
    if not all(math.isfinite(value) for value in box):
        raise BadEdit("a box needs four finite numbers")
    width, height = x2 - x1, y2 - y1
    if min(width, height) < boxes_over_time.LEAST_SIDE:
        raise BadEdit(f"a box of {width:.1f} × {height:.1f} px: x1 y1 x2 y2, at least 1 px a side")
    visible_width = max(0.0, min(x2, state.width) - max(x1, 0.0))
    visible_height = max(0.0, min(y2, state.height) - max(y1, 0.0))
    if visible_width * visible_height < width * height / 2:
        raise BadEdit("more than half of the box lies outside the picture")


def _choices(names: Iterable[str]) -> str:
    return f"choose one of {', '.join(names)}"

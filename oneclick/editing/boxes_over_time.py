"""Edits of the boxes of one track: a box moved with its neighbours, holes filled, parts joined.

All positions are computed in double precision from coordinates with two decimals and rounded to two
decimals again, halves up, so that browser and server agree to the last digit.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from oneclick.core.labels import LabelTrack
from oneclick.core.tracks import HUMAN, INTERPOLATED
from oneclick.editing.operations import BadEdit, Box

FloatArray = NDArray[np.float64]
NOISE = 0.2
"""Share of a correction within which a box around it may differ without being better."""
LEAST_SIDE = 1.0
"""px of the shorter side of a box that is drawn or set; the shift of one makes no other smaller."""


def round_half_up(value: float) -> int:
    """Round to the nearest integer, halves up, as Math.round does in a browser."""
    return math.floor(value + 0.5)


def round_corners(corners: FloatArray) -> FloatArray:
    """Round coordinates to two decimals, halves up."""
    rounded: FloatArray = np.floor(corners * 100 + 0.5) / 100
    return rounded


def move_box(track: LabelTrack, frame: int, box: Box, reach: int) -> LabelTrack:
    """Set the box in one frame; it becomes a human key box, and its shift spreads.

    On each side the shift fades linearly to nothing at the next human key box, if that is at most
    `reach` away or all boxes up to it are interpolated; else at `reach`. Interpolated boxes between
    the box and an end without a key move along whole. Nothing spreads over a hole. A box that is
    right already stays (`missing_shares`), and no side shrinks by more than that of the box that is
    set. Where the track has no box, one is added.

    Args:
        track: the boxes.
        frame: where the box is set.
        box: px.
        reach: frames.
    """
    row = int(np.searchsorted(track.frames, frame))
    target = round_corners(np.array(box, np.float64))
    keyframes = tuple(sorted({*track.keyframes, frame}))
    if row == len(track.frames) or track.frames[row] != frame:
        return replace(
            track,
            frames=np.insert(track.frames, row, frame),
            boxes=np.insert(track.boxes, row, target.astype(np.float32), axis=0),
            scores=np.insert(track.scores, row, 1),
            origins=track.origins[:row] + HUMAN + track.origins[row:],
            keyframes=keyframes,
        )
    corners = _corners(track)
    weights = spread_weights(track, row, reach)
    weights *= missing_shares(track, row, target - corners[row], weights > 0)
    moved = corners + weights[:, None] * (target - corners[row])
    shifted = round_corners(_keep_sides(corners, moved, row, target))
    shifted[row] = target
    scores = track.scores.copy()
    scores[row] = 1
    return replace(
        track,
        boxes=shifted.astype(np.float32),
        scores=scores,
        origins=track.origins[:row] + HUMAN + track.origins[row + 1 :],
        keyframes=keyframes,
    )


def spread_weights(track: LabelTrack, row: int, reach: int) -> FloatArray:
    """Return by how much of the shift of one box the boxes around it move, `(n,)` in 0 … 1."""
    weights = np.zeros(len(track.frames))
    weights[row] = 1
    key_frames = set(track.keyframes)
    for step in (-1, 1):
        distances, key_distance, is_interpolated = [], 0, True
        at = row + step
        while 0 <= at < len(weights) and track.frames[at] == track.frames[at - step] + step:
            distance = abs(at - row)
            if track.origins[at] == HUMAN and int(track.frames[at]) in key_frames:
                key_distance = distance
                break
            is_interpolated = is_interpolated and track.origins[at] == INTERPOLATED
            if distance > reach and not is_interpolated:
                break
            distances.append(distance)
            at += step
        fades_at = float(reach)
        if key_distance and (key_distance <= reach or is_interpolated):
            fades_at = key_distance
        elif is_interpolated:
            fades_at = math.inf
        for distance in distances:
            weights[row + step * distance] = max(0.0, 1 - distance / fades_at)
    return weights


def missing_shares(
    track: LabelTrack, row: int, shift: FloatArray, near: NDArray[np.bool_]
) -> FloatArray:
    """Return how much of a correction the boxes around the corrected one still lack.

    A box that lies where its motion and the correction together would put it is right already. On
    five sequences of real video corrections make 40% fewer right boxes worse so.

    Args:
        track: the boxes before the correction.
        row: of the box that is corrected.
        shift: of its corners, px.
        near: `(n,)`, the boxes to which the shift spreads: frames without a hole.

    Returns:
        `(n,)` in 0 … 1; 1 for interpolated boxes, which follow the key boxes.
    """
    shares, length = np.ones(len(track.frames)), _dot(shift[None], shift)[0]
    rows = np.flatnonzero(near)
    if len(rows) < 2 or length == 0:
        return shares
    corners = _corners(track)
    steps = np.sort(np.diff(corners[rows], axis=0), axis=0)
    motion = (steps[(len(steps) - 1) // 2] + steps[len(steps) // 2]) / 2
    distances = (rows - row).astype(np.float64)[:, None]
    ahead = _dot(corners[rows] - corners[row] - distances * motion, shift) / length
    is_interpolated = np.array([track.origins[each] == INTERPOLATED for each in rows])
    shares[rows] = 1 - np.clip((ahead - NOISE) / (1 - NOISE), 0, 1)
    shares[rows[is_interpolated]] = 1
    return shares


def _dot(vectors: FloatArray, other: FloatArray) -> FloatArray:
    """Return dot products, summed in the order in which the browser does."""
    products = vectors * other
    total: FloatArray = products[:, 0] + products[:, 1] + products[:, 2] + products[:, 3]
    return total


def _keep_sides(corners: FloatArray, moved: FloatArray, row: int, target: FloatArray) -> FloatArray:
    """Return moved boxes of which no side shrank by more than that of one row."""
    sides = corners[:, 2:] - corners[:, :2]
    ratio = np.minimum(1, (target[2:] - target[:2]) / np.maximum(sides[row], 0.01))
    least = np.maximum(sides * ratio, np.minimum(sides, LEAST_SIDE))
    middles = (moved[:, :2] + moved[:, 2:]) / 2
    is_small = np.tile(moved[:, 2:] - moved[:, :2] < least, 2)
    kept = np.concatenate([middles - least / 2, middles + least / 2], 1)
    return np.where(is_small, kept, moved)


def fill_span(track: LabelTrack, start: int, stop: int) -> LabelTrack:
    """Add a box in every frame of a span that has none.

    It lies on the line between the boxes before and after, or repeats the only one of them.

    Raises:
        BadEdit: no frame lacks a box.
    """
    frames = np.setdiff1d(np.arange(start, stop), track.frames)
    if not len(frames):
        raise BadEdit(f"track {track.id} has a box in every frame of {start} … {stop - 1}")
    after, last = np.searchsorted(track.frames, frames), len(track.frames) - 1
    first, second = np.clip(after - 1, 0, last), np.clip(after, 0, last)
    distance = np.maximum(track.frames[second] - track.frames[first], 1)
    share = np.where(first == second, 0, (frames - track.frames[first]) / distance)[:, None]
    corners = _corners(track)
    boxes = round_corners(corners[first] + (corners[second] - corners[first]) * share)
    filled_part = replace(
        track,
        frames=frames.astype(np.int32),
        boxes=boxes.astype(np.float32),
        scores=np.minimum(track.scores[first], track.scores[second]),
        origins=INTERPOLATED * len(frames),
        keyframes=(),
    )
    return join_boxes(track, filled_part)


def join_boxes(track: LabelTrack, other: LabelTrack) -> LabelTrack:
    """Return a track with the boxes of another one, which share no frame with its own."""
    frames = np.concatenate([track.frames, other.frames])
    order = np.argsort(frames, kind="stable")
    letters = track.origins + other.origins
    return replace(
        track,
        frames=frames[order],
        boxes=np.concatenate([track.boxes, other.boxes])[order],
        scores=np.concatenate([track.scores, other.scores])[order],
        origins="".join(letters[row] for row in order),
        keyframes=tuple(sorted({*track.keyframes, *other.keyframes})),
    )


def _corners(track: LabelTrack) -> FloatArray:
    """Return the boxes with two decimals in double precision, `(n, 4)`."""
    return round_corners(track.boxes.astype(np.float64))

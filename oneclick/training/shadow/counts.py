"""What two models did in the same piece of video: counts that add up, the same for both.

Nothing here depends on which of the two is the champion. Signs of people are motion of the picture,
measured without the boxes of either model, and labels of hindsight from both models together. Where
one model has a box and the other has none, hindsight decides twice, once with each model in the
lead, which it trusts more; where the two answers differ nothing is decided.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from oneclick import hindsight
from oneclick.core import association, presence
from oneclick.core.detections import Detections
from oneclick.triggers import calibrate

SAME_IOU = 0.5
"""Boxes that overlap so much are the same."""
HOLE_SECONDS = 2.0
"""Longest gap within a track."""


class ModelCounts(msgspec.Struct, frozen=True, kw_only=True):
    """How often one model flickered, lost or missed people in hours of video."""

    appearances: int = 0
    """Rises of the number of boxes that last."""
    flickers: int = 0
    """Changes of the number of boxes that are undone within a second."""
    gaps: int = 0
    """Holes of a frame or more in tracks."""
    unseen_frames: int = 0
    """Frames with a sign of somebody and without a box."""
    wrong_seconds: float = 0.0
    """Seconds of boxes about which the models disagreed, and this one was wrong."""
    review_errors: int = 0
    """Missed and wrong boxes in clips that people reviewed."""


class ShadowPiece(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of video under both models."""

    key: str
    """Camera and ten minutes of the clock, the unit of evidence; pieces may share it."""
    camera: str
    frames: int
    seconds: float
    review_boxes: int = 0
    """True boxes in clips that people reviewed."""
    champion: ModelCounts
    candidate: ModelCounts


def count_models(
    pair: Sequence[Detections], thresholds: Sequence[float], is_moving: NDArray[np.bool_]
) -> tuple[ModelCounts, ModelCounts]:
    """Count what two models did in a piece that lies in one stretch.

    Args:
        pair: all boxes of both models over the same frames.
        thresholds: their operating points.
        is_moving: (frames,) whether something moves in the picture.
    """
    boxes = [each.above(threshold) for each, threshold in zip(pair, thresholds, strict=True)]
    first = hindsight.label(pair, thresholds).detections
    second = hindsight.label(pair[::-1], thresholds[::-1]).detections
    is_sign = is_moving | (_is_present(first) & _is_present(second))
    wrong = [0, 0]
    for place, (own, other) in enumerate((boxes, boxes[::-1])):
        only = own.where(_is_unmatched(own, other))
        answers = [_is_unmatched(only, labels) for labels in (first, second)]
        wrong[place] += int((answers[0] & answers[1]).sum())
        wrong[1 - place] += int((~answers[0] & ~answers[1]).sum())
    left, right = (
        _count_alone(each, is_sign, seconds / each.fps)
        for each, seconds in zip(boxes, wrong, strict=True)
    )
    return left, right


def count_review_errors(boxes: Detections, truth: Detections) -> int:
    """Count the missed and wrong boxes of a model in a reviewed clip.

    Args:
        boxes: at the operating point of the model.
        truth: of the same frames.
    """
    alarms, misses = calibrate.find_model_errors(boxes, truth)
    return len(alarms) + len(misses)


def _count_alone(boxes: Detections, is_sign: NDArray[np.bool_], wrong: float) -> ModelCounts:
    numbers = np.diff(boxes.offsets).astype(np.int32)
    appearances, flickers = presence.count_changes(numbers, boxes.fps)
    tracks = association.link(boxes, max_hole_seconds=HOLE_SECONDS)
    order = np.lexsort((boxes.frames, tracks))
    is_same = np.diff(tracks[order]) == 0
    return ModelCounts(
        appearances=appearances,
        flickers=flickers,
        gaps=int((is_same & (np.diff(boxes.frames[order]) > 1)).sum()),
        unseen_frames=int((is_sign & (numbers == 0)).sum()),
        wrong_seconds=wrong,
    )


def _is_unmatched(boxes: Detections, others: Detections) -> NDArray[np.bool_]:
    """Return which boxes (n,) have none of the others in their place."""
    is_alone = np.ones(len(boxes), np.bool_)
    is_alone[association.match_frames(boxes, others, SAME_IOU)[0]] = False
    return is_alone


def _is_present(labels: Detections) -> NDArray[np.bool_]:
    return np.asarray(np.diff(labels.offsets) > 0)

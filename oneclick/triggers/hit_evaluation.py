"""Evaluation of the Hits of one clip, and of its model, against reviewed labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from oneclick.core import association
from oneclick.core.detections import Detections
from oneclick.core.hits import Hit
from oneclick.triggers import calibrate
from oneclick.triggers.calibrate import (
    SAME_OBJECT_IOU,
    FlaggedObjects,
    TriggerSet,
    TriggerTally,
)


@dataclass(frozen=True, kw_only=True)
class HitEvaluation:
    """Counts of one clip. An object is one box of one frame, of the model or of the labels."""

    objects: int
    """True positives, false positives and false negatives of the model."""
    errors: int
    """False positives and false negatives."""
    flagged_errors: int
    """Errors on which a trigger fired."""
    tallies: Mapping[TriggerSet, TriggerTally]
    """Events by the set of triggers that fired together."""
    hits: Mapping[str, TriggerTally]
    """Hits by trigger; `wrong` counts those that lie on an error of the model."""
    exclusive_errors: Mapping[str, int]
    """Errors by trigger on which no other trigger fired."""


def evaluate_hits(hits: Sequence[Hit], predictions: Detections, truth: Detections) -> HitEvaluation:
    """Compare the Hits of a clip with the errors of the model.

    Args:
        hits: in frames of the clip.
        predictions: boxes of the model at its operating point.
        truth: reviewed labels of the same frames.
    """
    false_positives, false_negatives = calibrate.find_model_errors(predictions, truth)
    errors = (false_positives, false_negatives)
    objects = calibrate.group_hits(hits, predictions.length)
    flags = [names for part in errors for names in triggers_by_error(objects, part) if names]
    exclusive = Counter(next(iter(names)) for names in flags if len(names) == 1)
    wrong_frames = set(np.concatenate([part.frames for part in errors]).tolist())
    # A Hit without boxes is one event per frame: the model is wrong there if it errs at all.
    frame_events = [
        (frozenset([hit.trigger]), frame in wrong_frames)
        for hit in hits
        if not hit.boxes
        for frame in range(hit.span.start, hit.span.stop)
    ]
    return HitEvaluation(
        objects=len(truth) + len(false_positives),
        errors=len(false_positives) + len(false_negatives),
        flagged_errors=len(flags),
        tallies=calibrate.count_events(calibrate.judge_objects(objects, errors) + frame_events),
        hits=tally_hits(hits, errors),
        exclusive_errors=dict(sorted(exclusive.items())),
    )


def triggers_by_error(objects: FlaggedObjects, errors: Detections) -> list[set[str]]:
    """Return for each error the triggers that have a box on it."""
    names: list[set[str]] = [set() for _ in range(len(errors))]
    rows, columns, _ = association.overlaps(objects.boxes, errors, SAME_OBJECT_IOU)
    for row, error in zip(rows.tolist(), columns.tolist(), strict=True):
        names[error].add(objects.boxes.names[objects.boxes.classes[row]])
    return names


def tally_hits(hits: Sequence[Hit], errors: Sequence[Detections]) -> dict[str, TriggerTally]:
    """Count Hits by trigger, and those on an error: with a box on it, or without boxes near it."""
    boxes, hit_ids = calibrate.boxes_of_hits(hits, errors[0].length)
    rows = [association.overlaps(boxes, part, SAME_OBJECT_IOU)[0] for part in errors]
    on_error = set(hit_ids[np.concatenate(rows)].tolist())
    wrong_frames = set(np.concatenate([part.frames for part in errors]).tolist())
    tallies: dict[str, TriggerTally] = {}
    for number, hit in enumerate(hits):
        near = any(frame in wrong_frames for frame in range(hit.span.start, hit.span.stop))
        correct = number in on_error if hit.boxes else near
        tallies[hit.trigger] = tallies.get(hit.trigger, TriggerTally()) + TriggerTally(
            1, int(correct)
        )
    return dict(sorted(tallies.items()))

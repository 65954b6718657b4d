"""Calibration of triggers: how often the model really was wrong where they fired.

The triggers that fired on one object are counted as a set, because they are not independent:
hindsight fills every gap that `flicker` reports. Each set is counted for one pair of models in one
direction; a set that such a pair has not shown yet is estimated from the calibration's `base`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

import numpy as np
import scipy  # loads its parts when they are used
from numpy.typing import NDArray

from oneclick.core import association
from oneclick.core.detections import Detections
from oneclick.core.hits import Hit

TriggerSet = frozenset[str]
"""Names of the triggers that fired on one object in one frame."""

SAME_OBJECT_IOU = 0.4
"""From this IoU on, boxes of different triggers, or of a trigger and an error, are one object."""
CORRECT_IOU = 0.5
"""From this IoU with the ground truth on, a box is a true positive."""
PRIOR_STRENGTH = 3
"""Weight of the prior in events: an error rate is (wrong + 1) / (events + 3) without a base."""
PRIOR_ERROR_RATE = 1 / 3
"""Prior where there is no base."""


@dataclass(frozen=True)
class TriggerTally:
    """Events of one set of triggers, one event per object and frame."""

    events: int = 0
    wrong: int = 0
    """Events in which the model really was wrong."""

    def __add__(self, other: TriggerTally) -> TriggerTally:
        return TriggerTally(self.events + other.events, self.wrong + other.wrong)

    def error_rate(self, prior: float) -> float:
        """Return the share of wrong events, smoothed towards `prior` (additive smoothing)."""
        return (self.wrong + PRIOR_STRENGTH * prior) / (self.events + PRIOR_STRENGTH)


@dataclass(frozen=True)
class Calibration:
    """P(the model is wrong at an object | the set of triggers that fired there)."""

    tallies: Mapping[TriggerSet, TriggerTally] = field(default_factory=dict)
    base: Calibration | None = None
    """Source of the priors for sets with few events."""

    def error_probability(self, triggers: TriggerSet) -> float:
        """Return the smoothed share of wrong events of a set of triggers, in 0 … 1."""
        if self.base:
            tally = self.tallies.get(triggers, TriggerTally())
            return tally.error_rate(self.base.error_probability(triggers))
        tally = self.tallies.get(triggers) or self._tally_of_subsets(triggers)
        return tally.error_rate(PRIOR_ERROR_RATE)

    def _tally_of_subsets(self, triggers: TriggerSet) -> TriggerTally:
        """Add up the tallies of the largest counted subsets of a set that was never counted.

        Supersets are left out: that a trigger did not fire is evidence too.
        """
        subsets = [subset for subset in self.tallies if subset < triggers]
        size = max(map(len, subsets), default=0)
        largest = (self.tallies[subset] for subset in subsets if len(subset) == size)
        return sum(largest, TriggerTally())


def count_events(events: Iterable[tuple[TriggerSet, bool]]) -> dict[TriggerSet, TriggerTally]:
    """Count events by set of triggers; an event is (set, whether the model was wrong)."""
    tallies: dict[TriggerSet, TriggerTally] = {}
    for triggers, wrong in events:
        tallies[triggers] = tallies.get(triggers, TriggerTally()) + TriggerTally(1, int(wrong))
    return tallies


def merge_tallies(
    parts: Iterable[Mapping[TriggerSet, TriggerTally]],
) -> dict[TriggerSet, TriggerTally]:
    """Add up the tallies of several sources by set of triggers."""
    total: dict[TriggerSet, TriggerTally] = {}
    for triggers, tally in chain.from_iterable(part.items() for part in parts):
        total[triggers] = total.get(triggers, TriggerTally()) + tally
    return total


@dataclass(frozen=True, eq=False, kw_only=True)
class FlaggedObjects:
    """Objects that the Hits of a video are about: overlapping boxes of one frame are one object."""

    boxes: Detections
    """Boxes of all Hits; the class is the trigger."""
    object_ids: NDArray[np.int32]
    """Object of each box."""
    frames: NDArray[np.int32]
    """Frame of each object."""
    set_ids: NDArray[np.intp]
    """Index into `trigger_sets` of each object."""
    trigger_sets: tuple[TriggerSet, ...]


def boxes_of_hits(hits: Sequence[Hit], length: int) -> tuple[Detections, NDArray[np.intp]]:
    """Return all boxes of Hits, whose class is the trigger, and the index of each box's Hit."""
    names = tuple(sorted({hit.trigger for hit in hits if hit.boxes})) or ("none",)
    class_ids = {name: k for k, name in enumerate(names)}
    sizes = [len(hit.boxes) for hit in hits]
    numbers = chain.from_iterable(chain.from_iterable(hit.boxes for hit in hits))
    rows = np.fromiter(numbers, np.float64, sum(sizes) * 5).reshape(-1, 5)
    classes = np.repeat(np.array([class_ids.get(h.trigger, 0) for h in hits], np.int16), sizes)
    order = np.argsort(rows[:, 0], kind="stable")
    rows = rows[order]
    boxes = Detections(
        frames=rows[:, 0].astype(np.int32),
        boxes=rows[:, 1:].astype(np.float32),
        scores=np.ones(len(rows), np.float32),
        classes=classes[order],
        length=length,
        fps=1.0,
        names=names,
    )
    return boxes, np.repeat(np.arange(len(hits)), sizes)[order]


def group_hits(hits: Sequence[Hit], length: int) -> FlaggedObjects:
    """Join the boxes of different triggers on one object; Hits without boxes are left out.

    Args:
        hits: Hits of one video or clip, frames in [0, length).
        length: frames of the video or clip.
    """
    boxes, _ = boxes_of_hits(hits, length)
    i, j, _ = association.overlaps(boxes, boxes, SAME_OBJECT_IOU)
    graph = scipy.sparse.coo_array(
        (np.ones(len(i), np.int8), (i, j)), shape=(len(boxes), len(boxes))
    )
    components = scipy.sparse.csgraph.connected_components(graph, directed=False)[1]
    object_ids = components.astype(np.int32)
    count = int(object_ids.max()) + 1 if len(object_ids) else 0
    frames = np.zeros(count, np.int32)
    frames[object_ids] = boxes.frames
    membership = np.zeros((count, len(boxes.names)), np.bool_)
    membership[object_ids, boxes.classes] = True
    rows, set_ids = np.unique(membership, axis=0, return_inverse=True)
    names = np.array(boxes.names)
    return FlaggedObjects(
        boxes=boxes,
        object_ids=object_ids,
        frames=frames,
        set_ids=set_ids.reshape(-1),
        trigger_sets=tuple(frozenset(names[row].tolist()) for row in rows),
    )


def find_model_errors(predictions: Detections, truth: Detections) -> tuple[Detections, Detections]:
    """Return the false positives and the false negatives of a model, matched one to one.

    Args:
        predictions: boxes at the model's operating point.
        truth: ground truth of the same frames.
    """
    i, j = association.match_frames(predictions, truth, CORRECT_IOU)
    unmatched = np.ones(len(predictions), np.bool_)
    missed = np.ones(len(truth), np.bool_)
    unmatched[i], missed[j] = False, False
    return predictions.where(unmatched), truth.where(missed)


def judge_objects(
    objects: FlaggedObjects, errors: Sequence[Detections]
) -> list[tuple[TriggerSet, bool]]:
    """Return one event per object: what fired, and whether one of its boxes lies on an error."""
    wrong = np.zeros(len(objects.frames), np.bool_)
    for part in errors:
        rows = association.overlaps(objects.boxes, part, SAME_OBJECT_IOU)[0]
        wrong[objects.object_ids[rows]] = True
    sets = [objects.trigger_sets[k] for k in objects.set_ids.tolist()]
    return list(zip(sets, wrong.tolist(), strict=True))

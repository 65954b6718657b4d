"""Evaluation of a model on unseen images: as a whole, by class, by slice, and its worst clips."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from oneclick.core import association
from oneclick.core.datasets import DatasetClip
from oneclick.core.detections import Detections
from oneclick.core.evaluation import ClassScore, DetectionMetrics, WorstClip
from oneclick.core.tracks import Tracks
from oneclick.training.evaluation import (
    average_precision,
    coco,
    error_analysis,
    inference,
    matching,
    slices,
)
from oneclick.training.evaluation.average_precision import Matches
from oneclick.training.evaluation.matching import ImageDetections, ImageTruth
from oneclick.training.evaluation.slices import EvaluationSlice

if TYPE_CHECKING:
    from torch import nn

    from oneclick.training.broken_pictures import BrokenPicture
    from oneclick.training.data import Batch

    Regions = Sequence[NDArray[np.floating]] | None


@dataclass(frozen=True, eq=False, kw_only=True)
class Evaluation:
    """Metrics on a test set, and the matches they were computed from."""

    metrics: DetectionMetrics
    matches: Matches
    """Grouped by clip, for the bootstrap."""
    clips: tuple[str, ...]
    """Clip ids by group number."""
    classes: tuple[ClassScore, ...] = ()
    slices: tuple[EvaluationSlice, ...] = ()
    worst: tuple[WorstClip, ...] = ()
    """Lowest F1 first."""
    broken: tuple[BrokenPicture, ...] = ()
    """Test pictures that were left out."""


def evaluate(
    model: nn.Module,
    batches: Iterable[Batch],
    threshold: float,
    clips: Sequence[DatasetClip] = (),
    classes: Sequence[str] = (),
) -> Evaluation:
    """Run a model over labelled, plain batches and score it, clip by clip and slice by slice.

    Args:
        threshold: operating score.
        clips: lines of the manifest; they give the camera and the trigger of a clip.
        classes: names; without them classes are called by their number.
    """
    labelled = inference.predict(model, batches)
    predictions, truths, ignored = labelled.predictions, labelled.truths, labelled.ignored
    clip_ids = tuple(dict.fromkeys(clip for clip, _ in labelled.keys))
    number = {clip: k for k, clip in enumerate(clip_ids)}
    groups = np.array([number[clip] for clip, _ in labelled.keys], np.int64)
    matches = average_precision.match(predictions, truths, groups, len(classes) or None, ignored)
    return Evaluation(
        metrics=_metrics(predictions, truths, threshold, ignored, matches),
        matches=matches,
        clips=clip_ids,
        classes=class_scores(matches, classes),
        slices=slices.cut(matches, labelled.metadata(), threshold, clips, classes),
        worst=error_analysis.worst_clips(matches, labelled.keys, threshold),
    )


def score(
    predictions: Sequence[ImageDetections],
    truths: Sequence[ImageTruth],
    threshold: float = 0.0,
    ignored: Regions = None,
) -> DetectionMetrics:
    """Compute metrics over images; box coordinates may be in any unit the two share.

    Args:
        predictions: boxes (n, 4), scores (n,), classes (n,) of each image.
        truths: boxes (n, 4), classes (n,) of each image.
        threshold: operating score, for `recall` and `precision`.
        ignored: regions (k, 4) of each image, as in `average_precision.match`.
    """
    matches = average_precision.match(predictions, truths, ignored=ignored)
    return _metrics(predictions, truths, threshold, ignored, matches)


def _metrics(
    predictions: Sequence[ImageDetections],
    truths: Sequence[ImageTruth],
    threshold: float,
    ignored: Regions,
    matches: Matches,
) -> DetectionMetrics:
    true_boxes, map_, ap50 = sum(len(boxes) for boxes, _ in truths), 0.0, 0.0
    if true_boxes:
        map_, ap50 = coco.mean_average_precision(predictions, truths, ignored)
    hits, positives = count_at_threshold(predictions, truths, threshold, ignored)
    return DetectionMetrics(
        map=map_,
        ap50=ap50,
        recall=hits / max(true_boxes, 1),
        precision=hits / max(positives, 1),
        images=len(truths),
        boxes=true_boxes,
        recall_at_01=error_analysis.recall_at(matches, len(truths), 0.1),
        recall_at_1=error_analysis.recall_at(matches, len(truths), 1.0),
    )


def count_at_threshold(
    predictions: Sequence[ImageDetections],
    truths: Sequence[ImageTruth],
    threshold: float,
    ignored: Regions,
) -> tuple[int, int]:
    """Count true positives and all positives at the operating score and IoU 0.5.

    Boxes are matched one-to-one with the largest total IoU; unmatched ones that lie in a region to
    ignore are not positives.
    """
    hits = positives = 0
    all_regions = ignored or [np.zeros((0, 4))] * len(truths)
    for (boxes, scores, classes), (true, true_classes), regions in zip(
        predictions, truths, all_regions, strict=True
    ):
        for c in np.unique(classes[scores >= threshold]):
            detections = boxes[(scores >= threshold) & (classes == c)]
            matched = association.match(detections, true[true_classes == c], 0.5)[0]
            excused = matching.inside(np.asarray(detections, float), np.asarray(regions, float))
            excused[matched] = False
            hits += len(matched)
            positives += len(detections) - int(excused.sum())
    return hits, positives


def class_scores(matches: Matches, names: Sequence[str]) -> tuple[ClassScore, ...]:
    """Return the average precision of each class; without names they are called by number."""
    precision, counts = average_precision.average(matches)[0], matches.truth_counts.sum(0).tolist()
    return tuple(
        ClassScore(
            names[c] if names else str(c),
            float(by_iou.mean()) if counts[c] else None,
            float(by_iou[0]) if counts[c] else None,
            counts[c],
        )
        for c, by_iou in enumerate(precision)
    )


def score_clip(
    detections: Detections, truth: Tracks, threshold: float = 0.0, stride: int = 1
) -> DetectionMetrics:
    """Compute metrics of one video or clip against its true tracks, every `stride`-th frame.

    Raises:
        ValueError: if the class names differ.
    """
    pairs = list(images(detections, truth, stride))
    return score([p for p, _ in pairs], [t for _, t in pairs], threshold)


def images(
    detections: Detections, truth: Tracks, stride: int = 1
) -> Iterator[tuple[ImageDetections, ImageTruth]]:
    """Yield prediction and truth of every `stride`-th frame of one video, for `score`.

    Raises:
        ValueError: if the class names differ.
    """
    if detections.names != truth.names:
        raise ValueError(f"class names differ: {detections.names} and {truth.names}")
    offsets = np.searchsorted(truth.frames, np.arange(truth.length + 1))
    for frame in range(0, min(truth.length, detections.length), stride):
        rows = detections.rows(frame)
        true_rows = slice(offsets[frame], offsets[frame + 1])
        prediction = (detections.boxes[rows], detections.scores[rows], detections.classes[rows])
        yield prediction, (truth.boxes[true_rows], truth.classes[true_rows])


def operating_point(
    predictions: Sequence[ImageDetections],
    truths: Sequence[ImageTruth],
    ignored: Regions = None,
) -> float:
    """Return the score with the best F1 at IoU 0.5; 0.5 without detections or true boxes.

    The middle of the scores whose F1 is within 1% of the best, so that one image does not decide.
    """
    matches = average_precision.match(predictions, truths, ignored=ignored)
    true_boxes = matches.truth_counts.sum()
    if not len(matches.scores) or not true_boxes:
        return 0.5
    hits, positives = np.cumsum(matches.hits[:, 0]), np.cumsum(matches.considered[:, 0])
    f1 = 2 * hits / (positives + true_boxes)
    good = matches.scores[f1 >= 0.99 * f1.max()]
    return round(float(good.min() + good.max()) / 2, 3)

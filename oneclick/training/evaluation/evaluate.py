"""What a model is worth on images it has not seen: as a whole, by class, by slice, at its worst."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from oneclick.core import association
from oneclick.core.datasets import DatasetClip
from oneclick.core.detections import Detections
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
from oneclick.training.evaluation.error_analysis import WorstClip
from oneclick.training.evaluation.inference import Seen
from oneclick.training.evaluation.matching import Boxes, Truth
from oneclick.training.evaluation.model_profile import Cost, cost
from oneclick.training.evaluation.slices import Slice

if TYPE_CHECKING:
    from torch import nn

    from oneclick.training.data import Batch

__all__ = ["Cost", "Seen", "cost"]


@dataclass(frozen=True)
class Metrics:
    """All in 0 … 1; 0 where there was nothing to find."""

    map: float
    """COCO mAP: mean over classes and IoU 0.50 … 0.95."""
    ap50: float
    """Average precision at IoU 0.5."""
    recall: float
    """Share of true boxes found at IoU 0.5 with at least the operating score."""
    precision: float
    """Share of boxes of at least the operating score that are true at IoU 0.5."""
    images: int
    boxes: int
    """True boxes."""
    recall_at_01: float = 0.0
    """Largest recall at IoU 0.5 with at most one false box in ten images."""
    recall_at_1: float = 0.0
    """Largest recall at IoU 0.5 with at most one false box an image."""


@dataclass(frozen=True)
class ClassScore:
    """One class; None where the test set shows none."""

    name: str
    map: float | None
    ap50: float | None
    boxes: int


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Metrics and what they were made of."""

    metrics: Metrics
    matches: Matches
    """Grouped by clip, for the bootstrap."""
    clips: tuple[str, ...]
    """Clip ids by group number."""
    classes: tuple[ClassScore, ...] = ()
    slices: tuple[Slice, ...] = ()
    worst: tuple[WorstClip, ...] = ()
    """Lowest F1 first."""


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
        clips: lines of the manifest; they tell the camera and the trigger of a clip.
        classes: names; without them classes are called by their number.
    """
    seen = inference.see(model, batches)
    named = tuple(dict.fromkeys(clip for clip, _ in seen.keys))
    number = {clip: k for k, clip in enumerate(named)}
    groups = np.array([number[clip] for clip, _ in seen.keys], np.int64)
    count = len(classes) or None
    matches = average_precision.match(seen.predictions, seen.truths, groups, count, seen.ignored)
    return Evaluation(
        _metrics(seen.predictions, seen.truths, threshold, seen.ignored, matches),
        matches,
        named,
        _classes(matches, classes),
        slices.cut(matches, seen.facts(), threshold, clips),
        error_analysis.worst(matches, seen.keys, threshold),
    )


def predict(
    model: nn.Module, batches: Iterable[Batch], what: str = "evaluate"
) -> tuple[list[Boxes], list[Truth], list[tuple[str, int]]]:
    """Predictions, truths and (clip, frame) of every image, in order."""
    seen = inference.see(model, batches, what)
    return seen.predictions, seen.truths, seen.keys


def score(
    predictions: Sequence[Boxes],
    truths: Sequence[Truth],
    threshold: float = 0.0,
    ignored: Sequence[NDArray[np.floating]] | None = None,
) -> Metrics:
    """Metrics over images; box coordinates may be in any unit the two share.

    Args:
        predictions: boxes (n, 4), scores (n,), classes (n,) of each image.
        truths: boxes (n, 4), classes (n,) of each image.
        threshold: operating score, for `recall` and `precision`.
        ignored: regions (k, 4) of each image, as in `precision.match`.
    """
    matches = average_precision.match(predictions, truths, ignored=ignored)
    return _metrics(predictions, truths, threshold, ignored, matches)


def _metrics(
    predictions: Sequence[Boxes],
    truths: Sequence[Truth],
    threshold: float,
    ignored: Sequence[NDArray[np.floating]] | None,
    matches: Matches,
) -> Metrics:
    count = sum(len(b) for b, _ in truths)
    mean, at_half = coco.judge(predictions, truths, ignored) if count else (0.0, 0.0)
    hit, made = _operating(predictions, truths, threshold, ignored)
    few, more = (error_analysis.recall_at(matches, len(truths), rate) for rate in (0.1, 1.0))
    shares = (hit / max(count, 1), hit / max(made, 1))
    return Metrics(mean, at_half, *shares, len(truths), count, few, more)


def score_clip(
    detections: Detections, truth: Tracks, threshold: float = 0.0, stride: int = 1
) -> Metrics:
    """Metrics of one video or clip against its true tracks, every `stride`-th frame.

    Raises:
        ValueError: if the class names differ.
    """
    pairs = list(images(detections, truth, stride))
    return score([p for p, _ in pairs], [t for _, t in pairs], threshold)


def images(detections: Detections, truth: Tracks, stride: int = 1) -> Iterator[tuple[Boxes, Truth]]:
    """Prediction and truth of every `stride`-th frame of one video, for `score`.

    Raises:
        ValueError: if the class names differ.
    """
    if detections.names != truth.names:
        raise ValueError(f"class names differ: {detections.names} and {truth.names}")
    offsets = np.searchsorted(truth.frames, np.arange(truth.length + 1))
    for frame in range(0, min(truth.length, detections.length), stride):
        rows = detections.rows(frame)
        true = slice(offsets[frame], offsets[frame + 1])
        found = (detections.boxes[rows], detections.scores[rows], detections.classes[rows])
        yield found, (truth.boxes[true], truth.classes[true])


def operating_point(
    predictions: Sequence[Boxes],
    truths: Sequence[Truth],
    ignored: Sequence[NDArray[np.floating]] | None = None,
) -> float:
    """The score that gives the best F1 at IoU 0.5; 0.5 where there is nothing to go by.

    The middle of the scores whose F1 is within 1% of the best, so that one image does not decide.
    """
    matches = average_precision.match(predictions, truths, ignored=ignored)
    expected = matches.truths.sum()
    if not len(matches.scores) or not expected:
        return 0.5
    hits, made = np.cumsum(matches.hits[:, 0]), np.cumsum(matches.counted[:, 0])
    f1 = 2 * hits / (made + expected)
    good = matches.scores[f1 >= 0.99 * f1.max()]
    return round(float(good.min() + good.max()) / 2, 3)


def _classes(matches: Matches, names: Sequence[str]) -> tuple[ClassScore, ...]:
    found, boxes = average_precision.average(matches)[0], matches.truths.sum(0).tolist()
    return tuple(
        ClassScore(
            names[c] if names else str(c),
            float(own.mean()) if boxes[c] else None,
            float(own[0]) if boxes[c] else None,
            boxes[c],
        )
        for c, own in enumerate(found)
    )


def _operating(
    predictions: Sequence[Boxes],
    truths: Sequence[Truth],
    threshold: float,
    ignored: Sequence[NDArray[np.floating]] | None,
) -> tuple[int, int]:
    """True boxes found and boxes made at the operating score; one-to-one, largest total IoU."""
    hit = made = 0
    regions = ignored or [np.zeros((0, 4))] * len(truths)
    for (found, scores, classes), (true, true_classes), hidden in zip(
        predictions, truths, regions, strict=True
    ):
        for c in np.unique(classes[scores >= threshold]):
            mine = found[(scores >= threshold) & (classes == c)]
            matched = association.match(mine, true[true_classes == c], 0.5)[0]
            forgiven = matching.inside(np.asarray(mine, float), np.asarray(hidden, float))
            forgiven[matched] = False
            hit += len(matched)
            made += len(mine) - int(forgiven.sum())
    return hit, made

"""What a model is worth: COCO mAP, AP50 and recall on images it has not seen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Sized
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from oneclick.core import association, progress
from oneclick.core.detections import Detections
from oneclick.core.tracks import Tracks
from oneclick.training import precision
from oneclick.training.precision import Boxes, Matches, Truth

if TYPE_CHECKING:
    from torch import nn

    from oneclick.training.data import Batch


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


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Metrics and what they were made of."""

    metrics: Metrics
    matches: Matches
    """Grouped by clip, for the bootstrap."""
    clips: tuple[str, ...]
    """Clip ids by group number."""


def evaluate(model: nn.Module, batches: Iterable[Batch], threshold: float) -> Evaluation:
    """Run a model over labelled batches and score it, clip by clip."""
    predictions, truths, keys = predict(model, batches)
    clips = tuple(dict.fromkeys(clip for clip, _ in keys))
    number = {clip: k for k, clip in enumerate(clips)}
    groups = np.array([number[clip] for clip, _ in keys], np.int64)
    matches = precision.match(predictions, truths, groups)
    return Evaluation(score(predictions, truths, threshold), matches, clips)


def predict(
    model: nn.Module, batches: Iterable[Batch], what: str = "evaluate"
) -> tuple[list[Boxes], list[Truth], list[tuple[str, int]]]:
    """Predictions, truths and (clip, frame) of every image, in order."""
    import torch

    model.eval()
    predictions: list[Boxes] = []
    truths: list[Truth] = []
    keys: list[tuple[str, int]] = []
    total = len(batches) if isinstance(batches, Sized) else 0
    for batch in progress.track(what, batches, total):
        with torch.inference_mode():
            found = model([image.float().div_(255) for image in batch.images])
        predictions += [_arrays(one) for one in found]
        truths += [
            (t["boxes"].numpy(), t["labels"].numpy().astype(np.int64) - 1) for t in batch.targets
        ]
        keys += batch.keys
    return predictions, truths, keys


def score(predictions: Sequence[Boxes], truths: Sequence[Truth], threshold: float = 0.0) -> Metrics:
    """Metrics over images; box coordinates may be in any unit the two share.

    Args:
        predictions: boxes (n, 4), scores (n,), classes (n,) of each image.
        truths: boxes (n, 4), classes (n,) of each image.
        threshold: operating score, for `recall` and `precision`.
    """
    count = sum(len(b) for b, _ in truths)
    mean, at_half = _coco(predictions, truths) if count else (0.0, 0.0)
    hit, made = _operating(predictions, truths, threshold)
    return Metrics(mean, at_half, hit / max(count, 1), hit / max(made, 1), len(truths), count)


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


def operating_point(predictions: Sequence[Boxes], truths: Sequence[Truth]) -> float:
    """The score that gives the best F1 at IoU 0.5; 0.5 where there is nothing to go by.

    The middle of the scores whose F1 is within 1% of the best, so that one image does not decide.
    """
    matches = precision.match(predictions, truths)
    expected = matches.truths.sum()
    if not len(matches.scores) or not expected:
        return 0.5
    hits = np.cumsum(matches.hits[:, 0])
    f1 = 2 * hits / (np.arange(1, len(hits) + 1) + expected)
    good = matches.scores[f1 >= 0.99 * f1.max()]
    return round(float(good.min() + good.max()) / 2, 3)


def _coco(predictions: Sequence[Boxes], truths: Sequence[Truth]) -> tuple[float, float]:
    """mAP and AP50 by torchmetrics over faster-coco-eval."""
    import torch
    from torchmetrics.detection import MeanAveragePrecision

    def tensors(found: Sequence[Any], names: Sequence[str]) -> list[dict[str, torch.Tensor]]:
        kinds = {"boxes": torch.float32, "scores": torch.float32, "labels": torch.int64}
        return [
            {name: torch.as_tensor(np.asarray(part), dtype=kinds[name]) for name, part in pairs}
            for pairs in (zip(names, one, strict=True) for one in found)
        ]

    judge = MeanAveragePrecision(backend="faster_coco_eval")
    judge.warn_on_many_detections = False
    judge.update(
        tensors(predictions, ("boxes", "scores", "labels")), tensors(truths, ("boxes", "labels"))
    )
    result = judge.compute()
    return max(float(result["map"]), 0.0), max(float(result["map_50"]), 0.0)


def _operating(
    predictions: Sequence[Boxes], truths: Sequence[Truth], threshold: float
) -> tuple[int, int]:
    """True boxes found and boxes made at the operating score; one-to-one, largest total IoU."""
    hit = made = 0
    for (found, scores, classes), (true, true_classes) in zip(predictions, truths, strict=True):
        for c in np.unique(classes[scores >= threshold]):
            mine = found[(scores >= threshold) & (classes == c)]
            made += len(mine)
            hit += len(association.match(mine, true[true_classes == c], 0.5)[0])
    return hit, made


def _arrays(found: dict[str, Any]) -> Boxes:
    labels: NDArray[np.int64] = found["labels"].numpy() - 1
    return found["boxes"].numpy(), found["scores"].numpy(), labels

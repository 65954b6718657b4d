"""Comparison of an exported graph with the network in torch, on real frames."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from oneclick.core import boxes as geometry
from oneclick.detectors import Detector, graph_card
from oneclick.detectors.base import Frame, FrameDetections
from oneclick.detectors.graph_card import ParityReport
from oneclick.training.evaluation import evaluate
from oneclick.training.evaluation.matching import ImageTruth

LEAST_LABELS = 20
"""Labelled boxes; with fewer, torch's own boxes are the truth."""
PARTNER_IOU = 0.5


@dataclass(frozen=True)
class LabelledFrame:
    """A frame of a clip, and its labels where the clip has any."""

    picture: Frame
    truth: ImageTruth | None
    """Boxes (k, 4) px and classes (k,), index into the classes of the model."""


@dataclass(frozen=True)
class _Differences:
    boxes: int
    unmatched: int
    px: float
    score: float


def measure(
    reference: Detector, exported: Detector, frames: Sequence[LabelledFrame]
) -> ParityReport:
    """Run both over the frames and report how far they are apart.

    Args:
        reference: the network in torch.
        exported: the graph in onnxruntime.
        frames: at least one.
    """
    expected, ms_torch = _run(reference, frames)
    detections, ms_graph = _run(exported, frames)
    parts = [_compare(a, b) for a, b in zip(expected, detections, strict=True)]
    labels = [frame.truth for frame in frames if frame.truth is not None]
    is_labelled = sum(len(boxes) for boxes, _ in labels) >= LEAST_LABELS
    if is_labelled:
        rows = [k for k, frame in enumerate(frames) if frame.truth is not None]
    else:
        rows = list(range(len(frames)))
        labels = [_confident(answer, reference.threshold) for answer in expected]
    return ParityReport(
        frames=len(frames),
        boxes=sum(part.boxes for part in parts),
        unmatched=sum(part.unmatched for part in parts),
        px=round(max(part.px for part in parts), 5),
        score=round(max(part.score for part in parts), 6),
        truth="labels" if is_labelled else "torch",
        ap_torch=evaluate.score([expected[k] for k in rows], labels).map,
        ap_graph=evaluate.score([detections[k] for k in rows], labels).map,
        ms_torch=ms_torch,
        ms_graph=ms_graph,
    )


def _run(
    detector: Detector, frames: Sequence[LabelledFrame]
) -> tuple[list[FrameDetections], float]:
    """Return the detections of each frame, and the median milliseconds of one."""
    detector.detect([frames[0].picture])  # the first run is slower
    answers, milliseconds = [], []
    for frame in frames:
        start = time.perf_counter()
        answers += detector.detect([frame.picture])
        milliseconds.append(1e3 * (time.perf_counter() - start))
    return answers, round(statistics.median(milliseconds), 2)


def _confident(answer: FrameDetections, threshold: float) -> ImageTruth:
    """Return the boxes at the operating score as if they were truth."""
    boxes, scores, classes = answer
    return boxes[scores >= threshold], classes[scores >= threshold].astype(np.int64)


def _compare(a: FrameDetections, b: FrameDetections) -> _Differences:
    """Compare the detections of a frame, both ways."""
    ways = [_distances(a, b), _distances(b, a)]
    return _Differences(
        boxes=sum(way.boxes for way in ways),
        unmatched=sum(way.unmatched for way in ways),
        px=max(way.px for way in ways),
        score=max(way.score for way in ways),
    )


def _distances(a: FrameDetections, b: FrameDetections) -> _Differences:
    """Compare each box of `a` that is not too low with the nearest of its class in `b`."""
    keep = a[1] >= graph_card.COMPARED_SCORE
    boxes, scores, classes = a[0][keep], a[1][keep], a[2][keep]
    if not len(boxes):
        return _Differences(0, 0, 0.0, 0.0)
    if not len(b[0]):
        return _Differences(len(boxes), len(boxes), 0.0, 0.0)
    apart = np.abs(boxes[:, None] - b[0][None]).max(2) + np.abs(scores[:, None] - b[1][None])
    apart[classes[:, None] != b[2][None]] = np.inf
    partners = apart.argmin(1)
    iou = geometry.iou(boxes, b[0])[np.arange(len(boxes)), partners]
    has_partner = (classes == b[2][partners]) & (iou >= PARTNER_IOU)
    px = np.abs(boxes - b[0][partners]).max(1)[has_partner]
    score = np.abs(scores - b[1][partners])[has_partner]
    lost = int((~has_partner).sum())
    return _Differences(len(boxes), lost, float(px.max(initial=0)), float(score.max(initial=0)))

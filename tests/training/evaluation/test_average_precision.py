from __future__ import annotations

import itertools

import numpy as np
import pytest

from oneclick.training.evaluation import average_precision, evaluate
from oneclick.training.evaluation.matching import ImageDetections, ImageTruth
from tests.fakes import arrays


def image(*rows: tuple[float, ...]) -> ImageDetections:
    """Rows of x1 y1 x2 y2 score class."""
    table = np.array(rows, np.float32).reshape(-1, 6)
    return table[:, :4], table[:, 4], table[:, 5].astype(np.int64)


def truth(*rows: tuple[float, ...]) -> ImageTruth:
    """Rows of x1 y1 x2 y2 class."""
    table = np.array(rows, np.float32).reshape(-1, 5)
    return table[:, :4], table[:, 4].astype(np.int64)


A, B = (0, 0, 10, 10), (20, 0, 30, 10)
HALF = (0, 0, 10, 20)  # IoU 0.5 with A

CASES = {
    "perfect": ([image((*A, 0.9, 0))], [truth((*A, 0))], 1.0, 1.0),
    "nothing found": ([image()], [truth((*A, 0))], 0.0, 0.0),
    "nothing to find": ([image((*A, 0.9, 0))], [truth()], 0.0, 0.0),
    "no image": ([], [], 0.0, 0.0),
    # IoU exactly 0.5 counts at the first of ten thresholds only.
    "just half": ([image((*HALF, 0.9, 0))], [truth((*A, 0))], 0.1, 1.0),
    # Recall 0 … 0.5 with precision 1: 51 of the 101 points.
    "one of two": ([image((*A, 0.9, 0))], [truth((*A, 0), (*B, 0))], 51 / 101, 51 / 101),
    # A false box above the true one halves the precision everywhere.
    "false box first": ([image((*B, 0.9, 0), (*A, 0.8, 0))], [truth((*A, 0))], 0.5, 0.5),
    "false box last": ([image((*A, 0.9, 0), (*B, 0.8, 0))], [truth((*A, 0))], 1.0, 1.0),
    "found twice": ([image((*A, 0.9, 0), (*A, 0.8, 0))], [truth((*A, 0))], 1.0, 1.0),
    "wrong class": ([image((*A, 0.9, 1))], [truth((*A, 0))], 0.0, 0.0),
    "second class missed": ([image((*A, 0.9, 0))], [truth((*A, 0), (*B, 1))], 0.5, 0.5),
}


@pytest.mark.parametrize("case", CASES)
def test_hand_worked_examples(case: str) -> None:
    predictions, truths, mean, at_half = CASES[case]
    metrics = evaluate.score(predictions, truths)
    assert (metrics.map, metrics.ap50) == pytest.approx((mean, at_half), abs=1e-6)
    precisions = average_precision.average(average_precision.match(predictions, truths))
    assert average_precision.mean(precisions)[0] == pytest.approx(mean)


def crowd(seed: int, images: int = 12) -> tuple[list[ImageDetections], list[ImageTruth]]:
    """Shaken, missing and false boxes of two classes; tied scores."""
    rng = np.random.default_rng(seed)
    predictions: list[ImageDetections] = []
    truths: list[ImageTruth] = []
    for _ in range(images):
        n = int(rng.integers(0, 5))
        low = rng.uniform(0, 100, (n, 2))
        true = np.concatenate([low, low + rng.uniform(10, 40, (n, 2))], 1)
        classes = rng.integers(0, 2, n)
        noisy_boxes = np.repeat(true, 2, 0) + rng.normal(0, 3, (2 * n, 4))
        scores = rng.integers(1, 10, 2 * n) / 10
        predictions.append((noisy_boxes.astype(np.float32), scores, np.repeat(classes, 2)))
        truths.append((true.astype(np.float32), classes))
    return predictions, truths


@pytest.mark.parametrize("seed", range(4))
def test_our_average_precision_agrees_with_the_coco_evaluator(seed: int) -> None:
    predictions, truths = crowd(seed)
    official = evaluate.score(predictions, truths)
    precisions = average_precision.average(average_precision.match(predictions, truths))
    # A recall that equals one of the 101 points up to rounding may fall on either side of it.
    assert average_precision.mean(precisions)[0] == pytest.approx(official.map, abs=2e-3)
    assert np.nanmean(precisions[0, :, 0]) == pytest.approx(official.ap50, abs=0.011)


def test_the_weight_two_is_the_same_as_the_clip_twice() -> None:
    predictions, truths = crowd(9, images=6)
    groups = np.array([0, 0, 1, 1, 2, 2])
    weights = np.array([[2.0, 0.0, 1.0]])
    indices = [0, 1, 0, 1, 4, 5]
    again = average_precision.match([predictions[k] for k in indices], [truths[k] for k in indices])
    weighted = average_precision.average(
        average_precision.match(predictions, truths, groups), weights
    )
    assert average_precision.mean(weighted)[0] == pytest.approx(
        average_precision.mean(average_precision.average(again))[0], abs=0.02
    )


def test_recall_and_precision_are_those_of_an_exhaustive_matching() -> None:
    predictions, truths = crowd(3, images=8)
    metrics = evaluate.score(predictions, truths, threshold=0.5)
    hit = prediction_count = 0
    for (boxes, scores, classes), (true, true_classes) in zip(predictions, truths, strict=True):
        for c in (0, 1):
            mine = boxes[(scores >= 0.5) & (classes == c)]
            prediction_count += len(mine)
            hit += _most_pairs(mine, true[true_classes == c])
    assert metrics.recall == hit / metrics.boxes
    assert metrics.precision == hit / prediction_count


def _most_pairs(a: np.ndarray, b: np.ndarray) -> int:
    from oneclick.core import boxes

    if len(a) < len(b):
        a, b = b, a
    good = boxes.iou(a, b) >= 0.5
    return max(
        (sum(good[i, j] for j, i in enumerate(rows)) for rows in
         itertools.permutations(range(len(a)), len(b))),
        default=0,
    )  # fmt: skip


def test_a_clip_is_scored_against_its_tracks_at_a_stride() -> None:
    frames = np.arange(6)
    boxes = np.tile(np.array([[0, 0, 10, 10]], np.float32), (6, 1))
    true = arrays.tracks(
        frames=frames,
        tracks=np.zeros(6),
        boxes=boxes,
        scores=np.ones(6),
        classes=np.zeros(6),
        origins=np.full(6, "h"),
        length=6,
        fps=10.0,
    )
    detections = arrays.detections(
        frames=frames[::2],
        boxes=boxes[::2],
        scores=np.ones(3),
        classes=np.zeros(3),
        length=6,
        fps=10.0,
    )
    assert evaluate.score_clip(detections, true, stride=2).map == 1
    all_frames = evaluate.score_clip(detections, true)
    assert (all_frames.images, all_frames.boxes, all_frames.recall) == (6, 6, 0.5)


def test_the_operating_point_separates_good_from_bad_scores() -> None:
    predictions = [image((*A, 0.8, 0), (*B, 0.3, 0)), image((*A, 0.9, 0), (*B, 0.2, 0))]
    point = evaluate.operating_point(predictions, [truth((*A, 0)), truth((*A, 0))])
    assert 0.3 < point <= 0.8
    assert evaluate.operating_point([image()], [truth((*A, 0))]) == 0.5

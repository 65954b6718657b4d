"""mAP by an independent implementation: torchmetrics over faster-coco-eval."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from oneclick.training.evaluation import matching
from oneclick.training.evaluation.matching import ImageDetections, ImageTruth

if TYPE_CHECKING:
    import torch

    Tensors = list[dict[str, torch.Tensor]]


def mean_average_precision(
    predictions: Sequence[ImageDetections],
    truths: Sequence[ImageTruth],
    ignored: Sequence[NDArray[np.floating]] | None = None,
) -> tuple[float, float]:
    """Compute mAP and AP50, 0 … 1; `ignored` as in `average_precision.match`."""
    from torchmetrics.detection import MeanAveragePrecision

    metric = MeanAveragePrecision(backend="faster_coco_eval")
    metric.warn_on_many_detections = False
    no_regions = [np.zeros((0, 4))] * len(truths)
    images = zip(predictions, truths, ignored or no_regions, strict=True)
    truths_with_crowds = [add_crowds(*image) for image in images]
    metric.update(
        to_tensors(predictions, ("boxes", "scores", "labels")),
        to_tensors(truths_with_crowds, ("boxes", "labels", "iscrowd")),
    )
    scores = metric.compute()
    return max(float(scores["map"]), 0.0), max(float(scores["map_50"]), 0.0)


def add_crowds(
    prediction: ImageDetections, truth: ImageTruth, regions: NDArray[np.floating]
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return true boxes, classes and crowd marks of one image, (n,) each.

    COCO ignores a false positive if the IoU threshold's share of it lies in a crowd, this project
    if half of it does, whatever the threshold. So each ignored detection brings a crowd of just its
    own size.
    """
    ignored = matching.inside(np.asarray(prediction[0], float), np.asarray(regions, float))
    crowds = np.asarray(prediction[0], np.float32)[ignored]
    true_boxes = np.asarray(truth[0], np.float32).reshape(-1, 4)
    return (
        np.concatenate([true_boxes, crowds]),
        np.concatenate([truth[1], prediction[2][ignored]]),
        np.repeat([0, 1], [len(true_boxes), len(crowds)]),
    )


def to_tensors(images: Sequence[Any], names: Sequence[str]) -> Tensors:
    """Convert a tuple of arrays per image to a dictionary of tensors per image."""
    import torch

    floats = {"boxes", "scores"}
    return [
        {
            name: torch.as_tensor(
                np.asarray(array), dtype=torch.float32 if name in floats else torch.int64
            )
            for name, array in zip(names, arrays, strict=True)
        }
        for arrays in images
    ]

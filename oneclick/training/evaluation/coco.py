"""mAP by an outside judge: torchmetrics over faster-coco-eval."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from oneclick.training.evaluation import matching
from oneclick.training.evaluation.matching import Boxes, Truth

if TYPE_CHECKING:
    import torch

    Tensors = list[dict[str, torch.Tensor]]


def judge(
    predictions: Sequence[Boxes],
    truths: Sequence[Truth],
    ignored: Sequence[NDArray[np.floating]] | None = None,
) -> tuple[float, float]:
    """MAP and AP50; `ignored` as in `precision.match`."""
    from torchmetrics.detection import MeanAveragePrecision

    metric = MeanAveragePrecision(backend="faster_coco_eval")
    metric.warn_on_many_detections = False
    none = [np.zeros((0, 4))] * len(truths)
    pairs = zip(predictions, truths, ignored or none, strict=True)
    asked = [_with_crowds(*pair) for pair in pairs]
    metric.update(
        _tensors(predictions, ("boxes", "scores", "labels")),
        _tensors(asked, ("boxes", "labels", "iscrowd")),
    )
    result = metric.compute()
    return max(float(result["map"]), 0.0), max(float(result["map_50"]), 0.0)


def _with_crowds(
    found: Boxes, truth: Truth, regions: NDArray[np.floating]
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Boxes, classes and crowd marks.

    COCO forgives a detection if the IoU threshold's share of it lies in a crowd, we if half of it
    does, whatever the threshold. So each forgiven detection brings a crowd of just its own size.
    """
    inside = matching.inside(np.asarray(found[0], float), np.asarray(regions, float))
    crowds = np.asarray(found[0], np.float32)[inside]
    true = np.asarray(truth[0], np.float32).reshape(-1, 4)
    return (
        np.concatenate([true, crowds]),
        np.concatenate([truth[1], found[2][inside]]),
        np.repeat([0, 1], [len(true), len(crowds)]),
    )


def _tensors(found: Sequence[Any], names: Sequence[str]) -> Tensors:
    import torch

    real = {"boxes", "scores"}
    return [
        {
            name: torch.as_tensor(
                np.asarray(part), dtype=torch.float32 if name in real else torch.int64
            )
            for name, part in zip(names, one, strict=True)
        }
        for one in found
    ]

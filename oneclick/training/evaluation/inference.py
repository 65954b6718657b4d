"""Inference on a test set: predictions, ground truth and metadata of every image."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Sized
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from oneclick.core import progress
from oneclick.training.evaluation import slices
from oneclick.training.evaluation.matching import ImageDetections, ImageTruth
from oneclick.training.evaluation.slices import ImageMetadata

if TYPE_CHECKING:
    import torch
    from torch import nn

    from oneclick.training.data import Batch


@dataclass(kw_only=True)
class LabelledPredictions:
    """Predictions of a model on a test set and the ground truth, image by image."""

    predictions: list[ImageDetections] = field(default_factory=list)
    truths: list[ImageTruth] = field(default_factory=list)
    keys: list[tuple[str, int]] = field(default_factory=list)
    """Clip and frame."""
    ignored: list[NDArray[np.float32]] = field(default_factory=list)
    """(k, 4) px: regions to ignore."""
    night: list[bool] = field(default_factory=list)
    heights: list[float] = field(default_factory=list)
    """Of the images, px."""
    traits: list[tuple[str, ...]] = field(default_factory=list)
    """Attributes of each true box."""

    def add(self, batch: Batch, outputs: Sequence[dict[str, torch.Tensor]]) -> None:
        """Append one batch and the network's outputs for it."""
        for output in outputs:
            boxes, scores, labels = (
                output[name].cpu().numpy() for name in ("boxes", "scores", "labels")
            )
            self.predictions.append((boxes, scores, labels - 1))
        self.keys += batch.keys
        self.ignored += [regions.numpy() for regions in batch.ignored]
        self.night += [slices.is_night(image.numpy()) for image in batch.images]
        self.heights += [float(image.shape[-2]) for image in batch.images]
        for target, traits in zip(batch.targets, batch.traits, strict=True):
            boxes, labels = target["boxes"].numpy(), target["labels"].numpy()
            self.truths.append((boxes, labels.astype(np.int64) - 1))
            self.traits += traits or ((),) * len(boxes)

    def metadata(self) -> ImageMetadata:
        """Return what slices are made by."""
        clips = tuple(clip for clip, _ in self.keys)
        night, heights = np.array(self.night, bool), np.array(self.heights)
        return ImageMetadata(clips=clips, night=night, heights=heights, traits=tuple(self.traits))


def predict(
    model: nn.Module, batches: Iterable[Batch], task: str = "evaluate"
) -> LabelledPredictions:
    """Run a model, on its device, over labelled batches.

    Args:
        task: name under which progress is reported to core.progress.
    """
    import torch

    model.eval()
    device = next((weight.device for weight in model.parameters()), torch.device("cpu"))
    predictions = LabelledPredictions()
    total = len(batches) if isinstance(batches, Sized) else 0
    for batch in progress.track(task, batches, total):
        if not batch.images:  # all of them are broken
            continue
        with torch.inference_mode():
            images = [image.to(device, non_blocking=True) for image in batch.images]
            outputs = model([image.float().div_(255) for image in images])
        predictions.add(batch, outputs)
    return predictions

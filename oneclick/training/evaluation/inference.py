"""A network run over a test set: its answers, the truth, and what is known of every image."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Sized
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from oneclick.core import progress
from oneclick.training.evaluation import slices
from oneclick.training.evaluation.matching import Boxes, Truth
from oneclick.training.evaluation.slices import Facts

if TYPE_CHECKING:
    import torch
    from torch import nn

    from oneclick.training.data import Batch


@dataclass
class Seen:
    """A model's answers to a test set, image by image, and what is true there."""

    predictions: list[Boxes] = field(default_factory=list)
    truths: list[Truth] = field(default_factory=list)
    keys: list[tuple[str, int]] = field(default_factory=list)
    """Clip and frame."""
    ignored: list[NDArray[np.float32]] = field(default_factory=list)
    """Regions where nothing is asked."""
    night: list[bool] = field(default_factory=list)
    heights: list[float] = field(default_factory=list)
    """Of the images, px."""
    traits: list[tuple[str, ...]] = field(default_factory=list)
    """Attributes of each true box."""

    def add(self, batch: Batch, found: Sequence[dict[str, torch.Tensor]]) -> None:
        """Take in one batch and the answers to it."""
        self.predictions += [_arrays(one) for one in found]
        self.keys += batch.keys
        self.ignored += [regions.numpy() for regions in batch.ignored]
        self.night += [slices.night(image.numpy()) for image in batch.images]
        self.heights += [float(image.shape[-2]) for image in batch.images]
        for target, traits in zip(batch.targets, batch.traits, strict=True):
            boxes, labels = target["boxes"].numpy(), target["labels"].numpy()
            self.truths.append((boxes, labels.astype(np.int64) - 1))
            self.traits += traits or ((),) * len(boxes)

    def facts(self) -> Facts:
        """What slices are cut by."""
        clips = tuple(clip for clip, _ in self.keys)
        return Facts(clips, np.array(self.night, bool), np.array(self.heights), tuple(self.traits))


def see(model: nn.Module, batches: Iterable[Batch], what: str = "evaluate") -> Seen:
    """Run a model, on the device where it is, over labelled batches."""
    import torch

    model.eval()
    device = next((weight.device for weight in model.parameters()), torch.device("cpu"))
    seen = Seen()
    total = len(batches) if isinstance(batches, Sized) else 0
    for batch in progress.track(what, batches, total):
        with torch.inference_mode():
            images = [image.to(device, non_blocking=True) for image in batch.images]
            found = model([image.float().div_(255) for image in images])
        seen.add(batch, found)
    return seen


def _arrays(found: dict[str, Any]) -> Boxes:
    boxes, scores, labels = (found[name].cpu().numpy() for name in ("boxes", "scores", "labels"))
    return boxes, scores, labels - 1

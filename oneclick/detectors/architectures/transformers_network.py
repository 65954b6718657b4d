"""A detector of transformers behind torchvision's detection interface."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from oneclick.detectors.architectures import base
from oneclick.detectors.architectures.base import NetworkPlan


class TransformersNetwork(nn.Module):
    """Scales, pads and normalises images for a network of transformers, and reads its answers.

    Every landscape image is padded to the same frame and every portrait image to that frame turned
    upright, so what else is in a batch changes no detection, and a graph has fixed sides.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, network: Any, plan: NetworkPlan) -> None:
        super().__init__()
        self.network, self.plan = network, plan
        network.loss_function = float32_loss(network.loss_function)
        for name in ("mean", "std"):
            values = torch.tensor(plan.options[name]).view(3, 1, 1)
            self.register_buffer(name, values, persistent=False)

    def forward(
        self, images: Sequence[Tensor], targets: Sequence[Mapping[str, Tensor]] | None = None
    ) -> Any:
        """Return the losses of a batch in training, else the detections of each image."""
        groups: dict[tuple[int, ...], list[int]] = {}
        prepared = [self.prepare(image) for image in images]
        for k, (pixels, _) in enumerate(prepared):
            groups.setdefault(tuple(pixels.shape), []).append(k)
        if targets is not None:
            losses = [len(rows) * self.loss(prepared, targets, rows) for rows in groups.values()]
            return {"detection": torch.stack(losses).sum() / len(images)}
        detections: dict[int, dict[str, Tensor]] = {}
        for rows in groups.values():
            columns = self.detect(torch.stack([prepared[k][0] for k in rows]))
            for k, boxes, scores, labels in zip(rows, *columns, strict=True):
                detections[k] = self.convert(images[k], prepared[k][1], boxes, scores, labels)
        return [detections[k] for k in range(len(images))]

    def prepare(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Return an image (3, h, w) in 0 … 1 as the network takes it.

        Returns:
            The normalised picture, and the (x, y) factor from px of the image to px of the picture.
        """
        height, width = image.shape[-2:]
        if canvas := self.plan.options["canvas"]:
            picture = functional.interpolate(
                image[None], tuple(canvas), mode="bilinear", align_corners=False, antialias=True
            )[0]
        else:
            picture = base.resize(image, self.plan.size)
        new_height, new_width = picture.shape[-2:]
        pixels = self.pad(picture)
        return pixels, pixels.new_tensor([new_width / width, new_height / height])

    def pad(self, picture: Tensor) -> Tensor:
        """Normalise a picture (3, h, w) that fits, and pad it on the right and below."""
        height, width = picture.shape[-2:]
        short, long = self.plan.options["canvas"] or self.plan.size
        frame = (short, long) if width >= height else (long, short)
        missing = (0, frame[1] - width, 0, frame[0] - height)
        return functional.pad((picture - self.mean) / self.std, missing)

    def loss(
        self,
        prepared: Sequence[tuple[Tensor, Tensor]],
        targets: Sequence[Mapping[str, Tensor]],
        rows: Sequence[int],
    ) -> Tensor:
        """Return the loss of images of equal size, the mean over them."""
        pixels = torch.stack([prepared[k][0] for k in rows])
        size = pixels.new_tensor([pixels.shape[-1], pixels.shape[-2]])
        labels = []
        for k in rows:
            corners = targets[k]["boxes"].reshape(-1, 2, 2) * prepared[k][1] / size
            low, high = corners[:, 0], corners[:, 1]
            boxes = torch.cat([(low + high) / 2, high - low], 1)
            labels.append({"class_labels": targets[k]["labels"] - 1, "boxes": boxes})
        loss: Tensor = self.network(pixel_values=pixels, labels=labels).loss
        return loss

    def detect(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Detect in normalised pictures of one size; all shapes follow from that of `pixels`.

        Args:
            pixels: (n, 3, h, w), as `pad` returns them.

        Returns:
            Boxes (n, q, 4) px of the picture, x1 y1 x2 y2, scores (n, q) and labels (n, q),
            1 … number of classes, the highest score first.
        """
        outputs = self.network(pixel_values=pixels)
        logits, centred = outputs.logits.float(), outputs.pred_boxes.float()
        classes = len(self.plan.classes)
        if logits.shape[-1] > classes:  # the last one is "nothing here"
            probabilities = logits.softmax(-1)[..., :classes]
        else:
            probabilities = logits.sigmoid()
        scores, flat = probabilities.flatten(1).topk(logits.shape[1])
        rows = (flat // classes)[..., None].expand(-1, -1, 4)
        centre, side = centred.gather(1, rows).split(2, -1)
        corners = torch.cat([centre - side / 2, centre + side / 2], -1)
        height, width = pixels.shape[-2:]
        return corners * corners.new_tensor([width, height] * 2), scores, flat % classes + 1

    def convert(
        self, image: Tensor, factor: Tensor, boxes: Tensor, scores: Tensor, labels: Tensor
    ) -> dict[str, Tensor]:
        """Return the detections of one picture in px of its image, without the lowest scores."""
        keep = scores >= base.LOWEST_SCORE
        height, width = image.shape[-2:]
        corners = boxes[keep] / factor.repeat(2)
        limit = corners.new_tensor([width, height] * 2)
        corners = torch.minimum(corners.clamp(min=0), limit)
        return {"boxes": corners, "scores": scores[keep], "labels": labels[keep]}


def float32_loss(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a loss function of transformers that computes in float32 under autocast.

    In bfloat16 a box has steps of half a percent of the picture. Where the network's answers are
    not finite the loss is NaN, so that training names the images; the matcher would only raise.
    """

    def loss(
        logits: Tensor, labels: Any, device: Any, boxes: Tensor, *rest: Any, **more: Any
    ) -> Any:
        if not (torch.isfinite(logits).all() and torch.isfinite(boxes).all()):
            return logits.float().sum() * math.nan, {}, None
        with torch.autocast(logits.device.type, enabled=False):
            parts = (_float32(part) for part in rest)
            named = {name: _float32(part) for name, part in more.items()}
            return function(logits.float(), labels, device, boxes.float(), *parts, **named)

    return loss


def _float32(part: Any) -> Any:
    """Return a nest of lists and dictionaries with all floating-point tensors in float32."""
    if isinstance(part, Tensor):
        return part.float() if part.is_floating_point() else part
    if isinstance(part, dict):
        return {name: _float32(value) for name, value in part.items()}
    if isinstance(part, list | tuple):
        return type(part)(_float32(value) for value in part)
    return part

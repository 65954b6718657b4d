"""The plan that a network is built from, the weights that it starts from, and image sizes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

LARGE_SIZE = (480, 800)
"""Frame of networks that name no size of their own: as many pixels as 640×640."""
LOWEST_SCORE = 0.05
"""Detections below it are dropped inside the network."""


@dataclass(frozen=True, kw_only=True)
class NetworkPlan:
    """All that it takes to build a network again; a model's card and its checkpoint hold it."""

    arch: str
    """Name of the architecture, as `train.model` gives it."""
    classes: tuple[str, ...]
    """Label k is `classes[k - 1]`; label 0 is the background."""
    size: tuple[int, int]
    """Height and width in px of the landscape frame that images are fitted into."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Configuration of the network, as JSON holds it; empty where the name says all."""


@dataclass(frozen=True, kw_only=True)
class PublishedWeights:
    """Weights of others that a network may start from."""

    source: str
    """Name of the repository, the folder, or the model of torchvision."""
    tensors: Mapping[str, Tensor]
    classes: Sequence[str] = ()
    """Class of each row of the tensors in `by_class`."""
    by_class: frozenset[str] = frozenset()
    """Tensors with a row for each class, and at most one more for none of them."""


@dataclass(frozen=True, kw_only=True)
class StartingWeights:
    """What a network took over from published weights before its first step."""

    source: str
    digest: str
    """First eight hexadecimal digits of the sha256 of the published weights."""
    tensors: int
    """Tensors that were taken over whole."""
    classes: tuple[str, ...]
    """Classes that the source knows by the same name, so that their rows were taken over."""
    fresh: tuple[str, ...]
    """Tensors that stay random, if only in the rows of other classes."""


def fitted_size(size: tuple[int, int], height: int, width: int) -> tuple[int, int]:
    """Return height and width of an image after fitting it into a landscape frame of `size`.

    Proportions stay; a portrait image is fitted into the frame turned upright. An image that fits
    already keeps its size.
    """
    short, long = size
    scale = min(short / min(height, width), long / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def resize(image: Tensor, size: tuple[int, int]) -> Tensor:
    """Fit an image (3, h, w) into a frame, with anti-aliasing; one that fits is returned itself."""
    from torch.nn import functional

    height, width = image.shape[-2:]
    new = fitted_size(size, height, width)
    if new == (height, width):
        return image
    return functional.interpolate(
        image[None], new, mode="bilinear", align_corners=False, antialias=True
    )[0]


def adopt(
    weights: Mapping[str, Tensor], classes: Sequence[str], published: PublishedWeights
) -> tuple[dict[str, Tensor], StartingWeights]:
    """Return the weights of a network with published ones in place, and what was taken over.

    Args:
        weights: of the network, random.
        classes: that it detects; label k is `classes[k - 1]`.
        published: taken over where name and shape agree, and class by class where names do.
    """
    adopted, fresh = dict(weights), []
    for name, value in weights.items():
        other = published.tensors.get(name)
        if other is None or other.shape[1:] != value.shape[1:]:
            fresh.append(name)
        elif name in published.by_class:
            adopted[name], complete = _adopt_rows(value, other, classes, published.classes)
            if not complete:
                fresh.append(name)
        elif other.shape == value.shape:
            adopted[name] = other.to(value.dtype)
        else:
            fresh.append(name)
    shared = tuple(name for name in classes if name in published.classes)
    return adopted, StartingWeights(
        source=published.source,
        digest=digest(published.tensors),
        tensors=len(weights) - len(fresh),
        classes=shared if published.by_class else (),
        fresh=tuple(fresh),
    )


def _adopt_rows(
    value: Tensor, other: Tensor, classes: Sequence[str], names: Sequence[str]
) -> tuple[Tensor, bool]:
    """Return a tensor with the rows of classes of the same name, and whether no row is random."""
    merged, complete = value.clone(), True
    for row, class_name in enumerate(classes):
        if class_name in names:
            merged[row] = other[names.index(class_name)]
        else:
            complete = False
    if len(value) > len(classes):  # the row for none of them is the last one
        if len(other) > len(names):
            merged[-1] = other[-1]
        else:
            complete = False
    return merged, complete


def digest(weights: Mapping[str, Tensor]) -> str:
    """Return the first eight hexadecimal digits of the sha256 of all tensors and their names."""
    import torch

    checksum = hashlib.sha256()
    for name, value in sorted(weights.items()):
        checksum.update(name.encode())
        content: Any = value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy()
        checksum.update(content)
    return checksum.hexdigest()[:8]

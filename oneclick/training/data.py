"""Images and boxes of a dataset version, read where they are needed.

Nothing is held per image: a clip's annotation is opened in `__getitem__`, decoded once per worker
and kept in a small cache. A worker starts as fast at ten million images as at ten thousand.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset

from oneclick.core.datasets import DatasetClip, Split
from oneclick.core.errors import BadInput
from oneclick.detectors import networks
from oneclick.storage import datasets, published_labels
from oneclick.training import label_masking
from oneclick.training.augment import Image, augment
from oneclick.training.sample import WINDOW, Draw, Draws, Plan, Walk, in_order, visit, weights

CLIPS_KEPT = WINDOW
"""Opened annotations a worker keeps."""
IMAGE_BYTES = 512 << 20
"""Decoded images that all workers together keep, where that holds the whole split: on two cores
decoding is a fifth of a step."""
NOTHING = np.zeros((0, 4), np.float32)
REDUCED = {
    2: cv2.IMREAD_REDUCED_COLOR_2,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    8: cv2.IMREAD_REDUCED_COLOR_8,
}


class Item(NamedTuple):
    """One image."""

    image: torch.Tensor
    """(3, h, w) uint8 RGB."""
    boxes: torch.Tensor
    """(n, 4) float32 px of the image."""
    labels: torch.Tensor
    """(n,) int64, 1 … number of classes."""
    key: tuple[str, int]
    """Clip and frame."""
    ignored: torch.Tensor
    """(k, 4) px: regions where nothing is asked; greyed out where the image is augmented."""
    traits: tuple[tuple[str, ...], ...]
    """Attributes of each box as "posture=lying"; empty where the image is augmented."""


@dataclass(frozen=True)
class Batch:
    """What a network takes, and what else is known."""

    images: list[torch.Tensor]
    targets: list[dict[str, torch.Tensor]]
    """`boxes` and `labels`."""
    keys: list[tuple[str, int]]
    ignored: list[torch.Tensor]
    traits: list[tuple[tuple[str, ...], ...]]


@dataclass(frozen=True)
class View:
    """How a network sees the images of a dataset version."""

    arch: str
    """Decides the size."""
    classes: tuple[str, ...]
    stride: int = 1
    """Every n-th frame of a clip is an image."""
    origins: Mapping[str, float] | None = None
    """How much boxes count by the letter of their origin, 0 … 1; 1 where it is silent."""


class ClipImages(Dataset[Item]):
    """One split of a dataset version; a Draw of `sample` or a number names an image.

    A Draw with a seed gives the augmented image, in which regions to ignore and boxes that do not
    count this time are greyed out.

    Raises:
        BadInput: the manifest is missing or broken; on access, an image or a label file is.
    """

    def __init__(
        self, root: Path, version: str, split: Split, view: View, workers: int = 0
    ) -> None:
        self.root, self.view = root, view
        self.index = datasets.index_of(root / "datasets" / version, split)
        room = IMAGE_BYTES // max(1, workers)
        height, width = networks.size(view.arch)
        frames = int(self.index.frames.sum()) // view.stride
        self._keep = frames * height * width * 3 <= room
        self._forget()

    def walk(self) -> Walk:
        """Every image once."""
        return Walk(self.index.frames, self.view.stride)

    def visits(self, wanted: Mapping[str, float]) -> Walk:
        """As training walks; `wanted` as in `sample.weights`."""
        walk = self.walk()
        factors = weights(self.index, wanted)
        return Walk(self.index.frames, self.view.stride, factors, visit(walk.images))

    def __len__(self) -> int:
        return int((-(-self.index.frames // self.view.stride)).sum())

    def __getitem__(self, which: int | Draw) -> Item:
        draw = which if isinstance(which, Draw) else self._numbered(which)
        line, annotation = self._clip(draw.clip)
        image, scale = self._image(line, draw.frame)
        found = annotation.at(draw.frame)
        key = (line.clip, draw.frame)
        if draw.seed is not None:
            return self._changed(image, scale, found, draw.seed, key)
        labels = self._labels(found.classes)
        return _item(image, found.boxes * scale, labels, key, found.ignored * scale, found.traits)

    def _changed(
        self,
        image: Image,
        scale: NDArray[np.float32],
        found: published_labels.Frame,
        seed: int,
        key: tuple[str, int],
    ) -> Item:
        """The image as training sees it."""
        boxes, labels = found.boxes * scale, self._labels(found.classes)
        if self.view.origins or len(found.ignored):
            # A stream of its own: what is left out does not change how the rest is augmented.
            chance = np.random.default_rng((seed, 1))
            out = label_masking.left_out(found.origins, self.view.origins or {}, chance)
            hidden = np.concatenate([boxes[out], found.ignored * scale])
            boxes, labels = boxes[~out], labels[~out]
            image = label_masking.greyed(image, hidden, boxes)
        image, boxes, seen = augment(image, boxes, np.random.default_rng(seed))
        return _item(image, boxes, labels[seen], key)

    def __getstate__(self) -> dict[str, object]:
        kept = {k: v for k, v in self.__dict__.items() if not k.startswith("_")}
        return kept | {"_keep": self._keep}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        self._forget()

    def _forget(self) -> None:
        self._clips: OrderedDict[int, tuple[DatasetClip, published_labels.Annotation]] = (
            OrderedDict()
        )
        self._images: dict[tuple[str, int], tuple[Image, NDArray[np.float32]]] = {}
        self._walk: Walk | None = None

    def _numbered(self, number: int) -> Draw:
        if not 0 <= number < len(self):
            raise IndexError(number)
        self._walk = self._walk or self.walk()
        clips, frames = self._walk.at(np.array([number]), np.zeros(1, np.int64))
        return Draw(int(clips[0]), int(frames[0]))

    def _labels(self, names: tuple[str, ...]) -> NDArray[np.int64]:
        """Label 0 is the background; a model may know the classes in an order of its own."""
        return np.array([self.view.classes.index(name) + 1 for name in names], np.int64)

    def _clip(self, number: int) -> tuple[DatasetClip, published_labels.Annotation]:
        if number not in self._clips:
            line = self.index.clip(number)
            path = f"{self.root}/clips/{line.clip}/{datasets.labels_name(line.revision)}"
            self._clips[number] = line, published_labels.opened(path, line, self.view.classes)
            if len(self._clips) > CLIPS_KEPT:
                self._clips.popitem(last=False)
        self._clips.move_to_end(number)
        return self._clips[number]

    def _image(self, line: DatasetClip, frame: int) -> tuple[Image, NDArray[np.float32]]:
        """The image at the network's size, and the factor per box side."""
        kept = self._images.get((line.clip, frame))
        if kept is None:
            path = f"{self.root}/clips/{line.clip}/frames/{frame:06d}.jpg"
            kept = read(path, self.view.arch, (line.height, line.width))
            if self._keep:
                self._images[line.clip, frame] = kept
        return kept


def read(path: str, arch: str, size: tuple[int, int]) -> tuple[Image, NDArray[np.float32]]:
    """Read an image at the size `arch` wants: (h, w, 3) RGB, and the factor per box side (4,).

    A JPEG much larger than that is decoded at a half, a quarter or an eighth, which is faster.

    Args:
        size: height and width of the image as it was published.

    Raises:
        BadInput: it is missing, does not decode or has another size.
    """
    height, width = size
    new_height, new_width = networks.fitted(arch, height, width)
    factor = _reduction(min(height / new_height, width / new_width))
    mode = REDUCED.get(factor, cv2.IMREAD_COLOR)
    image = cv2.imread(path, mode | cv2.IMREAD_IGNORE_ORIENTATION)
    if image is None:
        raise BadInput(f"cannot read image {path}: run oneclick data verify")
    if image.shape[:2] != (-(-height // factor), -(-width // factor)):
        raise BadInput(f"image {path} is not {width}×{height} px: run oneclick data verify")
    small = cv2.resize(image, (new_width, new_height), interpolation=cv2.INTER_AREA)
    scale = np.array([new_width / width, new_height / height] * 2, np.float32)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2RGB), np.uint8), scale


def _reduction(shrink: float) -> int:
    """The largest power of two, up to eight, by which an image still shrinks on the way."""
    return next((factor for factor in (8, 4, 2) if factor <= shrink), 1)


def _item(
    image: Image,
    boxes: NDArray[np.float32],
    labels: NDArray[np.int64],
    key: tuple[str, int],
    ignored: NDArray[np.float32] = NOTHING,
    traits: tuple[tuple[str, ...], ...] = (),
) -> Item:
    # Boxes thinner than half a pixel have no area to learn and torchvision refuses them.
    keep = np.asarray((boxes[:, 2:] - boxes[:, :2]) >= 0.5).all(axis=1)
    if not keep.all():
        boxes, labels = boxes[keep], labels[keep]
        traits = tuple(traits[k] for k in np.flatnonzero(keep).tolist()) if traits else ()
    return Item(
        torch.from_numpy(image).permute(2, 0, 1),
        torch.from_numpy(boxes),
        torch.from_numpy(labels),
        key,
        torch.from_numpy(ignored),
        traits,
    )


def collate(items: list[Item]) -> Batch:
    """Side by side; sizes may differ, images without boxes stay."""
    return Batch(
        [item.image for item in items],
        [{"boxes": item.boxes, "labels": item.labels} for item in items],
        [item.key for item in items],
        [item.ignored for item in items],
        [item.traits for item in items],
    )


def training_batches(
    images: ClipImages, walk: Walk, plan: Plan, workers: int = 0, passes: int = 1
) -> DataLoader[Item]:
    """Augmented images: `passes` batches for each step of `plan`."""
    draws = Draws(walk, plan)
    return _loader(images, draws.share // passes, draws, workers)


def plain_batches(
    images: ClipImages, batch: int, workers: int = 0, most: int | None = None
) -> DataLoader[Item]:
    """Every image once, or `most` spread over all; plain and in order."""
    return _loader(images, batch, in_order(images.walk(), most), workers)


def _loader(images: ClipImages, batch: int, draws: Any, workers: int) -> DataLoader[Item]:
    return DataLoader(
        images,
        batch,
        sampler=draws,
        collate_fn=collate,
        num_workers=workers,
        pin_memory=torch.cuda.is_available(),
        worker_init_fn=_one_thread if workers else None,
        # A fork of a process that runs threads may hang; spawned workers start clean.
        multiprocessing_context="spawn" if workers else None,
    )


def _one_thread(_: int) -> None:
    cv2.setNumThreads(1)
